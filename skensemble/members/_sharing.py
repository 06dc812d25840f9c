"""Arrays that are the same in several members, such as frozen weights, held once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skensemble.data import shared_tensor
from skensemble.members._states import MAIN, MemberState, Parts, name_in_copy, named_tensors

KNOWN = ("torch.nn.modules.", "skensemble.modules.")
"""Where the layers come from that write into no buffer in prediction."""

Arrays = Mapping[str, NDArray[Any]]


class SameAs(NamedTuple):
    """Stands for an array that an earlier member has under the same name.

    Attributes
    ----------
    member : int
        Its index.
    """

    member: int


def shareable_names(parts: Parts) -> frozenset[str]:
    """Name the tensors of modules that nobody writes to in prediction.

    These are the weights, and the buffers of known layers: another layer may count in its own.
    """
    names = set()
    for root, part in parts.items():
        prefix = "" if root == MAIN else root
        for path, layer in part.named_modules(prefix=prefix, remove_duplicate=False):
            is_known = type(layer).__module__.startswith(KNOWN)
            own = [*layer.named_parameters(path, recurse=False, remove_duplicate=False)]
            if is_known:
                own += layer.named_buffers(path, recurse=False, remove_duplicate=False)
            names |= {name_in_copy(name) for name, _ in own}
    return frozenset(names)


def share_equal(state: MemberState, earlier: Arrays, names: Iterable[str]) -> None:
    """Let a new member hold the arrays of an earlier one where its own are equal, bit for bit.

    They can no longer be written to: a change would be one of several members.

    Parameters
    ----------
    state : MemberState
        Of the new member; it is changed, and so are its modules.
    earlier : mapping of str to ndarray
        Of a member whose arrays stay as they are.
    names : iterable of str
        The arrays that may be shared.
    """
    shared = {n for n in names if n in state and n in earlier and _is_same(state[n], earlier[n])}
    for name in shared:
        earlier[name].setflags(write=False)
        state[name] = earlier[name]
    for name, tensor in named_tensors(state.parts or {}) if shared else ():
        if name in shared:
            tensor.data = shared_tensor(earlier[name])


def share_placed(parts: Parts, earlier: Parts, names: Iterable[str]) -> None:
    """Let the modules of a member hold the tensors that those of an earlier one have.

    Parameters
    ----------
    parts, earlier : dict of str to Module
        On one device.
    names : iterable of str
        The tensors.
    """
    tensors, names = dict(named_tensors(earlier)), frozenset(names)
    for name, tensor in named_tensors(parts) if names else ():
        if name in names:
            tensor.data = tensors[name].data


def without_repeats(members: Sequence[Arrays]) -> list[dict[str, Any]]:
    """Return members as a file holds them: arrays that they share stand in the first.

    pickle writes an array once by itself, joblib as often as it stands there.
    """
    first: dict[tuple[str, int], int] = {}
    written = []
    for k, member in enumerate(members):
        places = {n: first.setdefault((n, id(array)), k) for n, array in member.items()}
        written.append({n: a if places[n] == k else SameAs(places[n]) for n, a in member.items()})
    return written


def with_repeats(written: Sequence[Mapping[str, Any]]) -> list[dict[str, NDArray[Any]]]:
    """Return the members that `without_repeats` has written; what they share is read-only."""
    members: list[dict[str, NDArray[Any]]] = []
    for own in written:
        member = {}
        for name, value in own.items():
            if isinstance(value, SameAs):
                value = members[value.member][name]
                value.setflags(write=False)
            member[name] = value
        members.append(member)
    return members


def _is_same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Say whether arrays are the same, bit for bit."""
    if one is other:
        return True
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    # Trained weights differ from the first on: there is no need to look at the others.
    if not one.size or one.item(0) != other.item(0):
        return False
    return bool(np.array_equal(_bits(one), _bits(other)))


def _bits(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
