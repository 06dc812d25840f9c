"""Tensors on their way off a device, and batches that may be too large for it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor


def fetched(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Copy tensors to the CPU, in one transfer for all of one type on one device.

    Each transfer waits for the device, and one of a bias takes as long as one of a small net.

    Parameters
    ----------
    tensors : sequence of Tensor
        Dense ones.

    Returns
    -------
    copies : list of Tensor
        Without a graph, each in memory of its own.

    Examples
    --------
    >>> [copy.tolist() for copy in fetched([torch.ones(2), torch.tensor(3), torch.zeros(1, 1)])]
    [[1.0, 1.0], 3, [[0.0]]]
    """
    places: dict[Any, list[int]] = {}
    for i, tensor in enumerate(tensors):
        places.setdefault((tensor.dtype, tensor.device), []).append(i)
    copies: list[Any] = [None] * len(tensors)
    for own in places.values():
        joined = torch.cat([tensors[i].detach().flatten() for i in own]).cpu()
        pieces = joined.split([tensors[i].numel() for i in own])
        for i, piece in zip(own, pieces, strict=True):
            # A view would keep, and pickle, all that came along.
            copies[i] = torch.empty_like(
                tensors[i].detach(), device="cpu", memory_format=format_of(tensors[i])
            ).copy_(piece.view(tensors[i].shape))
    return copies


def format_of(tensor: Tensor) -> torch.memory_format:
    """Return the format that copies of a dense tensor have: images keep their channels last."""
    are_images = tensor.ndim == 4 and not tensor.is_contiguous()
    if are_images and tensor.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    return torch.contiguous_format


def within_memory(function: Callable[[Tensor], Any], batches: Iterable[Tensor]) -> Iterator[Any]:
    """Yield what a function gives for batches, which are halved from where memory runs out.

    Parameters
    ----------
    function : callable
        Of rows; it may be called again for parts of rows that it has failed for.
    batches : iterable of Tensor of shape (n_samples, ...)

    Yields
    ------
    answer : object
        For rows in their order.

    Raises
    ------
    torch.OutOfMemoryError
        If memory does not hold one row.
    """
    most: int | None = None
    for batch in batches:
        waiting = [batch]
        while waiting:
            rows = waiting.pop()
            if most is not None and len(rows) > most:
                waiting += [*rows.split(most)][::-1]
                continue
            try:
                answer = function(rows)
            except torch.OutOfMemoryError:
                if len(rows) == 1:
                    raise
                most = (len(rows) + 1) // 2
            else:
                yield answer
                continue
            # Out here the error has let go of what it had hold of.
            torch.cuda.empty_cache()
            waiting.append(rows)
