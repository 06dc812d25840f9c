"""What is drawn for an epoch: the order of its rows, and a stream for what it drops of them."""

import torch
from torch import Tensor


def draw_order(n_rows: int, generator: torch.Generator | None) -> Tensor:
    """Draw the order of the rows of an epoch."""
    return torch.randperm(n_rows, generator=generator)


def stream_beside(generator: torch.Generator | None) -> torch.Generator:
    """Return a generator of changes of an epoch's rows, without drawing anything for its seed.

    So orders are the same with and without such changes.
    """
    beside = torch.Generator()
    beside.set_state((torch.default_generator if generator is None else generator).get_state())
    return draw_stream(beside)


def draw_stream(generator: torch.Generator | None) -> torch.Generator:
    """Return a generator of what an epoch drops of its rows, whose seed is drawn after the order.

    Batches are drawn from it one by one. However many of them there are, the order of the next
    epoch stays the same.
    """
    seed = torch.randint(2**62, (), generator=generator)
    return torch.Generator().manual_seed(int(seed))
