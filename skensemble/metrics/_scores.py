"""Scores of predicted probabilities, each a function of labels and probabilities."""

from typing import Any

import numpy as np

from skensemble._checks import check_int
from skensemble.metrics._validation import check_proba, check_weights, columns_of

__all__ = ["expected_calibration_error"]


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
        Probabilities, a column for each label in the order of the sorted labels; for two labels
        also those of the second one alone, as scikit-learn's scorers give them.
    n_bins : int, default=15
        Number of bins.
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
    proba = check_proba(y_proba)
    codes = columns_of(y_true, labels, proba)
    weights = check_weights(sample_weight, len(proba))
    confidence = proba.max(axis=1)
    is_right = proba.argmax(axis=1) == codes
    # Rounded as the confidences are: 0.6 in float32 lies on its edge, and belongs below it.
    edges = (np.arange(1, n_bins) / n_bins).astype(proba.dtype)
    bins = np.searchsorted(edges, confidence, side="left")
    # Share of a bin times the distance of its means is the distance of its sums over all weight.
    distances = np.bincount(bins, weights=weights * (is_right - confidence.astype(np.float64)))
    return float(np.abs(distances).sum() / weights.sum())
