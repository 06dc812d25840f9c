"""Targets of a regression, standardised for training and scaled back in prediction."""

from typing import Any

import numpy as np

from skensemble._checks import InvalidParameterError
from skensemble.data._weights import relative_weights

SMALLEST, LARGEST = 1e-30, 1e30
"""Sizes between which float32 holds targets with all of its digits."""


class TargetScaler:
    """Mean and scale of targets of one or more columns.

    A column whose values are all the same but for the rounding of float64 is moved and not scaled.
    Weights count by their size against each other; weights and targets of any size will do.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,), default=None
    standardize : bool, default=True
        Whether to standardise at all; else mean and scale are 0 and 1.

    Attributes
    ----------
    n_outputs : int
        Columns of the targets.

    Examples
    --------
    >>> scaler = TargetScaler(np.array([10.0, 30.0]))
    >>> scaler.transform(np.array([10.0, 20.0]))
    array([[-1.],
           [ 0.]])
    >>> scaler.inverse(np.array([[2.0]]))
    array([40.])
    """

    def __init__(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, *, standardize: bool = True
    ) -> None:
        self.is_flat = y.ndim == 1
        columns = y.reshape(len(y), -1)
        self.n_outputs = columns.shape[1]
        self.mean, self.scale = np.zeros(self.n_outputs), np.ones(self.n_outputs)
        if standardize:
            weight = None if sample_weight is None else relative_weights(sample_weight)
            moments = [_moments(column, weight) for column in columns.T]
            self.mean, self.scale = (np.array(values) for values in zip(*moments, strict=True))

    def transform(self, y: np.ndarray, name: str = "y") -> np.ndarray:
        """Standardise targets, to shape (n_samples, n_outputs).

        Raises
        ------
        InvalidParameterError
            If there are more or fewer columns than were learnt.
        """
        columns = y.reshape(len(y), -1)
        if columns.shape[1] != self.n_outputs:
            raise InvalidParameterError(
                f"{name} must have {self.n_outputs} column(s), as in fit, got shape {y.shape}."
            )
        return (columns - self.mean) / self.scale

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """Scale standardised values of shape (..., n_outputs) back, one column made flat.

        The dtype stays, unless float32 is too coarse to tell such targets apart; scikit-learn asks
        for float64 where there are several columns.
        """
        y = z.astype(self._dtype(z.dtype)) * self.scale + self.mean
        y = y.astype(self._dtype(z.dtype))
        return y[..., 0] if self.is_flat else y

    def inverse_spread(self, z: np.ndarray) -> np.ndarray:
        """Scale a standard deviation of standardised values back."""
        spread = (z * self.scale).astype(self._dtype(z.dtype))
        return spread[..., 0] if self.is_flat else spread

    def to_state(self) -> dict[str, Any]:
        """Return mean and scale in Python's own types."""
        return {
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "is_flat": self.is_flat,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "TargetScaler":
        """Make a scaler again from what `to_state` gave."""
        scaler = cls.__new__(cls)
        scaler.mean, scaler.scale = np.asarray(state["mean"]), np.asarray(state["scale"])
        scaler.is_flat = state["is_flat"]
        scaler.n_outputs = len(scaler.mean)
        return scaler

    def _dtype(self, dtype: Any) -> Any:
        # A float32 step at the mean is about mean * 1e-7; keep it far below the scale.
        is_coarse = (np.abs(self.mean) > 1e4 * self.scale).any()
        too_large = (np.abs(self.mean) / 2 + self.scale / 2 > LARGEST / 2).any()
        too_small = (self.scale < SMALLEST).any()
        return np.float64 if is_coarse or too_large or too_small or not self.is_flat else dtype


def _moments(y: np.ndarray, weight: np.ndarray | None) -> tuple[float, float]:
    """Return mean and standard deviation of a column, 1 in place of a deviation of 0.

    The weights have a mean of 1.
    """
    # A power of two in place of the unit loses no digit, and no square can leave float64.
    _, exponent = np.frexp(np.abs(y).max())
    units = np.ldexp(y, -exponent)
    ahead = units - units[0]
    if np.ptp(units) <= 4 * np.finfo(np.float64).eps:
        return float(np.ldexp(units[0] + ahead.mean(), exponent)), 1.0
    mean = np.average(ahead, weights=weight)
    std = np.sqrt(np.average((ahead - mean) ** 2, weights=weight))
    return float(np.ldexp(units[0] + mean, exponent)), float(np.ldexp(std, exponent))
