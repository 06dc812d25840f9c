"""Validation rows: what each member makes of them, and what that says of the ensemble."""

from collections.abc import Callable
from typing import Any

import numpy as np

from skensemble.averaging import average, last_m_weights, staged_average
from skensemble.members import Predictor


class HeldOut:
    """Rows that no member is trained on.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, ...)
    y : ndarray of shape (n_samples, ...)
        Encoded targets.
    sample_weight : ndarray of shape (n_samples,) or None
    losses : callable
        ``losses(output, y)`` gives the loss of each row, of shape (n_samples,).
    score : callable
        ``score(output, y, sample_weight)``, higher is better.
    """

    def __init__(
        self,
        X: Any,
        y: np.ndarray,
        sample_weight: np.ndarray | None,
        *,
        losses: Callable[..., np.ndarray],
        score: Callable[..., float],
    ) -> None:
        self.X, self.y, self.sample_weight = X, y, sample_weight
        self.losses = losses
        self.score = score
        self.outputs: list[np.ndarray] = []
        self.scores: list[float] = []

    def add(self, predictor: Predictor, m: int | None) -> float:
        """Take in the newest member, and score the mean of the last m so far."""
        self.outputs += list(predictor.outputs(self.X, [len(predictor) - 1]))
        n_members = len(self.outputs)
        mean = average(self.outputs, last_m_weights(n_members, m))
        self.scores.append(self.score(mean, self.y, self.sample_weight))
        return self.scores[-1]

    def best_m(self) -> int:
        """Find the number of last members whose mean has the least loss."""
        stages = staged_average(self.outputs)
        losses = [self._mean_loss(self.losses(mean, self.y)) for mean in stages]
        return int(np.argmin(losses)) + 1

    def last_member_is_better(self, weights: np.ndarray) -> bool:
        """Say whether the last member alone loses less than the mean, by two standard errors."""
        mean = average(self.outputs, weights)
        lead = self.losses(mean, self.y) - self.losses(self.outputs[-1], self.y)
        row_weight = np.ones(len(lead)) if self.sample_weight is None else self.sample_weight
        row_weight = row_weight / row_weight.sum()
        mean_lead = row_weight @ lead
        deviation = row_weight * (lead - mean_lead)
        return bool(mean_lead > 2 * np.sqrt(deviation @ deviation))

    def _mean_loss(self, losses: np.ndarray) -> float:
        return float(np.average(losses, weights=self.sample_weight))
