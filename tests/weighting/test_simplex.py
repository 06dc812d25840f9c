"""Minima over weights, by hand and by trying every set of weights that may be above 0."""

from itertools import chain, combinations

import numpy as np
import pytest

from skensemble.weighting._simplex import minimize_on_simplex, quadratic_step


def best_of_all_faces(curvature, target):
    """Minimise over each face of the simplex by its linear system, and take the best."""
    n = len(target)
    best, least = None, np.inf
    for face in chain.from_iterable(combinations(range(n), k) for k in range(1, n + 1)):
        k = len(face)
        system = np.ones((k + 1, k + 1))
        system[:k, :k], system[k, k] = curvature[np.ix_(face, face)], 0
        inside = np.linalg.solve(system, np.append(curvature[list(face)] @ target, 1))[:k]
        w = np.zeros(n)
        w[list(face)] = inside
        value = (w - target) @ curvature @ (w - target)
        if inside.min() >= 0 and value < least:
            best, least = w, value
    return best


@pytest.mark.parametrize("seed", range(20))
def test_a_step_leads_to_the_best_of_all_faces(seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(6, 6))
    curvature, target = root @ root.T + 0.1 * np.eye(6), rng.normal(size=6)
    expected = best_of_all_faces(curvature, target)
    for start in (np.full(6, 1 / 6), np.eye(6)[seed % 6]):
        step = quadratic_step(curvature, curvature @ (start - target), start)
        assert start + step == pytest.approx(expected, abs=1e-9)
        assert (start + step).min() >= 0


def test_a_step_ends_at_the_nearest_corner_where_slopes_rule():
    # (w - t) @ (w - t) with t = (3, 0): as far as there are weights.
    start = np.array([0.5, 0.5])
    assert quadratic_step(np.eye(2), start - [3, 0], start).tolist() == [0.5, -0.5]
    # With t = (.7, .5) half of what is too much, .2, is taken off each.
    assert quadratic_step(np.eye(2), start - [0.7, 0.5], start) == pytest.approx([0.1, -0.1])


def test_newton_steps_find_a_minimum_that_is_no_quadratic():
    # sum of w^4 / a^3: slopes 4 w^3 / a^3 are equal where w is in proportion to a.
    a = np.array([1.0, 2.0, 5.0])
    found = minimize_on_simplex(
        lambda w: float((w**4 / a**3).sum()),
        lambda w: (4 * w**3 / a**3, np.diag(12 * w**2 / a**3)),
        np.full(3, 1 / 3),
        1e-12,
    )
    assert found == pytest.approx(a / a.sum(), abs=1e-4)


def test_steps_that_go_too_far_are_cut():
    # A curvature that is a hundredth of the true one sends whole steps far beyond.
    target, losses = np.array([0.4, 0.6]), []

    def loss(w):
        losses.append(float(((w - target) ** 2).sum()))
        return losses[-1]

    found = minimize_on_simplex(
        loss, lambda w: (2 * (w - target), 0.02 * np.eye(2)), np.array([0.5, 0.5]), 1e-12
    )
    assert max(losses) > losses[0]
    assert found == pytest.approx(target, abs=1e-4)


def test_a_start_at_the_minimum_stays():
    start = np.array([0.25, 0.75])
    found = minimize_on_simplex(
        lambda w: float(((w - start) ** 2).sum()),
        lambda w: (2 * (w - start), 2 * np.eye(2)),
        start,
        1e-12,
    )
    assert (found == start).all()


def test_what_does_not_matter_is_left_alone():
    # Only the sum of the first two counts, and it is to be a half.
    found = minimize_on_simplex(
        lambda w: float((w[0] + w[1] - 0.5) ** 2),
        lambda w: ((w[0] + w[1] - 0.5) * np.array([2.0, 2, 0]), np.outer([1.0, 1, 0], [2.0, 2, 0])),
        np.array([0.5, 0.3, 0.2]),
        1e-12,
    )
    assert found == pytest.approx([0.35, 0.15, 0.5], abs=1e-6)
