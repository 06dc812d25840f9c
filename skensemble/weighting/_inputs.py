"""What the members gave, checked, in float64, in an order that is not that of the members."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skensemble._arrays import TOLERANCE, are_probabilities, are_weights
from skensemble._checks import InvalidParameterError, reject
from skensemble._typing import FloatArray

FLOOR = float(np.finfo(np.float64).eps)
"""Least probability that counts, that of scikit-learn's `log_loss` for float64."""


class Distinct(NamedTuple):
    """Members that differ, in an order that follows from what they gave.

    Members that gave the same are one here. So no solver can prefer one of them, or the first.

    Attributes
    ----------
    values : ndarray of shape (n_distinct, ...)
    places : ndarray of shape (n_members,)
        Which of them each member is.
    sizes : ndarray of shape (n_distinct,)
        Number of members that each of them stands for.
    """

    values: NDArray[np.float64]
    places: NDArray[np.intp]
    sizes: NDArray[np.intp]

    @property
    def equal(self) -> NDArray[np.float64]:
        """Weights of the distinct members where all members have the same weight."""
        shares: NDArray[np.float64] = self.sizes / self.sizes.sum()
        return shares

    def share(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give each member its share of the weights of the distinct ones."""
        shares: NDArray[np.float64] = (weights / weights.sum() / self.sizes)[self.places]
        return shares


def distinct(values: NDArray[np.float64]) -> Distinct:
    """Find the members that differ.

    Examples
    --------
    >>> found = distinct(np.array([[2.0], [1.0], [2.0]]))
    >>> found.share(np.where(found.values[:, 0] == 2, 0.8, 0.2)).tolist()
    [0.4, 0.2, 0.4]
    """
    # Zeros of either sign are the same.
    keys = [(row + 0.0).tobytes() for row in values]
    order = {key: k for k, key in enumerate(sorted(set(keys)))}
    places = np.array([order[key] for key in keys])
    _, first, sizes = np.unique(places, return_index=True, return_counts=True)
    return Distinct(values[first], places, sizes)


def true_class_proba(
    proba: Any, y: Any, sample_weight: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probability of the true class from each member, and the shares of the rows.

    Parameters
    ----------
    proba : array-like of shape (n_members, n_samples, n_classes)
    y : array-like of shape (n_samples,)
        Columns.
    sample_weight : array-like of shape (n_samples,) or None

    Returns
    -------
    proba : ndarray of shape (n_members, n_kept)
        At least `FLOOR`; rows of weight 0 are left out.
    share : ndarray of shape (n_kept,)
        Weights of the rows; they sum to 1.
    """
    proba = _floats("proba", proba)
    if proba.ndim != 3 or not proba.size:
        raise reject("proba", "of shape (n_members, n_samples, n_classes), not empty", proba.shape)
    n_samples, n_classes = proba.shape[1:]
    y = np.asarray(y)
    if y.shape != (n_samples,):
        raise reject("y", f"of shape ({n_samples},), as proba has rows", y.shape)
    if y.dtype.kind not in "iu":
        raise reject("y", "columns of proba, whole numbers", y)
    if y.min() < 0 or y.max() >= n_classes:
        raise reject("y", f"columns of proba, in 0..{n_classes - 1}", [int(y.min()), int(y.max())])
    kept, share = _shares(sample_weight, n_samples)
    proba = proba if kept.all() else proba[:, kept]
    _refuse_not_finite("proba", proba)
    if not are_probabilities(proba, -TOLERANCE):
        rule = "probabilities >= 0 that sum to 1 over the last axis"
        raise reject("proba", rule, [float(proba.min()), float(proba.max())])
    chosen = proba[:, np.arange(proba.shape[1]), y[kept]]
    return np.maximum(chosen.astype(np.float64), FLOOR), share


def residuals(output: Any, y: Any, sample_weight: Any) -> NDArray[np.float64]:
    """Return what each member gives less what is true, times the root of the rows' shares.

    Parameters
    ----------
    output : array-like of shape (n_members, n_samples) or (n_members, n_samples, n_outputs)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,) or None

    Returns
    -------
    residuals : ndarray of shape (n_members, n_kept * n_outputs)
        Divided by the largest of them; rows of weight 0 are left out.
    """
    output, y = _floats("output", output), _floats("y", y)
    if output.ndim not in (2, 3) or not output.size:
        rule = "of shape (n_members, n_samples) or (n_members, n_samples, n_outputs), not empty"
        raise reject("output", rule, output.shape)
    if y.shape != output.shape[1:]:
        raise reject("y", f"of shape {output.shape[1:]}, as output without its members", y.shape)
    kept, share = _shares(sample_weight, len(y))
    output, y = output[:, kept], y[kept]
    _refuse_not_finite("output", output)
    if not np.isfinite(y).all():
        raise InvalidParameterError("y must be finite, got nan or infinity in it.")
    # In float64 before the subtraction: what is left of a large mean would be rounded.
    found: NDArray[np.float64] = output.astype(np.float64) - y.astype(np.float64)
    largest = np.abs(found).max()
    if largest:
        found /= largest
    found *= np.sqrt(share).reshape(-1, *[1] * (y.ndim - 1))
    return found.reshape(len(found), -1)


def _floats(name: str, values: Any) -> FloatArray:
    is_float = getattr(getattr(values, "dtype", None), "kind", None) == "f"
    try:
        return np.asarray(values) if is_float else np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise reject(name, "an array of numbers", values) from None


def _refuse_not_finite(name: str, values: FloatArray) -> None:
    for k, own in enumerate(values):
        if not np.isfinite(own).all():
            raise InvalidParameterError(
                f"{name} must be finite, got nan or infinity from member {k}, counted from 0."
            )


def _shares(sample_weight: Any, n_samples: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which rows count, and by how much."""
    weight = (
        np.ones(n_samples) if sample_weight is None else _floats("sample_weight", sample_weight)
    )
    if weight.shape != (n_samples,):
        raise reject("sample_weight", f"of shape ({n_samples},)", weight.shape)
    if not are_weights(weight):
        raise reject("sample_weight", "finite, >= 0 and not 0 everywhere", sample_weight)
    # By the largest first: the sum cannot leave the range of float64.
    share = weight.astype(np.float64) / float(weight.max())
    kept = share > 0
    return kept, share[kept] / share.sum()
