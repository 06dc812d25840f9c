"""The one rule by which gradients are cut to a norm."""

from torch import Tensor


def clip_factor(norm: Tensor, max_norm: float | Tensor) -> Tensor | None:
    """Return what gradients are multiplied by, or None where all are short enough.

    The rule is that of `torch.nn.utils.clip_grad_norm_`.

    Parameters
    ----------
    norm : Tensor of shape () or (n_nets,)
        Norm over all gradients of a net.
    max_norm : float or Tensor of shape (n_nets,)
        What longer gradients are cut to.

    Returns
    -------
    factor : Tensor of the shape of `norm`, or None
        None on the CPU alone: elsewhere a look at the norm would wait for the device.

    Examples
    --------
    >>> import torch
    >>> clip_factor(torch.tensor([1.0, 4.0]), 2.0)
    tensor([1.0000, 0.5000])
    >>> clip_factor(torch.tensor(1.0), 2.0) is None
    True
    """
    if norm.device.type == "cpu" and not (norm > max_norm).any():
        return None
    return (max_norm / (norm + 1e-6)).clamp(max=1.0)
