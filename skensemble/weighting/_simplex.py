"""Minima over weights that are at least 0 and sum to 1."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

RIDGE = 1e-10
"""What is added to the curvature of a step, against its mean: a step leaves alone what does not
matter, and there is one best step."""

MAX_STEPS = 100
"""Newton steps; five to twenty are common."""


def minimize_on_simplex(
    loss: Callable[[Vector], float],
    slopes: Callable[[Vector], tuple[Vector, Vector]],
    start: Vector,
    tolerance: float,
) -> Vector:
    """Minimise a convex loss of weights by Newton steps that keep to the weights.

    Each step goes towards the minimum of the quadratic approximation, half as far as long as the
    loss does not fall. No weights have a loss less than ``loss(w) - gap`` with the gap
    ``gradient @ w - gradient.min()``, so that it tells when there is nothing left to gain.

    Parameters
    ----------
    loss : callable
        Of weights of shape (n,), convex.
    slopes : callable
        Gives the gradient, of shape (n,), and the curvature, of shape (n, n), at some weights.
        Either may leave out what does not change a step that keeps the sum.
    start : ndarray of shape (n,)
        Weights above 0.
    tolerance : float
        Gap at which to end.

    Returns
    -------
    weights : ndarray of shape (n,)
    """
    weights, reached = start, loss(start)
    gradient, curvature = slopes(weights)
    for _ in range(MAX_STEPS):
        if (gap := _gap(gradient, weights)) <= tolerance:
            break
        ridge = RIDGE * np.trace(curvature) / len(weights)
        curvature[np.diag_indices_from(curvature)] += ridge
        step = quadratic_step(curvature, gradient, weights)
        share = 1.0
        while (ahead := loss(weights + share * step)) >= reached and share > RIDGE:
            share /= 2
        # A gain may be less than the rounding of the loss, and show in the gap still.
        is_lower = ahead < reached
        further = weights + (share if is_lower else 1.0) * step
        gradient, curvature = slopes(further)
        if not is_lower and _gap(gradient, further) > gap / 2:
            break
        weights, reached = further, min(reached, ahead)
    return weights


def _gap(gradient: Vector, weights: Vector) -> float:
    return float(gradient @ weights - gradient.min())


def quadratic_step(curvature: Vector, gradient: Vector, weights: Vector) -> Vector:
    """Find the step s of least ``gradient @ s + s @ curvature @ s / 2`` that keeps to weights.

    An active-set method: the minimum over the weights that may leave 0, as far as no other falls
    below 0, until no further weight would lower the value by leaving 0.

    Parameters
    ----------
    curvature : ndarray of shape (n, n)
        Positive definite, where a step sums to 0.
    gradient : ndarray of shape (n,)
    weights : ndarray of shape (n,)
        At least 0, summing to 1.

    Returns
    -------
    step : ndarray of shape (n,)
        Such that ``weights + step`` are weights.
    """
    at, is_free, entered = weights.copy(), weights > 0, -1
    for _ in range(10 * len(weights) + 10):
        slope = gradient + curvature @ (at - weights)
        step = _free_step(curvature, slope, is_free)
        falls = is_free & (at + step < 0)
        if falls.any():
            shares = np.where(falls, at / np.where(falls, -step, 1), np.inf)
            first = int(shares.argmin())
            at = np.maximum(at + shares[first] * step, 0)
            at[first], is_free[first] = 0, False
            if first == entered and not shares[first]:
                # Only rounding had let it in.
                break
            continue
        at = at + step
        slope = gradient + curvature @ (at - weights)
        lead = np.where(is_free, np.inf, slope - slope @ at)
        entered = int(lead.argmin())
        if lead[entered] >= -1e-14 * np.abs(slope).max():
            break
        is_free[entered] = True
    whole: Vector = at / at.sum() - weights
    return whole


def _free_step(curvature: Vector, slope: Vector, is_free: NDArray[np.bool_]) -> Vector:
    """Find the step to the minimum over some weights whose sum stays."""
    free = np.flatnonzero(is_free)
    n, scale = len(free), np.trace(curvature)
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = curvature[np.ix_(free, free)] / scale
    system[n, :n] = system[:n, n] = 1
    step = np.zeros(len(slope))
    step[free] = np.linalg.solve(system, np.append(-slope[free] / scale, 0))[:n]
    return step
