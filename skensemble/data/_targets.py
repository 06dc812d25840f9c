"""Targets of a regression, standardised for training and scaled back in prediction."""

from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from skensemble._checks import InvalidParameterError


class TargetScaler:
    """Mean and scale of targets of one or more columns.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,), default=None

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

    def __init__(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> None:
        self.is_flat = y.ndim == 1
        columns = y.reshape(len(y), -1)
        scaler = StandardScaler().fit(columns, sample_weight=sample_weight)
        self.mean, self.scale = scaler.mean_, scaler.scale_
        self.n_outputs = columns.shape[1]

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
        too_large = (np.abs(self.mean) + self.scale > 1e30).any()
        return np.float64 if is_coarse or too_large or not self.is_flat else dtype
