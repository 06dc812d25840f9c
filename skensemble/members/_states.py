"""States: the weights and buffers of a net, copied to the CPU."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble._typing import State
from skensemble.modules import unwrap_compiled


@contextmanager
def run_uncompiled(net: NeuralNet) -> Iterator[nn.Module]:
    """Let a net run the module inside its compiled one: only there do new hooks take effect."""
    module = net.module_
    net.module_ = unwrap_compiled(module)
    try:
        yield net.module_
    finally:
        net.module_ = module


def copy_state(module: nn.Module) -> State:
    """Copy the weights and buffers of a module to NumPy arrays on the CPU.

    The copy is needed: what `torch.nn.Module.state_dict` returns follows the training.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    state : dict of str to ndarray

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> state = copy_state(layer)
    >>> state["weight"].shape
    (1, 2)
    """
    return {
        name: value.detach().to("cpu", copy=True).contiguous().numpy()
        for name, value in unwrap_compiled(module).state_dict().items()
        if isinstance(value, Tensor)
    }


def is_finite(state: State, names: Iterable[str]) -> bool:
    """Say whether the weights of some names are finite; a buffer may be a mask of infinities."""
    return all(np.isfinite(state[name]).all() for name in names)
