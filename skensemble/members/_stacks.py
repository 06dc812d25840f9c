"""Members of several structures: those of each structure as one stack."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skensemble.members._stacked import StackedMLPs, structure_to_stack
from skensemble.modules import input_layers


class Stacks:
    """Members of several structures, to be computed as `StackedMLPs` computes those of one.

    Parameters
    ----------
    members : sequence of MLP
        Each can be stacked with those of its structure.
    structures : sequence of Hashable
        Of each member.
    transform : callable
        As in `StackedMLPs`.
    """

    def __init__(
        self, members: Sequence[Any], structures: Sequence[Any], transform: Callable[..., Tensor]
    ) -> None:
        self.members = list(members)
        places: dict[Any, list[int]] = {}
        for k, structure in enumerate(structures):
            places.setdefault(structure, []).append(k)
        self.stacks = [StackedMLPs([members[k] for k in own], transform) for own in places.values()]
        # Of each member, its stack and its place there.
        self.where = {
            k: (i, place) for i, own in enumerate(places.values()) for place, k in enumerate(own)
        }

    def outputs(self, batch: Tensor, members: Sequence[int]) -> Tensor:
        """Return what some members predict, as `StackedMLPs.outputs`."""
        parts: list[Any] = [None] * len(members)
        for stack, own, positions in self._shares(members):
            for position, output in zip(positions, stack.outputs(batch, own), strict=True):
                parts[position] = output
        return torch.stack(parts)

    def mean(self, batch: Tensor, members: Sequence[int], weights: Sequence[float]) -> Tensor:
        """Return the weighted mean of what some members predict, as `StackedMLPs.mean`."""
        mean: Any = None
        for stack, own, positions in self._shares(members):
            part = stack.mean(batch, own, [weights[position] for position in positions])
            mean = part if mean is None else mean.add_(part)
        return mean

    def _shares(self, members: Sequence[int]) -> list[tuple[StackedMLPs, list[int], list[int]]]:
        """List the stacks that are asked for, with places of members there and among those."""
        shares = []
        for i, stack in enumerate(self.stacks):
            positions = [p for p, k in enumerate(members) if self.where[k][0] == i]
            if positions:
                shares.append((stack, [self.where[members[p]][1] for p in positions], positions))
        return shares


class Alone:
    """A single member, computed as a stack of one.

    Parameters
    ----------
    stack : StackedMLPs
        Of one member.
    """

    def __init__(self, stack: StackedMLPs) -> None:
        self.stack = stack

    def outputs(self, batch: Tensor, members: Sequence[int]) -> Tensor:
        """Return what it predicts, as `StackedMLPs.outputs`."""
        return self.stack.outputs(batch, [0])

    def mean(self, batch: Tensor, members: Sequence[int], weights: Sequence[float]) -> Tensor:
        """Return what it predicts times its weight, as `StackedMLPs.mean`."""
        return self.stack.mean(batch, [0], weights)


def encodes_rows(member: Any) -> bool:
    """Say whether a member is a module that encodes the columns of its rows."""
    return isinstance(member, nn.Module) and bool(input_layers(member).encoding)


def stack_of(members: Sequence[Any], transform: Callable[..., Tensor]) -> Any:
    """Stack members where that is known to give what each of them gives.

    Parameters
    ----------
    members : sequence of Module or NeuralNet
        In evaluation mode.
    transform : callable
        As in `StackedMLPs`.

    Returns
    -------
    stack : StackedMLPs, Stacks or None
        None unless all are `MLP`, of the layers that `MLP` makes, and small.
    """
    structures = []
    for member in members:
        structure = structure_to_stack(member)
        if structure is None:
            return None
        structures.append(structure)
    if not structures:
        return None
    if len(set(structures)) == 1:
        return StackedMLPs(members, transform)
    return Stacks(members, structures, transform)
