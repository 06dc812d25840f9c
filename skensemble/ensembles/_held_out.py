"""Validation rows: what each member makes of them, and what that says of the ensemble."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from skensemble._checks import InvalidParameterError, check_real, reject
from skensemble.averaging import average, last_m_weights, staged_average
from skensemble.members import Predictor

RowsOf = tuple[Any, ...]
"""Rows, their labels or targets, and further things that each of them has, or None."""


def check_fraction(fraction: float | None, validation: Sequence[Any]) -> None:
    """Refuse a `validation_fraction` that is none, or that comes with rows for validation."""
    if fraction is None:
        return
    check_real("validation_fraction", fraction, 0, high=1, low_open=True, high_open=True)
    if any(part is not None for part in validation):
        raise reject("validation_fraction", "None for a fit with X_val and y_val", fraction)


def split_rows(
    rows: RowsOf, fraction: float, *, classify: bool, seed: int
) -> tuple[RowsOf, RowsOf]:
    """Split rows into those to train on, and a fraction of all to hold out.

    Parameters
    ----------
    rows : tuple
        Checked rows, labels or targets, and what else belongs to each row, or None.
    fraction : float
        Above 0 and below 1.
    classify : bool
        Whether there are labels, which both parts get in the same shares.
    seed : int

    Returns
    -------
    training, validation : tuple
        Of the same kind, in the order of the rows.

    Raises
    ------
    InvalidParameterError
        If a part would get no rows, or the training none of some class.
    """
    n_rows, y = rows[0].shape[0], rows[1]
    try:
        training, validation = train_test_split(
            np.arange(n_rows),
            test_size=float(fraction),
            random_state=seed,
            stratify=y if classify else None,
        )
    except ValueError as error:
        rule = f"a fraction that can be held out of {n_rows} rows"
        message = f"validation_fraction must be {rule}, got {fraction!r}. {error}"
        raise InvalidParameterError(message) from error
    if classify and len(missing := np.setdiff1d(y, y[training])):
        rule = f"so small that rows of the classes {missing.tolist()} are left to train on"
        raise reject("validation_fraction", rule, fraction)
    return _take(rows, np.sort(training)), _take(rows, np.sort(validation))


def _take(rows: RowsOf, index: np.ndarray) -> RowsOf:
    return tuple(None if part is None else part[index] for part in rows)


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
        self.scores.append(self.score_of(last_m_weights(len(self.outputs), m)))
        return self.scores[-1]

    def score_of(self, weights: np.ndarray) -> float:
        """Score the mean of the members with some weights."""
        return self.score(average(self.outputs, weights), self.y, self.sample_weight)

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
