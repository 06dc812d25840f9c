"""Templates: a module without weights, from which the modules of members are built."""

from collections import OrderedDict
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from skensemble._typing import State
from skensemble.data import shared_tensor
from skensemble.modules import MLP, is_watched, unwrap_compiled

CHEAP_TO_COPY = frozenset(
    f"torch.nn.modules.{name}"
    for name in ("activation", "batchnorm", "container", "conv", "dropout", "flatten", "linear")
) | {MLP.__module__}
"""Where the modules come from whose tensors are all in their dicts of parameters and buffers."""


CONTAINERS = frozenset((dict, set, OrderedDict))


class MemberTemplate:
    """The structure of a net's module, from which the modules of its members are built.

    deepcopy looks at every attribute of every layer; layers that are cheap to copy are copied by
    hand, and those without tensors once for all members.

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
        self.parameter_names = [name for name, _ in self._module.named_parameters()]
        tensors = self._module.state_dict(keep_vars=True)
        self._slots = [(name, id(t), isinstance(t, nn.Parameter)) for name, t in tensors.items()]
        self._is_cheap = _is_cheap_to_copy(self._module)
        self._is_in_evaluation = not any(part.training for part in self._module.modules())
        self._shared: dict[int, Any] = {}
        if self._is_cheap:
            self._shared = {
                id(part): _copy_by_hand(part, {})
                for part in self._module.modules()
                if part is not self._module and _is_without_tensors(part)
            }
            for part in self._shared.values():
                part.eval()

    def build(self, state: State, device: torch.device) -> nn.Module:
        """Build a module in evaluation mode with the weights of a member.

        On the CPU it shares the memory of the state: an ensemble holds each weight once.

        Parameters
        ----------
        state : dict of str to ndarray
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
        module = _copy(self._module, memo, is_cheap=self._is_cheap)
        return module if self._is_in_evaluation else module.eval()


def structure_of(module: nn.Module) -> nn.Module:
    """Copy a module without its weights, in evaluation mode, as a template of its members.

    It is taken before the training: deepcopy refuses activations that a module keeps for itself.
    """
    module = unwrap_compiled(module)
    empty = {
        id(p): nn.Parameter(
            torch.empty(0, dtype=p.dtype, device=p.device), requires_grad=p.requires_grad
        )
        for p in module.parameters()
    }
    return _copy(module, empty, is_cheap=_is_cheap_to_copy(module)).eval()


def _copy(module: nn.Module, memo: dict[int, Any], *, is_cheap: bool) -> nn.Module:
    """Copy a module, taking what stands in a memo for its tensors and parts."""
    # deepcopy takes what stands in its memo instead of copying.
    return _copy_by_hand(module, memo) if is_cheap else deepcopy(module, memo)


def _is_cheap_to_copy(module: nn.Module) -> bool:
    return all(
        type(part).__module__ in CHEAP_TO_COPY and not is_watched(part) for part in module.modules()
    )


def _is_without_tensors(module: nn.Module) -> bool:
    return not (module._parameters or module._buffers or module._modules)


def _copy_by_hand(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    if id(module) in memo:
        return memo[id(module)]
    copy = memo[id(module)] = type(module).__new__(type(module))
    # Hooks that are added to the one later must not show in the other.
    own = vars(copy)
    own.update({k: v.copy() if type(v) in CONTAINERS else v for k, v in vars(module).items()})
    for kind in ("_parameters", "_buffers"):
        tensors = getattr(module, kind).items()
        own[kind] = {name: _copy_tensor(tensor, memo) for name, tensor in tensors}
    children = module._modules.items()
    own["_modules"] = {name: _copy_by_hand(child, memo) for name, child in children}
    return copy


def _copy_tensor(tensor: Tensor | None, memo: dict[int, Any]) -> Tensor | None:
    return memo[id(tensor)] if id(tensor) in memo else deepcopy(tensor, memo)
