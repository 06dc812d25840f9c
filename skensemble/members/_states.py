"""States: all that makes the answer of a net, copied to the CPU."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from skensemble.members._copying import copy_modules
from skensemble.members._lean_copies import copy_by_hand, is_cheap_to_copy
from skensemble.members._transfers import fetched, format_of
from skensemble.modules import unwrap_compiled

MAIN = "module_"
"""The attribute of a net that holds its module; the tensors of others have its name before them."""

CPU = torch.device("cpu")

Parts = dict[str, nn.Module]
"""Modules by the attribute of the net that holds them."""


class MemberState(dict[str, NDArray[Any]]):
    """Tensors of a member by name, as arrays on the CPU, and the rest of what makes its answer.

    Attributes
    ----------
    parts : dict of str to Module, or None
        Copies of the net's modules, in evaluation mode and on the memory of the arrays; None where
        a template has all but the arrays.
    shell : NeuralNet or None
        The net as it was, without its modules, for a member that predicts by its net.
    further : object
        What was copied along.
    """

    parts: Parts | None = None
    shell: NeuralNet | None = None
    further: Any = None


@contextmanager
def run_uncompiled(net: NeuralNet) -> Iterator[nn.Module]:
    """Let a net run the module inside its compiled one: only there do new hooks take effect."""
    module = net.module_
    net.module_ = unwrap_compiled(module)
    try:
        yield net.module_
    finally:
        net.module_ = module


def copy_state(module: nn.Module) -> MemberState:
    """Copy a module with all that it holds; its tensors become arrays on the CPU.

    The copy is needed: what `torch.nn.Module.state_dict` returns follows the training.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    state : MemberState
        Its `parts` hold the copy; None for a module that is divided among processes.

    Raises
    ------
    InvalidParameterError
        If the module holds what cannot be copied.

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> state = copy_state(layer)
    >>> state["weight"].shape
    (1, 2)
    """
    module = unwrap_compiled(module)
    if any(hasattr(weight, "full_tensor") for weight in module.parameters()):
        # A module in parts, each in a process of its own, is whole in its state dict alone.
        return MemberState({n: as_array(copy_tensor(t)) for n, t in module.state_dict().items()})
    return copy_parts({MAIN: module})


def copy_parts(
    parts: Mapping[str, nn.Module],
    further: Any = None,
    *,
    stand_ins: Sequence[tuple[Any, Any]] = (),
) -> MemberState:
    """Copy the modules of a net, as `copy_state` copies one.

    Parameters
    ----------
    parts : mapping of str to Module
    further : object, optional
        Copied along with them; found in `further` of the state.
    stand_ins : sequence of tuple
        Objects, and what stands for each in the copies.

    Returns
    -------
    state : MemberState

    Raises
    ------
    InvalidParameterError
        If a part holds what cannot be copied.
    """
    parts = {name: unwrap_compiled(part) for name, part in parts.items()}
    named = [*named_tensors(parts)]
    state, twins = MemberState(), _fetched_twins(tensor for _, tensor in named)
    for name, tensor in named:
        if id(tensor) not in twins:
            twins[id(tensor)] = copy_tensor(tensor)
        array = as_array(twins[id(tensor)])
        if array is not None:
            state[name] = array
    if further is None and all(is_cheap_to_copy(part) for part in parts.values()):
        state.parts = {name: copy_by_hand(part, twins).eval() for name, part in parts.items()}
        return state

    def twin_of(obj: Any) -> Any:
        """Return the copy of a tensor, one for each."""
        if id(obj) not in twins:
            twins[id(obj)] = copy_tensor(obj)
        return twins[id(obj)]

    copies, state.further = copy_modules((parts, further), twin_of, stand_ins=stand_ins)
    state.parts = {name: part.eval() for name, part in copies.items()}
    return state


def _fetched_twins(tensors: Iterable[Tensor]) -> dict[int, Tensor]:
    """Copy what lies on a device, all of it at once, by the `id` of the tensors."""
    off = {id(t): t for t in tensors if not t.is_cpu and _is_plain(t)}
    twins = zip(off.items(), fetched([*off.values()]), strict=True)
    return {key: _of_kind(tensor, copy) for (key, tensor), copy in twins}


def with_arrays(state: MemberState, arrays: Mapping[str, Any]) -> MemberState:
    """Write arrays into the tensors of a state that have their names; return the state."""
    for name in state.keys() & arrays.keys():
        state[name][...] = arrays[name]
    return state


def copy_tensor(tensor: Tensor, device: torch.device = CPU) -> Tensor:
    """Copy a tensor to a device, without its graph; a parameter stays one."""
    if is_lazy(tensor):
        return deepcopy(tensor)
    copy = tensor.detach().to(device, copy=True)
    if _is_plain(copy):
        copy = copy.contiguous(memory_format=format_of(copy))
    return _of_kind(tensor, copy)


def _of_kind(tensor: Tensor, copy: Tensor) -> Tensor:
    """Return a copy of a tensor as a parameter if that is one."""
    is_parameter = isinstance(tensor, nn.Parameter)
    return nn.Parameter(copy, requires_grad=False) if is_parameter else copy


def _is_plain(tensor: Tensor) -> bool:
    """Say whether the values of a tensor lie in its memory one by one."""
    return not is_lazy(tensor) and tensor.layout is torch.strided and not tensor.is_quantized


def as_array(tensor: Tensor) -> NDArray[Any] | None:
    """Return the memory of a tensor as an array, or None where NumPy has no such kind."""
    if not _is_plain(tensor):
        return None
    try:
        return tensor.detach().numpy()
    except TypeError:
        return None


def named_tensors(parts: Mapping[str, nn.Module]) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of modules by name: parameters, buffers, and attributes of any layer."""
    for root, module in parts.items():
        prefix = "" if root == MAIN else root
        for name, tensor in (
            *module.named_parameters(prefix, remove_duplicate=False),
            *module.named_buffers(prefix, remove_duplicate=False),
        ):
            yield name_in_copy(name), tensor
        for path, layer in module.named_modules(prefix=prefix, remove_duplicate=False):
            for name, value in vars(layer).items():
                if isinstance(value, Tensor):
                    yield name_in_copy(f"{path}.{name}" if path else name), value


def name_in_copy(name: str) -> str:
    """Return the name that a tensor has in a copy, where parts that are compiled are plain."""
    return name.replace("_orig_mod.", "")


def parameter_names(module: nn.Module) -> list[str]:
    """Name the weights of a module; a shared weight has its first name."""
    return [name_in_copy(name) for name, _ in unwrap_compiled(module).named_parameters()]


def is_finite(state: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Say whether the weights of some names are finite; a buffer may be a mask of infinities."""
    return all(np.isfinite(state[name]).all() for name in names if name in state)
