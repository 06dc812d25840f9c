"""How far targets lie from predictions: a variance for each row, learnt from rows left out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize

MOST_ROWS = 20_000
"""Rows that variances are learnt from; of more, as many that are spread evenly."""

N_LEVELS = 2001
"""Levels at which the distribution of residuals is kept."""


def variances_of(
    residuals: np.ndarray, spreads: np.ndarray, sample_weight: np.ndarray | None
) -> np.ndarray:
    """Learn the variance of targets about predictions, as a line in the squared spread of members.

    The line has the greatest Gaussian likelihood of all that fall nowhere.

    Parameters
    ----------
    residuals, spreads : ndarray of shape (n_samples, n_outputs)
        Of rows that were left out, in the same units.
    sample_weight : ndarray of shape (n_samples,) or None

    Returns
    -------
    lines : ndarray of shape (2, n_outputs)
        Variance where members agree, and what is added for a squared spread of 1.

    Examples
    --------
    >>> residuals, spreads = np.array([[2.0], [-2.0]]), np.zeros((2, 1))
    >>> variances_of(residuals, spreads, None)[0].round(3)
    array([4.])
    """
    rows = thinned(len(residuals))
    weight = None if sample_weight is None else sample_weight[rows]
    pairs = zip(residuals[rows].T, spreads[rows].T, strict=True)
    return np.transpose([_line(r.astype(float), s.astype(float), weight) for r, s in pairs])


def _line(residual: np.ndarray, spread: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    squares = residual**2
    unit = np.average(squares, weights=weight)
    if not unit > 0:
        return np.zeros(2)
    squares, s = squares / unit, spread**2 / unit

    def loss(logs: np.ndarray) -> float:
        """Return the mean negative log-likelihood, but for constants."""
        variance = np.exp(logs[0]) + np.exp(logs[1]) * s
        return float(np.average(np.log(variance) + squares / variance, weights=weight))

    bounds = [(-12, 5), (-12, 5)]
    begins = [np.array([0.0, -12.0]), np.array([-1.0, 0.0])]
    ends = [minimize(loss, begin, method="L-BFGS-B", bounds=bounds) for begin in begins]
    a, b = np.exp(min(ends, key=lambda end: end.fun).x)
    return np.array([a * unit, b])


def levels_of(standardized: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
    """Return the quantiles of standardised residuals at `N_LEVELS` levels from 0 to 1.

    Parameters
    ----------
    standardized : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,) or None

    Returns
    -------
    levels : ndarray of shape (N_LEVELS, n_outputs)
    """
    shares = np.linspace(0, 1, N_LEVELS)
    if sample_weight is None:
        # Of n rows the k-th stands for a share of k / (n + 1), so that a new row is as likely to
        # lie below it.
        return np.quantile(standardized, shares, axis=0, method="weibull")
    return np.transpose([_levels_of_weighted(own, sample_weight) for own in standardized.T])


def _levels_of_weighted(values: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
    """Return quantiles of weighted values: each stands at the middle of its share."""
    order = np.argsort(values)
    weights = sample_weight[order] / sample_weight.sum()
    return np.interp(np.linspace(0, 1, N_LEVELS), weights.cumsum() - weights / 2, values[order])


def at_levels(levels: np.ndarray, quantiles: Sequence[float]) -> np.ndarray:
    """Return what `levels_of` has kept at some quantiles, of shape (n_quantiles, n_outputs)."""
    shares = np.linspace(0, 1, len(levels))
    return np.transpose([np.interp(quantiles, shares, own) for own in levels.T])


def thinned(n_rows: int, most: int = MOST_ROWS) -> Any:
    """Return an index of some of the rows, spread evenly; of all where there are no more."""
    return slice(None) if n_rows <= most else np.linspace(0, n_rows - 1, most).astype(int)
