"""How far the confidence of a classifier is from its accuracy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skensemble._checks import check_int, reject
from skensemble._typing import FloatArray
from skensemble.data import codes_of, unknown_labels

TOLERANCE = 1e-3
"""By how much the rounding of half precision may move a sum of probabilities."""


def expected_calibration_error(
    y_true: Any,
    y_proba: Any,
    *,
    n_bins: int = 15,
    sample_weight: Any = None,
    labels: Any = None,
) -> float:
    """Mean distance between confidence and accuracy, over bins of equal width.

    Lower is better: 0 where each bin is right as often as it claims, 1 at worst.

    The confidence of a row is its largest probability, and a row is right if that belongs to its
    true label, the first one of equal probabilities. Bins cut the confidences from 0 to 1 into
    equal widths, ``low < confidence <= high``; each bin's distance between its mean confidence and
    its accuracy counts by its share of the rows [1]_. The other probabilities of a row do not
    matter, and two bins cannot make up for each other, but rows within one can: give the NLL too.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any kind that sorts.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, a column a label in the order of the sorted labels; for two labels also those
        of the second one alone, as scikit-learn's scorers give them.
    n_bins : int, default=15
        Number of bins.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    labels : array-like of shape (n_classes,), default=None
        All labels, in any order; None takes those of `y_true`. Needed where some label has no row.

    Returns
    -------
    error : float
        Between 0 and 1.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    See Also
    --------
    sklearn.metrics.log_loss : A proper score, which ranks as well.

    References
    ----------
    .. [1] Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3.

    Examples
    --------
    Two rows are 90 % sure, and one of them is right; their bin is off by 0.4, and so is the mean:

    >>> from skensemble.metrics import expected_calibration_error
    >>> error = expected_calibration_error(["cat", "dog"], [[0.9, 0.1], [0.9, 0.1]])
    >>> round(error, 3)
    0.4
    """
    n_bins = check_int("n_bins", n_bins, 1)
    proba = _check_proba(y_proba)
    codes = _encode(y_true, labels, proba)
    weights = _check_weights(sample_weight, len(proba))
    confidence = proba.max(axis=1)
    is_right = proba.argmax(axis=1) == codes
    # Rounded as the confidences are: 0.6 in float32 lies on its edge, and belongs below it.
    edges = (np.arange(1, n_bins) / n_bins).astype(proba.dtype)
    bins = np.searchsorted(edges, confidence, side="left")
    # Share of a bin times the distance of its means is the distance of its sums over all weight.
    distances = np.bincount(bins, weights=weights * (is_right - confidence.astype(np.float64)))
    return float(np.abs(distances).sum() / weights.sum())


def _check_proba(y_proba: Any) -> FloatArray:
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


def _encode(y_true: Any, labels: Any, proba: FloatArray) -> NDArray[np.intp]:
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


def _check_weights(sample_weight: Any, n_samples: int) -> NDArray[np.float64]:
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
