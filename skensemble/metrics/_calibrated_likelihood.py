"""The likelihood of predictions after their temperature has been set right."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.utils import check_random_state

from skensemble._checks import check_int, reject
from skensemble.metrics._validation import check_labelled

__all__ = ["calibrated_log_likelihood"]

HOTTEST = 20.0
"""Temperatures lie between ``1 / HOTTEST`` and `HOTTEST`."""


def calibrated_log_likelihood(
    y_true: Any,
    y_proba: Any,
    *,
    n_splits: int = 5,
    random_state: Any = 0,
    sample_weight: Any = None,
    labels: Any = None,
) -> float:
    r"""Mean log-likelihood in nats after temperature scaling, by cross-validation on these rows.

    Higher is better: 0 at best; ``-log(n_classes)`` is what equal probabilities have.

    Rows are split at random into halves. The temperature :math:`\tau` with the highest likelihood
    of :math:`\mathrm{softmax}(\log p / \tau)` on one half scores the other half, and the other
    way round; the result is the mean of the ``2 * n_splits`` scores [1]_. So methods are compared
    that differ in what they know, and not in how sure they are of it, which is cheap to mend.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, of any kind that sorts; at least two rows.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, a column for each label in the order of the sorted labels; for two labels
        also those of the second one alone, as scikit-learn's scorers give them. Of an ensemble, its
        mean. They are clipped from below at the machine epsilon of their floats, as in
        scikit-learn's `log_loss`, so that a zero counts 16 nats in float32 and 36 in float64,
        before the temperature.
    n_splits : int, default=5
        Number of random splits into halves.
    random_state : int, RandomState instance or None, default=0
        Draws the splits, which are those of the order in which the rows stand: compare methods on
        the same rows.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. A row of weight 0 is as if it were not there.
    labels : array-like of shape (n_classes,), default=None
        All labels, in any order; None takes those of `y_true`. Needed where some label has no row.

    Returns
    -------
    log_likelihood : float
        In nats per row.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    See Also
    --------
    deep_ensemble_equivalent : The same as a number of nets.
    sklearn.calibration.CalibratedClassifierCV : Temperature scaling for use.

    Notes
    -----
    The temperature is sought between 1/20 and 20: a half without any error would take it to 0, and
    one error in the other half would then cost without bound.

    References
    ----------
    .. [1] Ashukha et al., "Pitfalls of in-domain uncertainty estimation and ensembling in deep
       learning", ICLR 2020.

    Examples
    --------
    Three of four rows are right, all of them 97 % sure. A temperature cannot know more than that:

    >>> from skensemble.metrics import calibrated_log_likelihood
    >>> y_true, y_proba = [1, 1, 1, 0] * 500, [0.97] * 2000
    >>> round(calibrated_log_likelihood(y_true, y_proba), 2)
    -0.56
    """
    n_splits = check_int("n_splits", n_splits, 1)
    proba, codes, weights = check_labelled(y_true, y_proba, sample_weight, labels)
    has_weight = weights > 0
    if has_weight.sum() < 2:
        raise reject("y_true", "labels of at least 2 rows with a weight", int(has_weight.sum()))
    log_p = np.log(np.maximum(proba, np.finfo(proba.dtype).eps)[has_weight], dtype=np.float64)
    rows = (log_p, codes[has_weight], weights[has_weight])
    rng = check_random_state(random_state)
    scores = []
    for _ in range(n_splits):
        halves = np.array_split(rng.permutation(len(log_p)), 2)
        for fit, score in (halves, halves[::-1]):
            tau = _best_temperature(*(of_rows[fit] for of_rows in rows))
            scores.append(_log_likelihood(tau, *(of_rows[score] for of_rows in rows)))
    return float(np.mean(scores))


def _best_temperature(
    log_p: NDArray[np.float64], codes: NDArray[np.intp], weights: NDArray[np.float64]
) -> float:
    """Return the temperature with the highest likelihood, within the bounds."""
    # The likelihood is concave in 1 / tau, and so has one peak over log(tau).
    best = minimize_scalar(
        lambda log_tau: -_log_likelihood(np.exp(log_tau), log_p, codes, weights),
        bounds=(-np.log(HOTTEST), np.log(HOTTEST)),
        method="bounded",
    )
    return float(np.exp(best.x))


def _log_likelihood(
    tau: float,
    log_p: NDArray[np.float64],
    codes: NDArray[np.intp],
    weights: NDArray[np.float64],
) -> np.floating[Any]:
    """Return the mean log-likelihood of softmax(log p / tau)."""
    # No exponential overflows, as no logarithm is above 0; nor are all of a row 0, as its largest
    # probability to the power of HOTTEST is not.
    scaled = log_p / tau
    true = scaled[np.arange(len(codes)), codes]
    return np.average(true - np.log(np.exp(scaled).sum(axis=1)), weights=weights)
