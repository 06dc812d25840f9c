"""Weights of members with the least loss: convex problems on the simplex."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skensemble.weighting._inputs import distinct, residuals, true_class_proba
from skensemble.weighting._simplex import minimize_on_simplex

N_EM = 10
"""Rounds of EM before the Newton steps: they go far, and keep all weights above 0."""


def log_loss_weights(proba: Any, y: Any, sample_weight: Any = None) -> NDArray[np.float64]:
    """Find the weights whose mean of probabilities has the least log-loss.

    The problem is convex. Ten rounds of expectation and maximisation from equal weights, ``w_j <-
    mean over rows of r_j`` with ``r_j = w_j q_j / sum_i w_i q_i``, are finished by Newton steps.
    Members that give the same are weighed the same, and another order of the members orders the
    weights alike.

    Parameters
    ----------
    proba : array-like of shape (n_members, n_samples, n_classes)
        Probabilities from each member, on rows that it was not trained on. Those of the true class
        count, 2.2e-16 at least, as in `sklearn.metrics.log_loss`.
    y : array-like of shape (n_samples,)
        The column of each row's true class, a whole number from 0.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; only their size against each other counts.

    Returns
    -------
    weights : ndarray of shape (n_members,)
        At least 0, summing to 1. Their log-loss is within 1e-10 nats of the least one, where
        rounding allows.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    References
    ----------
    .. [1] Dempster, Laird and Rubin, "Maximum likelihood from incomplete data via the EM
       algorithm", JRSS B 1977, section 4.3.

    Examples
    --------
    One member gives 0.8 and 0.4 to what is true, the other 0.4 and 0.8:

    >>> from skensemble.weighting import log_loss_weights
    >>> proba = [[[0.8, 0.2], [0.6, 0.4]], [[0.4, 0.6], [0.2, 0.8]]]
    >>> log_loss_weights(proba, [0, 1]).round(6)
    array([0.5, 0.5])
    >>> log_loss_weights(proba, [0, 1], sample_weight=[3, 1]).round(6)
    array([1., 0.])
    """
    chosen, share = true_class_proba(proba, y, sample_weight)
    members = distinct(chosen)
    q = members.values

    def slopes(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give those of the loss along steps that keep the sum: of each member less the mean."""
        mean = weights @ q
        lead = (q - mean) / mean
        weighted = lead * share
        return -weighted.sum(axis=1), weighted @ lead.T

    weights = members.equal
    for _ in range(N_EM):
        weights = weights * (q @ (share / (weights @ q)))
    weights = minimize_on_simplex(
        lambda w: -float(share @ np.log(w @ q)), slopes, weights / weights.sum(), 1e-10
    )
    return members.share(weights)


def squared_error_weights(output: Any, y: Any, sample_weight: Any = None) -> NDArray[np.float64]:
    """Find the weights whose mean of values has the least squared error.

    A quadratic problem of as many unknowns as members, solved exactly by an active-set method.
    Members that give the same are weighed the same, and another order of the members orders the
    weights alike.

    Parameters
    ----------
    output : array-like of shape (n_members, n_samples) or (n_members, n_samples, n_outputs)
        Values from each member, on rows that it was not trained on. All outputs count alike: scale
        them where their units differ.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        True values.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; only their size against each other counts.

    Returns
    -------
    weights : ndarray of shape (n_members,)
        At least 0, summing to 1.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    References
    ----------
    .. [1] Breiman, "Stacked regressions", Machine Learning 1996.

    Examples
    --------
    One member is 1 too high, the other 3 too low: ``0.75 * 1 - 0.25 * 3`` is 0.

    >>> from skensemble.weighting import squared_error_weights
    >>> squared_error_weights([[6.0, 8.0], [2.0, 4.0]], [5.0, 7.0])
    array([0.75, 0.25])
    """
    members = distinct(residuals(output, y, sample_weight))
    center = members.equal @ members.values
    # The members' distances from their mean: what they share says nothing of their weights.
    apart = members.values - center
    curvature, bias = apart @ apart.T, apart @ center

    def loss(weights: NDArray[np.float64]) -> float:
        """Give half of the squared error, less what it is at equal weights."""
        return float(weights @ curvature @ weights) / 2 + float(weights @ bias)

    weights = minimize_on_simplex(
        loss,
        lambda w: (curvature @ w + bias, curvature.copy()),
        members.equal,
        1e-14 * float(np.trace(curvature)),
    )
    return members.share(weights)
