"""A loss or weights that are no longer finite, and what to try."""

from collections.abc import Iterable
from math import copysign, inf, isnan
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

LARGEST_LOSS = float(np.finfo(np.float32).max)
"""What float32 cannot hold is no loss to go on with, in float64 either."""


class DivergenceError(FloatingPointError, ValueError):
    """The loss or the weights are no longer finite."""


def divergence_error(
    what: str, where: str, rate: float, name: str = "alpha_zero"
) -> DivergenceError:
    """Build the error that says where a training blew up and what to try.

    Parameters
    ----------
    what : str
        What is not finite.
    where : str
        Step or epoch.
    rate : float
        Learning rate there.
    name : str, default="alpha_zero"
        Argument that sets it.

    Examples
    --------
    >>> print(divergence_error("the training loss is nan", "at step 3", 0.5))
    Training diverged: the training loss is nan at step 3, learning rate 0.5. Scale the inputs \
(StandardScaler in a Pipeline), lower alpha_zero, or set max_grad_norm on the net.
    """
    return DivergenceError(
        f"Training diverged: {what} {where}, learning rate {rate:.4g}. "
        f"Scale the inputs (StandardScaler in a Pipeline), lower {name}, "
        "or set max_grad_norm on the net."
    )


def divergence_of(net: Any, what: str) -> DivergenceError:
    """Build the error for a net that trains by itself, in its last epoch."""
    rate = net.optimizer_.param_groups[0]["lr"]
    return divergence_error(what, f"in epoch {len(net.history)}", rate, name="lr")


def is_too_large(loss: float) -> bool:
    """Say whether a loss is not finite, or larger than float32 can hold."""
    return not abs(loss) <= LARGEST_LOSS


def loss_seen(loss: float) -> str:
    """Say what is the matter with a loss that is not finite."""
    return f"the training loss is {loss if isnan(loss) else copysign(inf, loss)}"


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Say whether all values of tensors of floats are finite."""
    finite = [torch.isfinite(tensor).all() for tensor in tensors]
    # One look for all tensors of a device: on a GPU each look waits for it.
    groups = {flag.device: [f for f in finite if f.device == flag.device] for flag in finite}
    return all(bool(torch.stack(flags).all()) for flags in groups.values())


def has_finite_weights(net: Any) -> bool:
    """Say whether all weights of an initialised net are finite; lazy ones are not there yet."""
    modules = [getattr(net, f"{name}_") for name in net._modules]
    weights = (p for m in modules if isinstance(m, nn.Module) for p in m.parameters())
    return all_finite(weight for weight in weights if not is_lazy(weight))
