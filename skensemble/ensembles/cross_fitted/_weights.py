"""The weights of members, fitted on rows that their nets left out."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from skensemble.averaging import average
from skensemble.ensembles.cross_fitted._out_of_fold import OutOfFold
from skensemble.ensembles.cross_fitted._positions import Positions
from skensemble.training import Data


class WeighsPositions:
    """Mixin: weights of positions and groups of nets, and the honest score that they give."""

    _kinds_of_weights: ClassVar[tuple[str, str]] = ("uniform", "out_of_fold")

    store_oof: bool
    member_positions_: np.ndarray

    def _weigh_parts(self, positions: Positions, out_of_fold: OutOfFold, data: Data) -> None:
        """Leave the weights of the members, and what they give for the rows that were left out."""
        self.member_positions_, self.member_nets_ = np.array(positions.places).T
        parts = [*zip(out_of_fold.positions, out_of_fold.groups, strict=True)]
        n_folds = positions.n_folds
        part = np.array([parts.index((s, k // n_folds)) for s, k in positions.places])
        self._fitted_weights_ = out_of_fold.weights()[part] / n_folds
        if self.store_oof:
            self._learn_oof(out_of_fold.mean(np.bincount(part, self._weights())), data)

    def _learn_oof(self, output: np.ndarray, data: Data) -> None:
        """Keep the output for rows that were left out, in the order of `fit`, and its score."""
        weight = None if data.sample_weight is None else data.own_weight
        self.oof_score_ = float(self._score(output, data.y, weight))
        if data.index is not None:
            all_rows = np.full((data.n_given, *output.shape[1:]), np.nan, output.dtype)
            all_rows[data.index] = output
            output = all_rows
        self._keep_oof(output)

    def _weights(self) -> np.ndarray:
        return self._weights_of(self._effective_m())

    def _weights_of(self, m: int | None) -> np.ndarray:
        """Return the weights of all members if the last m positions are averaged."""
        first = 0 if m is None else self.member_positions_.max() + 1 - m
        kept = (self.member_positions_ >= first).astype(float)
        weights = kept if self.weights == "uniform" else kept * self._fitted_weights_
        weights = weights if weights.any() else kept
        return weights / weights.sum()

    def _staged(self, outputs: np.ndarray) -> Iterator[Any]:
        for m in range(1, self.member_positions_.max() + 2):
            yield average(outputs, self._weights_of(m))

    def _n_last_members(self) -> int | None:
        return None if self.m is None else self.m * self.n_nets_

    def _most_m(self) -> int:
        there = self.member_positions_.max() + 1 if hasattr(self, "member_positions_") else 0
        return int(max(there, self._n_positions()))

    def _keep_oof(self, output: np.ndarray) -> None:
        """Keep what was predicted for rows that were left out, in the units of the targets."""
        raise NotImplementedError
