"""Whether a regressor's intervals and Gaussians hold what they promise."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from skensemble._checks import reject
from skensemble.metrics._validation import check_values, check_weights

__all__ = [
    "gaussian_crps",
    "gaussian_log_likelihood",
    "interval_calibration_error",
    "interval_coverage",
]

LEVELS = tuple(k / 20 for k in range(1, 20))
"""Levels of intervals unless told: 0.05, 0.1, ..., 0.95."""


def interval_coverage(y_true: Any, lower: Any, upper: Any, *, sample_weight: Any = None) -> float:
    """Share of targets that lie in their intervals.

    The closer to the level that the intervals were made for, the better; give their width too.

    Both ends belong to an interval: ``lower <= y_true <= upper``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    lower : array-like of shape (n_samples,)
        Lower ends of the intervals; -inf where there is none.
    upper : array-like of shape (n_samples,)
        Upper ends, nowhere below the lower ones; inf where there is none.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    coverage : float
        Between 0 and 1.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    See Also
    --------
    sklearn.metrics.mean_pinball_loss : A proper score of one end of an interval.

    Examples
    --------
    >>> from skensemble.metrics import interval_coverage
    >>> interval_coverage([1.0, 2.0, 3.0, 4.0], lower=[0, 0, 0, 0], upper=[3, 3, 3, 3])
    0.75
    """
    y = check_values("y_true", y_true)
    low = check_values("lower", lower, len(y), may_be_infinite=True)
    high = check_values("upper", upper, len(y), may_be_infinite=True)
    weights = check_weights(sample_weight, len(y))
    if (low > high).any():
        row = int(np.argmax(low > high))
        raise reject("upper", f">= lower, which is {low[row]:g} in row {row}", float(high[row]))
    return float(np.average((low <= y) & (y <= high), weights=weights))


def interval_calibration_error(
    y_true: Any,
    mean: Any,
    std: Any,
    *,
    levels: Sequence[float] = LEVELS,
    sample_weight: Any = None,
) -> float:
    r"""Mean distance between the level and the coverage of central intervals of Gaussians.

    Lower is better: 0 where each interval covers as often as it claims, and at worst 0.5, at the
    levels that are given unless told.

    With :math:`q_l` the quantile of the standard normal at :math:`(1 + l) / 2`, it is the mean over
    the levels l of [1]_

    .. math:: |\, P(|y - \mu| \le q_l \sigma) - l \,|.

    Intervals that are too wide at one level and too narrow at another do not make up for each
    other. Gaussians of any width may be calibrated: give a proper score too.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    mean : array-like of shape (n_samples,)
        Means of the predicted Gaussians.
    std : array-like of shape (n_samples,)
        Their standard deviations, all above 0.
    levels : sequence of float, default=(0.05, 0.1, ..., 0.95)
        Levels of the intervals, between 0 and 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

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
    gaussian_crps : A proper score, in units of the target.

    References
    ----------
    .. [1] Kuleshov, Fenner and Ermon, "Accurate uncertainties for deep learning using calibrated
       regression", ICML 2018; the distance, not its square.

    Examples
    --------
    Half of the targets lie within 0.6745 standard deviations, as they should, but none farther out:

    >>> from skensemble.metrics import interval_calibration_error
    >>> error = interval_calibration_error([0.0, 1.0], [0, 0], [1, 1], levels=[0.5, 0.9])
    >>> round(error, 3)
    0.05
    """
    error, _std, weights = _check_gaussians(y_true, mean, std, sample_weight)
    asked = check_values("levels", levels)
    if not ((asked > 0) & (asked < 1)).all():
        raise reject("levels", "between 0 and 1, ends excluded", levels)
    inside = np.abs(error) <= ndtri((1 + asked[:, None]) / 2)
    coverage = np.average(inside, axis=1, weights=weights)
    return float(np.abs(coverage - asked).mean())


def gaussian_crps(y_true: Any, mean: Any, std: Any, *, sample_weight: Any = None) -> float:
    r"""Mean continuous ranked probability score of predicted Gaussians, in units of the target.

    Lower is better: 0 at best; for a standard deviation near 0 it is the mean absolute error.

    With :math:`z = (y - \mu) / \sigma` and the standard normal's :math:`\Phi` and
    :math:`\varphi`, a row's is [1]_

    .. math:: \sigma \, [z (2 \Phi(z) - 1) + 2 \varphi(z) - 1 / \sqrt{\pi}].

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    mean : array-like of shape (n_samples,)
        Means of the predicted Gaussians.
    std : array-like of shape (n_samples,)
        Their standard deviations, all above 0.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    score : float
        In units of the target.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    See Also
    --------
    gaussian_log_likelihood : A proper score that punishes far misses more.

    References
    ----------
    .. [1] Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation",
       Journal of the American Statistical Association 2007, section 4.2.

    Examples
    --------
    >>> from skensemble.metrics import gaussian_crps
    >>> round(gaussian_crps([0.0], [0.0], [1.0]), 4)
    0.2337
    """
    z, sigma, weights = _check_gaussians(y_true, mean, std, sample_weight)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    scores = sigma * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    return float(np.average(scores, weights=weights))


def gaussian_log_likelihood(
    y_true: Any, mean: Any, std: Any, *, sample_weight: Any = None
) -> float:
    r"""Mean log-density of the targets under predicted Gaussians, in nats.

    Higher is better; it has no bound, and depends on the unit of the target: compare differences.

    A row's is

    .. math:: -\frac{(y - \mu)^2}{2 \sigma^2} - \log \sigma - \frac{1}{2} \log 2 \pi.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Targets.
    mean : array-like of shape (n_samples,)
        Means of the predicted Gaussians.
    std : array-like of shape (n_samples,)
        Their standard deviations, all above 0.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

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
    gaussian_crps : A proper score in units of the target.

    Examples
    --------
    >>> from skensemble.metrics import gaussian_log_likelihood
    >>> round(gaussian_log_likelihood([0.0], [0.0], [1.0]), 4)
    -0.9189
    """
    z, sigma, weights = _check_gaussians(y_true, mean, std, sample_weight)
    scores = -(z**2) / 2 - np.log(sigma) - np.log(2 * np.pi) / 2
    return float(np.average(scores, weights=weights))


def _check_gaussians(
    y_true: Any, mean: Any, std: Any, sample_weight: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return misses in standard deviations, standard deviations and weights, or raise."""
    y = check_values("y_true", y_true)
    centre, sigma = check_values("mean", mean, len(y)), check_values("std", std, len(y))
    if not (sigma > 0).all():
        raise reject("std", "> 0 in every row", float(sigma.min()))
    return (y - centre) / sigma, sigma, check_weights(sample_weight, len(y))
