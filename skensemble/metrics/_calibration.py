"""Whether predictions are right as often as they claim."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skensemble._checks import check_int, reject
from skensemble._typing import FloatArray
from skensemble.metrics._quantiles import weighted_quantiles
from skensemble.metrics._validation import check_labelled

__all__ = ["CalibrationBins", "calibration_bins", "expected_calibration_error"]

STRATEGIES = ("uniform", "quantile")


class CalibrationBins(NamedTuple):
    """What a reliability diagram draws, bin by bin; see `calibration_bins`.

    Parameters
    ----------
    edges : ndarray of shape (n_bins + 1,)
        From 0 to 1; bins are ``low < confidence <= high``, and the first one has 0 too.
    confidence : ndarray of shape (n_bins,)
        Mean confidence of the rows of a bin; nan where it is empty.
    accuracy : ndarray of shape (n_bins,)
        Share of these rows that are right, by weight; nan where there is none.
    weight : ndarray of shape (n_bins,)
        Sum of the weights of these rows; 0 where there is none.
    """

    edges: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    weight: NDArray[np.float64]


def expected_calibration_error(
    y_true: Any,
    y_proba: Any,
    *,
    n_bins: int = 15,
    strategy: str = "uniform",
    classwise: bool = False,
    sample_weight: Any = None,
    labels: Any = None,
) -> float:
    r"""Mean distance between confidence and accuracy, over bins of confidence.

    Lower is better: 0 where each bin is right as often as it claims, 1 at worst.

    The confidence of a row is its largest probability, and a row is right if that belongs to its
    true label, the first one of equal probabilities. With :math:`B_b` the rows of bin b and
    :math:`w` the weights of rows, it is [1]_

    .. math:: \sum_b \frac{w(B_b)}{w} \, |\mathrm{accuracy}(B_b) - \mathrm{confidence}(B_b)|.

    Bins are ``low < confidence <= high``. An empty bin counts nothing. Two bins cannot make up for
    each other, but rows within one can: give the NLL too.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any kind that sorts.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, a column for each label in the order of the sorted labels; for two labels
        also those of the second one alone, as scikit-learn's scorers give them.
    n_bins : int, default=15
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width from 0 to 1, or of about equal weight: their edges are quantiles of the
        confidences. Rows of equal confidence are always in one bin, the lower one, and so such bins
        are of different weight, or empty, where there are many.
    classwise : bool, default=False
        Whether to take the mean over the classes of the same error for the probability of the
        class and how often it is the true one [2]_, [3]_. Rows are then put into bins by that
        probability, class by class. All probabilities matter, also small ones.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    labels : array-like of shape (n_classes,), default=None
        All labels, in any order; None takes those of `y_true`. Needed where some label has no row.

    Returns
    -------
    error : float
        Between 0 and 1, up to the rounding of `y_proba`.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    See Also
    --------
    calibration_bins : The bins themselves.
    sklearn.metrics.log_loss : A proper score, which ranks as well.

    References
    ----------
    .. [1] Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3.
    .. [2] Kull et al., "Beyond temperature scaling", NeurIPS 2019.
    .. [3] Nixon et al., "Measuring calibration in deep learning", CVPR workshops 2019.

    Examples
    --------
    Two rows are 90 % sure, and one of them is right; their bin is off by 0.4, and so is the mean:

    >>> from skensemble.metrics import expected_calibration_error
    >>> error = expected_calibration_error(["cat", "dog"], [[0.9, 0.1], [0.9, 0.1]])
    >>> round(error, 3)
    0.4
    """
    n_bins = check_int("n_bins", n_bins, 1)
    _check_strategy(strategy)
    proba, codes, weights = check_labelled(y_true, y_proba, sample_weight, labels)
    if classwise:
        parts = [(column, codes == k) for k, column in enumerate(proba.T)]
    else:
        parts = [(proba.max(axis=1), proba.argmax(axis=1) == codes)]
    errors = [_error(*part, weights, n_bins, strategy) for part in parts]
    return float(np.mean(errors))


def calibration_bins(
    y_true: Any,
    y_proba: Any,
    *,
    n_bins: int = 15,
    strategy: str = "uniform",
    sample_weight: Any = None,
    labels: Any = None,
) -> CalibrationBins:
    """Confidence and accuracy in bins of confidence: what a reliability diagram draws.

    The closer the accuracy of a bin is to its confidence, the better.

    Bins, confidence and accuracy are those of `expected_calibration_error`, which is the mean of
    their distances by weight.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any kind that sorts.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, a column for each label in the order of the sorted labels; for two labels
        also those of the second one alone, as scikit-learn's scorers give them.
    n_bins : int, default=15
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width from 0 to 1, or of about equal weight.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    labels : array-like of shape (n_classes,), default=None
        All labels, in any order; None takes those of `y_true`. Needed where some label has no row.

    Returns
    -------
    bins : CalibrationBins
        A named tuple of `edges`, of shape (n_bins + 1,), and of the mean `confidence`, the
        `accuracy` and the summed `weight` of the rows of each bin, of shape (n_bins,). Confidence
        and accuracy of an empty bin are nan.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    Examples
    --------
    >>> from skensemble.metrics import calibration_bins
    >>> bins = calibration_bins(["cat", "dog"], [[0.9, 0.1], [0.7, 0.3]], n_bins=4)
    >>> bins.accuracy
    array([nan, nan,  0.,  1.])
    >>> bins.weight
    array([0., 0., 1., 1.])
    """
    n_bins = check_int("n_bins", n_bins, 1)
    _check_strategy(strategy)
    proba, codes, weights = check_labelled(y_true, y_proba, sample_weight, labels)
    confidence, is_right = proba.max(axis=1), proba.argmax(axis=1) == codes
    inner, bins = _binned(confidence, weights, n_bins, strategy)
    weight, *sums = (
        np.bincount(bins, weights=weights * of_rows, minlength=n_bins)
        for of_rows in (np.ones(len(proba)), confidence.astype(np.float64), is_right)
    )
    means = [np.divide(s, weight, out=np.full(n_bins, np.nan), where=weight > 0) for s in sums]
    edges = np.concatenate([[0.0], inner, [1.0]]).astype(np.float64)
    return CalibrationBins(edges, *means, weight)


def _check_strategy(strategy: str) -> None:
    if strategy not in STRATEGIES:
        raise reject("strategy", " or ".join(map(repr, STRATEGIES)), strategy)


def _error(
    confidence: FloatArray,
    is_right: NDArray[np.bool_],
    weights: NDArray[np.float64],
    n_bins: int,
    strategy: str,
) -> float:
    """Return the mean distance over bins, of what was claimed for rows and what was true."""
    _inner, bins = _binned(confidence, weights, n_bins, strategy)
    # Share of a bin times the distance of its means is the distance of its sums over all weight.
    distances = np.bincount(bins, weights=weights * (is_right - confidence.astype(np.float64)))
    return float(np.abs(distances).sum() / weights.sum())


def _binned(
    confidence: FloatArray, weights: NDArray[np.float64], n_bins: int, strategy: str
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Put rows into bins.

    Returns
    -------
    inner : ndarray of shape (n_bins - 1,)
        Edges between bins, in the floats of the confidences.
    bins : ndarray of shape (n_samples,)
        The bin of each row, from 0.
    """
    # Rounded as the confidences are: 0.6 in float32 lies on its edge, and belongs below it.
    inner = (np.arange(1, n_bins) / n_bins).astype(confidence.dtype)
    if strategy == "quantile":
        inner = weighted_quantiles(confidence, np.arange(1, n_bins) / n_bins, weights)
    return inner, np.searchsorted(inner, confidence, side="left")
