"""What is left of the errors where unsure rows are put aside."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skensemble._checks import check_real
from skensemble.metrics._validation import check_labelled

__all__ = ["accuracy_at_coverage", "risk_coverage_area", "risk_coverage_curve"]


def risk_coverage_curve(
    y_true: Any, y_proba: Any, *, sample_weight: Any = None, labels: Any = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Error among the rows that one is most sure of, against how many these are.

    The lower the curve, the better: at coverage 1 it ends at the error of all rows.

    The confidence of a row is its largest probability, and a row is wrong if that does not belong
    to its true label, the first one of equal probabilities. Rows of equal confidence enter
    together, as one point, so that their order does not matter [1]_.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any kind that sorts.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, a column for each label in the order of the sorted labels; for two labels
        also those of the second one alone, as scikit-learn's scorers give them.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. A row of weight 0 is as if it were not there.
    labels : array-like of shape (n_classes,), default=None
        All labels, in any order; None takes those of `y_true`. Needed where some label has no row.

    Returns
    -------
    coverage : ndarray of shape (n_points,)
        Share of the rows, by weight, that are at least as sure as the point; rising, ends at 1.
    risk : ndarray of shape (n_points,)
        Share of these rows that are wrong.
    confidence : ndarray of shape (n_points,)
        The distinct confidences, falling.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    References
    ----------
    .. [1] Geifman and El-Yaniv, "Selective classification for deep neural networks", NeurIPS 2017.

    Examples
    --------
    >>> from skensemble.metrics import risk_coverage_curve
    >>> coverage, risk, confidence = risk_coverage_curve([1, 1, 0, 1], [0.9, 0.8, 0.8, 0.6])
    >>> coverage
    array([0.25, 0.75, 1.  ])
    >>> risk.round(3)
    array([0.   , 0.333, 0.25 ])
    """
    coverage, errors, confidence = _cumulated(y_true, y_proba, sample_weight, labels)
    return coverage, errors / coverage, confidence


def risk_coverage_area(
    y_true: Any, y_proba: Any, *, sample_weight: Any = None, labels: Any = None
) -> float:
    r"""Area under the risk-coverage curve: the mean error over all coverages.

    Lower is better: 0 without errors, and the error itself where confidence tells nothing.

    With :math:`r(c)` the error among the share c of rows that one is most sure of, it is [1]_

    .. math:: \int_0^1 r(c) \, dc.

    Rows enter by shares, as if each stood for many: of rows of equal confidence, as many wrong ones
    as right ones enter as there are, which is the mean over all orders of them. So neither order
    nor whether a row stands there twice or has a weight of 2 matters. The mean of the errors after
    each of n rows, which one meets too, is the same area up to about ``1 / (2 n)``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any kind that sorts.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, a column for each label in the order of the sorted labels; for two labels
        also those of the second one alone, as scikit-learn's scorers give them.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. A row of weight 0 is as if it were not there.
    labels : array-like of shape (n_classes,), default=None
        All labels, in any order; None takes those of `y_true`. Needed where some label has no row.

    Returns
    -------
    area : float
        Between 0 and 1.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    See Also
    --------
    risk_coverage_curve : The curve.
    accuracy_at_coverage : One point of it.

    References
    ----------
    .. [1] Geifman, Uziel and El-Yaniv, "Bias-reduced uncertainty estimation for deep neural
       classifiers", ICLR 2019.

    Examples
    --------
    The surer half is right, the other one wrong. At a coverage c above a half the error is
    ``(c - 1/2) / c``, whose integral is ``1/2 - log(2) / 2``:

    >>> from skensemble.metrics import risk_coverage_area
    >>> round(risk_coverage_area([1, 0], [0.9, 0.8]), 4)
    0.1534
    """
    coverage, errors, _confidence = _cumulated(y_true, y_proba, sample_weight, labels)
    before, errors_before = _shifted(coverage), _shifted(errors)
    slope = np.diff(errors, prepend=0) / np.diff(coverage, prepend=0)
    # Within a point's rows errors rise along a line, e + slope * (c - before), so that the area of
    # r(c) is slope * (coverage - before) and a logarithm, which the first point has not.
    line = slope * (coverage - before)
    offset = (errors_before - slope * before)[1:]
    return float(line.sum() + (offset * np.log(coverage[1:] / before[1:])).sum())


def accuracy_at_coverage(
    y_true: Any,
    y_proba: Any,
    *,
    coverage: float = 0.9,
    sample_weight: Any = None,
    labels: Any = None,
) -> float:
    """Accuracy among the rows that one is most sure of, a given share of all.

    Higher is better: 1 where all of these rows are right.

    Where the last of the rows to enter are some of many of equal confidence, these count with their
    mean, which is the mean over all orders of them; a row may enter in part.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any kind that sorts.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, a column for each label in the order of the sorted labels; for two labels
        also those of the second one alone, as scikit-learn's scorers give them.
    coverage : float, default=0.9
        Share of the rows, by weight, above 0 and at most 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. A row of weight 0 is as if it were not there.
    labels : array-like of shape (n_classes,), default=None
        All labels, in any order; None takes those of `y_true`. Needed where some label has no row.

    Returns
    -------
    accuracy : float
        Between 0 and 1.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    See Also
    --------
    risk_coverage_curve : The error at all coverages.

    Examples
    --------
    >>> from skensemble.metrics import accuracy_at_coverage
    >>> y_true, y_proba = [1, 1, 0, 1], [0.9, 0.8, 0.7, 0.6]
    >>> accuracy_at_coverage(y_true, y_proba, coverage=0.5)
    1.0
    """
    share = check_real("coverage", coverage, 0, high=1, low_open=True)
    coverages, errors, _confidence = _cumulated(y_true, y_proba, sample_weight, labels)
    wrong = np.interp(share, np.append(0.0, coverages), np.append(0.0, errors))
    return float(1 - wrong / share)


def _cumulated(
    y_true: Any, y_proba: Any, sample_weight: Any, labels: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return shares of all rows, and of all rows that are wrong, by falling confidence.

    Returns
    -------
    coverage, errors, confidence : ndarray of shape (n_points,)
        A point for each distinct confidence that some weight has.
    """
    proba, codes, weights = check_labelled(y_true, y_proba, sample_weight, labels)
    is_wrong = proba.argmax(axis=1) != codes
    has_weight = weights > 0
    negated, point = np.unique(-proba.max(axis=1)[has_weight], return_inverse=True)
    coverage = np.cumsum(np.bincount(point, weights=weights[has_weight]))
    errors = np.cumsum(np.bincount(point, weights=(weights * is_wrong)[has_weight]))
    return coverage / coverage[-1], errors / coverage[-1], -negated.astype(np.float64)


def _shifted(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what stood before each value, 0 before the first."""
    return np.append(0.0, values[:-1])
