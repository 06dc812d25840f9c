"""Templates: a module from which the modules of members are built that come as arrays alone."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from skensemble.data import shared_tensor
from skensemble.members._copying import copy_modules
from skensemble.members._lean_copies import copy_by_hand, is_cheap_to_copy
from skensemble.members._states import (
    CPU,
    MAIN,
    MemberState,
    copy_tensor,
    named_tensors,
    parameter_names,
)
from skensemble.modules import unwrap_compiled


class MemberTemplate:
    """The structure of a net's module, from which the modules of its members are built.

    Layers that are cheap to copy are copied by hand, and those without tensors once for all
    members.

    Parameters
    ----------
    module : torch.nn.Module
        Left as it is; `structure_of` makes one that holds no weights.

    Attributes
    ----------
    parameter_names : list of str
        Names of the weights; a shared weight has its first name.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = unwrap_compiled(module)
        self.parameter_names = parameter_names(self._module)
        tensors = named_tensors({MAIN: self._module})
        self._slots = [(name, id(t), isinstance(t, nn.Parameter)) for name, t in tensors]
        self._is_cheap = is_cheap_to_copy(self._module)
        self._is_in_evaluation = not any(part.training for part in self._module.modules())
        self._shared: dict[int, Any] = {}
        if self._is_cheap:
            self._shared = {
                id(part): copy_by_hand(part, {})
                for part in self._module.modules()
                if part is not self._module and _is_without_tensors(part)
            }
            for part in self._shared.values():
                part.eval()

    def state(self, arrays: Mapping[str, Any]) -> MemberState:
        """Return a member of some arrays, with a module of this structure on the CPU."""
        state = MemberState(arrays)
        state.parts = {MAIN: self.build(arrays, CPU)}
        return state

    def build(self, state: Mapping[str, Any], device: torch.device) -> nn.Module:
        """Build a module in evaluation mode with the weights of a member.

        On the CPU it shares the memory of the state: an ensemble holds each weight once.

        Parameters
        ----------
        state : mapping of str to ndarray
            From `copy_state` of a module of this structure; what it lacks is the template's.
        device : torch.device

        Returns
        -------
        module : torch.nn.Module
        """
        memo = dict(self._shared)
        for name, tensor_id, is_parameter in self._slots:
            if name in state:
                value = shared_tensor(state[name]).to(device)
                memo[tensor_id] = (
                    nn.Parameter(value, requires_grad=False) if is_parameter else value
                )
        if self._is_cheap:
            module = copy_by_hand(self._module, memo)
        else:
            module = copy_modules(self._module, _taken_from(memo, device))
            _fill_scripted(module, state)
        return module if self._is_in_evaluation else module.eval()


def _fill_scripted(module: nn.Module, state: Mapping[str, Any]) -> None:
    """Write a state into the tensors of scripted parts, which are copied as they are."""
    parts = dict(module.named_modules(remove_duplicate=False))
    for name, tensor in named_tensors({MAIN: module}) if _has_scripted(module) else ():
        if name in state and isinstance(parts[name.rpartition(".")[0]], torch.jit.ScriptModule):
            tensor.data.copy_(torch.as_tensor(state[name]))


def _has_scripted(module: nn.Module) -> bool:
    return any(isinstance(part, torch.jit.ScriptModule) for part in module.modules())


def structure_of(module: nn.Module) -> nn.Module:
    """Copy a module without its weights, in evaluation mode, as a template of its members."""
    module = unwrap_compiled(module)
    memo: dict[int, Any] = {
        id(p): nn.Parameter(
            torch.empty(0, dtype=p.dtype, device=p.device), requires_grad=p.requires_grad
        )
        for p in module.parameters()
        if not is_lazy(p)
    }
    if is_cheap_to_copy(module):
        return copy_by_hand(module, memo).eval()
    return copy_modules(module, _taken_from(memo, None)).eval()


def _taken_from(memo: dict[int, Any], device: torch.device | None) -> Any:
    """Return a function that gives what a memo has for a tensor, and a copy of any other."""

    def substitute(obj: Any) -> Any:
        """Return what stands for a tensor."""
        if id(obj) not in memo and isinstance(obj, Tensor):
            memo[id(obj)] = copy_tensor(obj, device or obj.device)
        return memo.get(id(obj), obj)

    return substitute


def _is_without_tensors(module: nn.Module) -> bool:
    return not (module._parameters or module._buffers or module._modules)
