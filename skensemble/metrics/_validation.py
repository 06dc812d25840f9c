"""What scores of probabilities ask of their arguments."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skensemble._checks import reject
from skensemble._typing import FloatArray
from skensemble.data import codes_of, unknown_labels

TOLERANCE = 1e-3
"""By how much the rounding of half precision may move a sum of probabilities."""


def check_proba(y_proba: Any) -> FloatArray:
    """Return probabilities with a column for each label, or raise if they are no probabilities."""
    is_float = getattr(getattr(y_proba, "dtype", None), "kind", None) == "f"
    proba = np.asarray(y_proba) if is_float else _as_floats("y_proba", y_proba)
    if proba.ndim == 1 and proba.size:
        proba = np.stack([1 - proba, proba], axis=1)
    if proba.ndim != 2 or not proba.size:
        raise reject("y_proba", "of shape (n_samples, n_classes) with rows in it", proba.shape)
    # Comparisons with nan are false.
    is_proba = (proba >= -TOLERANCE).all() and (abs(proba.sum(axis=1) - 1) <= TOLERANCE).all()
    if not is_proba:
        raise reject("y_proba", "probabilities >= 0 that sum to 1 in each row", y_proba)
    return proba


def columns_of(y_true: Any, labels: Any, proba: FloatArray) -> NDArray[np.intp]:
    """Return the column of each row's label."""
    y = np.asarray(y_true)
    if y.shape != proba.shape[:1]:
        raise reject("y_true", f"of shape {proba.shape[:1]}, as y_proba has rows", y.shape)
    try:
        known = np.unique(y if labels is None else np.asarray(labels))
    except TypeError:
        raise reject("y_true", "labels of one kind, none missing", y_true) from None
    if (known != known).any():
        raise reject("y_true" if labels is None else "labels", "without nan", known.tolist())
    if len(known) != proba.shape[1]:
        rule = f"one for each of the {proba.shape[1]} columns of y_proba"
        raise reject("labels", rule if labels is not None else f"given, {rule}", known.tolist())
    unknown = unknown_labels(y, known)
    if len(unknown):
        raise reject("y_true", f"among the labels {known.tolist()}", unknown[0])
    return codes_of(y, known)


def check_weights(sample_weight: Any, n_samples: int) -> NDArray[np.float64]:
    """Return the weights of rows, ones for None, or raise if they are no weights."""
    if sample_weight is None:
        return np.ones(n_samples)
    weights = _as_floats("sample_weight", sample_weight)
    if weights.shape != (n_samples,):
        raise reject("sample_weight", f"of shape ({n_samples},)", weights.shape)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise reject("sample_weight", "finite, >= 0 and not 0 everywhere", sample_weight)
    return weights


def _as_floats(name: str, values: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise reject(name, "an array of numbers", values) from None
