"""Memory that results of layers are written into, again and again."""

from collections import defaultdict

from torch import Tensor


def buffers_like(weight: Tensor) -> dict[int, Tensor]:
    """Return memory for results of a layer, by rows of a batch.

    New memory for each would cost small nets time. It would cost large nets space, because members
    that are kept fill the gaps.
    """
    return defaultdict(lambda: weight.detach().new_empty(0))


def cast_into(buffer: Tensor, x: Tensor) -> Tensor:
    """Return the values of a tensor in the type of a buffer, and in its memory.

    Parameters
    ----------
    buffer : Tensor
        Of any shape; it takes that of `x`.
    x : Tensor
        Returned as it is where it has the type of the buffer.

    Returns
    -------
    cast : Tensor of the shape of `x`

    Examples
    --------
    >>> import torch
    >>> buffer = torch.empty(0, dtype=torch.bfloat16)
    >>> cast_into(buffer, torch.tensor([1.0, 1.001])).tolist()
    [1.0, 1.0]
    >>> buffer.shape
    torch.Size([2])
    """
    if x.dtype == buffer.dtype:
        return x
    if buffer.shape != x.shape:
        buffer.resize_(x.shape)
    return buffer.copy_(x)
