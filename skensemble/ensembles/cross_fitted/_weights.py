"""The weights of members, fitted on rows that their nets left out."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from typing import Any, ClassVar

import numpy as np

from skensemble._checks import InvalidParameterError, check_int, reject
from skensemble.averaging import average
from skensemble.ensembles.cross_fitted._out_of_fold import OutOfFold, restricted
from skensemble.ensembles.cross_fitted._positions import Positions
from skensemble.training import Data


class WeighsPositions:
    """Mixin: weights of positions and groups of nets, and the honest score that they give."""

    _kinds_of_weights: ClassVar[tuple[str, str]] = ("uniform", "out_of_fold")

    store_oof: bool
    members_: list[Any]
    member_positions_: np.ndarray
    member_nets_: np.ndarray

    def _weigh_parts(self, positions: Positions) -> None:
        """Leave the weights of the members so far."""
        out_of_fold = positions.out_of_fold
        self.member_positions_, self.member_nets_ = np.array(positions.places).T
        parts = [*zip(out_of_fold.positions, out_of_fold.groups, strict=True)]
        n_folds = positions.n_folds
        part = [parts.index((s, k // n_folds)) for s, k in positions.places]
        # Scores that are no probabilities can be averaged alike, and have no such weights.
        with suppress(InvalidParameterError) if self.weights == "uniform" else nullcontext():
            self._fitted_weights_ = out_of_fold.fitted()[part] / n_folds

    def _learn_oof(self, out_of_fold: OutOfFold, data: Data, tests: Sequence[np.ndarray]) -> None:
        """Keep folds and outputs of rows that were left out, in the order of `fit`, and a score."""
        output = out_of_fold.honest_mean(self._first_position(self._effective_m()))
        weight = None if data.sample_weight is None else out_of_fold.sample_weight
        self.oof_score_ = float(self._score(output, out_of_fold.y, weight))
        self._learn_from_oof(output, out_of_fold, weight)
        fold = np.empty(len(data.y), dtype=int)
        for k, test in enumerate(tests):
            fold[test] = k
        index = np.arange(len(data.y)) if data.index is None else data.index
        n_given = data.n_given or len(data.y)
        self.test_fold_ = _spread(fold, index, n_given, -1)
        self._keep_oof(_spread(output, index[out_of_fold.rows], n_given, np.nan))

    def _learn_from_oof(
        self, output: np.ndarray, out_of_fold: OutOfFold, sample_weight: np.ndarray | None
    ) -> None:
        """Learn what else there is to learn from outputs for rows that were left out."""

    def _first_position(self, m: int | None) -> int:
        return 0 if m is None else int(self.member_positions_.max()) + 1 - m

    def _weights(self) -> np.ndarray:
        self._check_weights()
        return self._weights_of(self._effective_m())

    def _weights_of(self, m: int | None) -> np.ndarray:
        """Return the weights of all members if the last m positions are averaged."""
        kept = self.member_positions_ >= self._first_position(m)
        if self.weights == "uniform":
            return restricted(None, kept)
        if not hasattr(self, "_fitted_weights_"):
            rule = "'uniform' for a net that gives scores instead of probabilities"
            raise reject("weights", rule, self.weights)
        return restricted(self._fitted_weights_, kept)

    def _effective_m(self) -> int | None:
        if self.m is None:
            return None
        try:
            return check_int("m", self.m, 1, self._most_m())
        except InvalidParameterError:
            rule = f"None or an int in 1..{self._most_m()}, the positions to average"
            raise reject("m", rule, self.m) from None

    def _check_m(self) -> None:
        # Positions of an earlier fit do not count.
        vars(self).pop("member_positions_", None)
        self._effective_m()

    def _staged(self, outputs: np.ndarray) -> Iterator[Any]:
        for m in range(1, self.member_positions_.max() + 2):
            yield average(outputs, self._weights_of(m))

    def _n_last_members(self) -> int | None:
        return None if self.m is None else self.m * self.n_nets_

    def _most_m(self) -> int:
        there = self.member_positions_.max() + 1 if hasattr(self, "member_positions_") else 0
        return int(max(there, self._n_positions()))

    def _number_members(self) -> None:
        """Let members that come from nowhere have a position each."""
        super()._number_members()  # type: ignore[misc]
        n_members = len(self.members_)
        self.member_positions_ = np.arange(n_members)
        self.member_nets_ = np.zeros(n_members, int)

    def _keep_oof(self, output: np.ndarray) -> None:
        """Keep what was predicted for rows that were left out, in the units of the targets."""
        raise NotImplementedError


def _spread(values: np.ndarray, index: np.ndarray, n_given: int, missing: float) -> np.ndarray:
    """Return values of all rows that were given, from those of the rows of an index."""
    if len(index) == n_given:
        return values
    spread = np.full((n_given, *values.shape[1:]), missing, values.dtype)
    spread[index] = values
    return spread
