"""Members without their arrays: what a file holds of them beside numbers."""

import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble.data import shared_tensor
from skensemble.members._copying import Slot, copy_modules
from skensemble.members._net_way import parts_of_member, shell_of
from skensemble.members._states import CPU, MemberState, Parts, copy_tensor, named_tensors


class Structures:
    """What members are beside their arrays: modules with slots in the place of named tensors.

    Parameters
    ----------
    members : sequence of Module or NeuralNet
        As they predict.
    arrays : sequence of mapping of str to ndarray
        Of each member, by name.
    """

    def __init__(
        self, members: Sequence[nn.Module | NeuralNet], arrays: Sequence[Mapping[str, np.ndarray]]
    ) -> None:
        self.distinct: list[tuple[Parts, NeuralNet | None]] = []
        self.index: list[int] = []
        known: dict[bytes, int] = {}
        for member, own in zip(members, arrays, strict=True):
            structure = _structure(member, own)
            key = _written(structure) or str(len(self.index)).encode()
            if key not in known:
                known[key] = len(self.distinct)
                self.distinct.append(structure)
            self.index.append(known[key])

    def fill(self, arrays: Sequence[Mapping[str, np.ndarray]]) -> list[MemberState]:
        """Put the arrays of members into their structures again.

        Parameters
        ----------
        arrays : sequence of mapping of str to ndarray
            Of each member, by name.

        Returns
        -------
        states : list of MemberState
        """
        return [_filled(*self.distinct[k], own) for k, own in zip(self.index, arrays, strict=True)]


def _structure(
    member: nn.Module | NeuralNet, arrays: Mapping[str, np.ndarray]
) -> tuple[Parts, NeuralNet | None]:
    parts = parts_of_member(member)
    shell = None if isinstance(member, nn.Module) else shell_of(member)
    twins: dict[int, Any] = {}
    for name, tensor in named_tensors(parts):
        if name in arrays:
            twins.setdefault(id(tensor), Slot(name, isinstance(tensor, nn.Parameter)))

    def emptied(obj: Any) -> Any:
        """Put a slot in the place of a named tensor, and copy any other."""
        if id(obj) not in twins:
            twins[id(obj)] = copy_tensor(obj, CPU)
        return twins[id(obj)]

    return copy_modules(parts, emptied), shell


def _filled(parts: Parts, shell: NeuralNet | None, arrays: Mapping[str, np.ndarray]) -> MemberState:
    state, tensors = MemberState(arrays), {}

    def refilled(obj: Any) -> Any:
        """Put a tensor in the place of a slot; others are of one member alone."""
        if isinstance(obj, Tensor):
            return copy_tensor(obj, CPU)
        if obj.name not in tensors:
            tensor = shared_tensor(arrays[obj.name])
            tensors[obj.name] = (
                nn.Parameter(tensor, requires_grad=False) if obj.is_parameter else tensor
            )
        return tensors[obj.name]

    state.parts, state.shell = copy_modules(parts, refilled), shell
    return state


def _written(structure: Any) -> bytes | None:
    try:
        return pickle.dumps(structure)
    except Exception:
        # Whatever an object raises on being written; it is then like no other.
        return None
