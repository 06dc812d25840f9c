"""Copies of fitted ensembles that have other members: points of weight space that predict."""

from collections.abc import Collection, Sequence
from copy import copy
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skensemble._arrays import member_arrays
from skensemble._checks import reject
from skensemble._typing import State
from skensemble.members import (
    MAIN,
    MemberState,
    Predictor,
    Structures,
    named_tensors,
    parts_of_member,
    share_equal,
)
from skensemble.training import layers_with_statistics, statistics_averaged

OF_MEMBERS = frozenset(
    ("member_steps_", "member_positions_", "member_nets_", "validation_scores_")
    + ("weighted_validation_score_", "oof_score_", "oof_decision_function_", "oof_prediction_")
    + ("test_fold_", "_best_m_", "_fitted_weights_", "_kept_training_")
)
"""What a fit learns of the members that it has collected."""


class TakesMembers:
    """Mixin: a fitted copy with other members."""

    members_: list[State]
    _predictor_: Predictor

    _held_layers_: frozenset[str] = frozenset()
    """Names of layers of batch normalisation whose statistics the training has left alone."""

    def _with_members(self, members: Sequence[State], X: Any) -> Any:
        """Return a fitted copy with other members; see `skensemble.weight_space.with_members`."""
        check_is_fitted(self)
        rows = None if X is None else _shuffled(self._check_rows(X))  # type: ignore[attr-defined]
        states = self._states_of(members)
        other = copy(self)
        for name in OF_MEMBERS:
            vars(other).pop(name, None)
        parameters = {"m": None, "weights": "uniform"}
        own = self.get_params(deep=False)  # type: ignore[attr-defined]
        vars(other).update({name: v for name, v in parameters.items() if name in own})
        other._predictor_ = self._make_predictor(self._predictor_.device)  # type: ignore[attr-defined]
        known = {id(member) for member in self.members_}
        for k, (member, state) in enumerate(zip(members, states, strict=True)):
            other._predictor_.add(None, state)
            if id(member) not in known:
                _refresh(other._predictor_, k, state, rows, self._held_layers_)
            # Only now: statistics are written into the arrays.
            last = self.members_[-1]
            share_equal(state, last, [n for n, array in last.items() if not array.flags.writeable])
        other.members_ = [dict(state) for state in states]
        other._predictor_.stack()
        other._number_members()
        return other

    def _states_of(self, members: Sequence[State]) -> list[MemberState]:
        """Return copies of members, each with modules as those of this ensemble."""
        if not isinstance(members, Sequence) or not members:
            raise reject("members", "a sequence of at least one member", members)
        index = {id(member): k for k, member in enumerate(self.members_)}
        states = []
        for k, member in enumerate(members):
            like = index.get(id(member), len(self.members_) - 1)
            arrays = _copied(f"members[{k}]", member, self.members_[like])
            modules = [self._predictor_.members[like]]
            states += Structures(modules, [self.members_[like]]).fill([arrays])
        return states

    def _number_members(self) -> None:
        """Leave what follows from the number of members."""
        self._n_members_planned_ = len(self.members_)


def _shuffled(rows: Any) -> Any:
    """Return rows in another order: batches of rows that are sorted vary too little."""
    return rows[np.random.default_rng(0).permutation(rows.shape[0])]


def _copied(name: str, member: Any, like: State) -> dict[str, np.ndarray]:
    """Copy the arrays of a member, in the order and the floats of another."""
    shapes = {key: array.shape for key, array in like.items()}
    arrays = member_arrays(name, member)
    if {key: array.shape for key, array in arrays.items()} != shapes:
        rule = "a dict of arrays with the names and shapes of those in ensemble.members_"
        raise reject(name, rule, member)
    return {key: np.array(arrays[key], like[key].dtype, order="C") for key in shapes}


def _refresh(predictor: Predictor, k: int, arrays: State, rows: Any, held: Collection[str]) -> None:
    """Compute the statistics of a member's batch normalisation, but those of layers held still."""
    parts = parts_of_member(predictor.members[k])
    layers = [
        layer
        for name, part in parts.items()
        for layer in layers_with_statistics(part, held if name == MAIN else ()).values()
    ]
    if not layers:
        return
    if rows is None:
        rule = "training rows, for the statistics of batch normalisation of new members"
        raise reject("X", rule, None)
    with statistics_averaged(layers) as without:
        predictor.outputs(rows, [k])
    if without:
        rule = "of at least two rows, for the statistics of batch normalisation of new members"
        raise reject("X", rule, rows.shape)
    for name, tensor in named_tensors(parts):
        if name in arrays:
            # On another device than the CPU the tensors are copies.
            arrays[name][...] = tensor.detach().cpu().numpy()
