"""Members of one net that differ in the units which dropout leaves out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet

from skensemble.members._copying import copy_modules
from skensemble.members._net_way import copy_member
from skensemble.members._states import MemberState, named_tensors
from skensemble.modules import FixedDropout, fix_dropout


def with_fixed_dropout(net: NeuralNet) -> MemberState:
    """Copy a net, and put dropout with fixed masks in the place of its own."""
    state = copy_member(net)
    for part in state.parts.values():
        fix_dropout(part)
    return state


def names_of_masks(state: MemberState) -> list[str]:
    """Name the seeds that the masks of a state are drawn from."""
    seeds = {
        id(layer.seed)
        for part in state.parts.values()
        for layer in part.modules()
        if isinstance(layer, FixedDropout)
    }
    return [name for name, tensor in named_tensors(state.parts) if id(tensor) in seeds]


def with_masks(state: MemberState, seeds: Mapping[str, np.ndarray]) -> MemberState:
    """Return a member with masks of its own that shares all weights with a state.

    Parameters
    ----------
    state : MemberState
        With fixed dropout.
    seeds : mapping of str to ndarray of shape ()
        A seed for each of `names_of_masks`.

    Returns
    -------
    member : MemberState
    """
    member = MemberState({**state, **seeds})
    places = {id(t): seeds[name] for name, t in named_tensors(state.parts) if name in seeds}

    def shared(obj: Any) -> Any:
        """Give a mask its seed, and all else as it is."""
        return torch.from_numpy(places[id(obj)]) if id(obj) in places else obj

    member.parts, member.shell = copy_modules(state.parts, shared), state.shell
    return member
