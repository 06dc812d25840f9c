"""What nets predict for the rows that they left out, and the weights that follow from it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skensemble.averaging import average, restrict_weights

CHUNK = 2048
"""Rows that are copied at a time, to be predicted."""

MOST_ROWS = 100_000
"""Rows that are predicted; of more, as many that are spread evenly."""

MOST_TO_FIT = 50_000
"""Rows that weights are fitted to; of more, as many that are spread evenly."""

LEAST_GAIN = 0.005
"""Share of the out-of-fold loss that a cycle has to save for another one to follow."""

FitWeights = Callable[..., np.ndarray]
"""``fit(outputs, y, sample_weight)`` gives a weight for each of some outputs."""


def restricted(weights: np.ndarray | None, kept: np.ndarray) -> np.ndarray:
    """Return the weights of what is kept, summing to 1; equal ones for None and for all 0."""
    left = kept.astype(float) if weights is None else kept * weights
    left = left if left.any() else kept.astype(float)
    return left / left.sum()


def no_features(group: int) -> None:
    """Give no rows as the nets of a group encode them: they are not kept."""


class OutOfFold:
    """Predictions of each row by nets that were not trained on it, from each part of an ensemble.

    A part is a position in the training and a group of nets that leave out each row once.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, ...)
        Rows as the nets take them. Of more than `MOST_ROWS`, as many are taken, spread evenly.
    y : ndarray of shape (n_samples, ...)
        Encoded targets.
    sample_weight : ndarray of shape (n_samples,) or None
        The user's own.
    tests : sequence of ndarray of int
        Rows that each net of a group leaves out.
    fit_weights : callable
        What fits the weights of the parts.
    is_uniform : bool
        Whether all parts count alike instead.
    losses : callable
        ``losses(output, y)`` gives the loss of each row, of shape (n_samples,).
    features_of : callable, optional
        Gives the rows as a tensor as the nets of a group encode them, None where they are not kept.

    Attributes
    ----------
    rows : slice or ndarray of int
        Which of the rows are taken; all that is kept here is of them alone.
    outputs : list of ndarray of shape (n_rows, n_outputs)
        Of each part that there is.
    positions, groups : list of int
        Of each part.
    """

    def __init__(
        self,
        X: Any,
        y: np.ndarray,
        sample_weight: np.ndarray | None,
        *,
        tests: Sequence[np.ndarray],
        fit_weights: FitWeights,
        is_uniform: bool,
        losses: Callable[..., np.ndarray],
        features_of: Callable[[int], Any] = no_features,
    ) -> None:
        self.rows: Any = slice(None)
        if len(y) > MOST_ROWS:
            self.rows = np.linspace(0, len(y) - 1, MOST_ROWS).astype(int)
            place = np.full(len(y), -1)
            place[self.rows] = np.arange(MOST_ROWS)
            tests = [places[places >= 0] for places in (place[test] for test in tests)]
        self.X, self.y = X[self.rows], y[self.rows]
        self.sample_weight = None if sample_weight is None else sample_weight[self.rows]
        self.tests = tests
        self.fit_weights, self.is_uniform = fit_weights, is_uniform
        self.losses, self.features_of = losses, features_of
        self.outputs: list[np.ndarray] = []
        self.positions: list[int] = []
        self.groups: list[int] = []

    def add(self, position: int, group: int, members: Sequence[tuple[Any, int]]) -> None:
        """Let the members of a part predict what they left out.

        Parameters
        ----------
        position, group : int
            Of the part.
        members : sequence of (Predictor, int)
            For each net of the group, what its members answer from, and which of them is meant.
        """
        output: Any = None
        features = self.features_of(group) if isinstance(self.rows, slice) else None
        for (predictor, k), test in zip(members, self.tests, strict=True):
            for start in range(0, len(test), CHUNK):
                rows = test[start : start + CHUNK]
                found = None
                if features is not None:
                    found = predictor.outputs_of_features(features[rows], k)
                if found is None:
                    found = predictor.outputs(self.X[rows], [k])[0]
                if output is None:
                    output = np.empty((len(self.y), *found.shape[1:]), dtype=found.dtype)
                output[rows] = found
        self.outputs.append(output)
        self.positions.append(position)
        self.groups.append(group)

    def keep(self, n_parts: int) -> None:
        """Drop all parts but the first ones."""
        del self.outputs[n_parts:], self.positions[n_parts:], self.groups[n_parts:]

    def fitted(self, chosen: Sequence[int] | None = None, rows: Any = ...) -> np.ndarray:
        """Return the weights of some parts, of all by default, that lose least on some rows."""
        outputs = self.outputs if chosen is None else [self.outputs[i] for i in chosen]
        index = np.arange(len(self.y))[rows]
        if len(index) > MOST_TO_FIT:
            rows = index[np.linspace(0, len(index) - 1, MOST_TO_FIT).astype(int)]
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        found = self.fit_weights(np.stack([o[rows] for o in outputs]), self.y[rows], weight)
        return restrict_weights(found)

    def loss(self, chosen: Sequence[int] | None = None) -> float:
        """Return the mean loss of the weighted mean of some parts, of all by default."""
        chosen = range(len(self.outputs)) if chosen is None else chosen
        n = len(chosen)
        weights = np.full(n, 1 / n) if self.is_uniform else self.fitted(chosen)
        mean = average([self.outputs[i] for i in chosen], weights)
        return float(np.average(self.losses(mean, self.y), weights=self.sample_weight))

    def honest_mean(self, first: int = 0) -> np.ndarray:
        """Return the weighted mean of the parts, by weights that know nothing of the row either.

        For the rows of each fold they are fitted to those of the other folds.

        Parameters
        ----------
        first : int, default=0
            Position from which parts are averaged.

        Returns
        -------
        mean : ndarray of shape (n_samples, n_outputs)
        """
        kept = np.asarray(self.positions) >= first
        mean = np.empty_like(self.outputs[0])
        for test in self.tests:
            others = np.setdiff1d(np.arange(len(self.y)), test, assume_unique=True)
            weights = restricted(None if self.is_uniform else self.fitted(rows=others), kept)
            mean[test] = average([output[test] for output in self.outputs], weights)
        return mean

    def growing(self, groups: Sequence[int], least_gain: float = LEAST_GAIN) -> list[int]:
        """Return those of some groups whose last cycle saved a share of their own loss."""
        return [group for group in groups if self._gain(group) >= least_gain]

    def _gain(self, group: int) -> float:
        """Return the share of a group's own loss that its last cycle saved."""
        parts = [i for i, own in enumerate(self.groups) if own == group]
        if len(parts) < 2:
            return np.inf
        before, after = self.loss(parts[:-1]), self.loss(parts)
        return (before - after) / before if before > 0 else 0.0
