"""What nets predict for the rows that they left out, and the weights that follow from it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skensemble.averaging import average, restrict_weights

CHUNK = 8192
"""Rows that are copied at a time, to be predicted."""

LEAST_GAIN = 0.005
"""Share of the out-of-fold loss that a cycle has to save for another one to follow."""

FitWeights = Callable[..., np.ndarray]
"""``fit(outputs, y, sample_weight)`` gives a weight for each of some outputs."""


class OutOfFold:
    """Predictions of each row by nets that were not trained on it, from each part of an ensemble.

    A part is a position in the training and a group of nets that leave out each row once.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, ...)
        Rows as the nets take them.
    y : ndarray of shape (n_samples, ...)
        Encoded targets.
    sample_weight : ndarray of shape (n_samples,) or None
        The user's own.
    tests : sequence of ndarray of int
        Rows that each net of a group leaves out.
    fit_weights : callable or None
        What fits the weights of the parts; None is equal weights.
    losses : callable
        ``losses(output, y)`` gives the loss of each row, of shape (n_samples,).

    Attributes
    ----------
    outputs : list of ndarray of shape (n_samples, n_outputs)
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
        fit_weights: FitWeights | None,
        losses: Callable[..., np.ndarray],
    ) -> None:
        self.X, self.y, self.sample_weight = X, y, sample_weight
        self.tests = tests
        self.fit_weights = fit_weights
        self.losses = losses
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
        for (predictor, k), test in zip(members, self.tests, strict=True):
            for start in range(0, len(test), CHUNK):
                rows = test[start : start + CHUNK]
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

    def weights(self, chosen: Sequence[int] | None = None) -> np.ndarray:
        """Return a weight for each of some parts, of all by default; they sum to 1."""
        outputs = self.outputs if chosen is None else [self.outputs[i] for i in chosen]
        if self.fit_weights is None:
            return np.full(len(outputs), 1 / len(outputs))
        weights = self.fit_weights(np.stack(outputs), self.y, self.sample_weight)
        return restrict_weights(weights)

    def mean(self, weights: np.ndarray) -> np.ndarray:
        """Return the weighted mean of the parts, of shape (n_samples, n_outputs)."""
        return average(self.outputs, weights)

    def loss(self, chosen: Sequence[int] | None = None) -> float:
        """Return the mean loss of the weighted mean of some parts, of all by default."""
        chosen = range(len(self.outputs)) if chosen is None else chosen
        mean = average([self.outputs[i] for i in chosen], self.weights(chosen))
        return float(np.average(self.losses(mean, self.y), weights=self.sample_weight))

    def growing(self, groups: Sequence[int]) -> list[int]:
        """Return those of some groups whose loss the last cycle lowered by `LEAST_GAIN`."""
        return [group for group in groups if self._gain(group) >= LEAST_GAIN]

    def _gain(self, group: int) -> float:
        """Return the share of a group's own loss that its last cycle saved."""
        parts = [i for i, own in enumerate(self.groups) if own == group]
        if len(parts) < 2:
            return np.inf
        before, after = self.loss(parts[:-1]), self.loss(parts)
        return (before - after) / before if before > 0 else 0.0
