"""Variances of targets about predictions, and quantiles of errors."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skensemble.ensembles.tabular._intervals import (
    N_LEVELS,
    _line,
    at_levels,
    levels_of,
    thinned,
    variances_of,
)


def rows(n=400, seed=0):
    """Give residuals of variance ``0.5 + 3 * spread**2``."""
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0, 2, (n, 1))
    return rng.normal(size=(n, 1)) * np.sqrt(0.5 + 3 * spread**2), spread


def test_members_that_agree_leave_the_mean_square():
    residuals = np.array([[3.0], [-1.0], [2.0]])
    found = variances_of(residuals, np.zeros((3, 1)), None)
    assert found[0, 0] == pytest.approx((9 + 1 + 4) / 3, rel=1e-4)


def test_no_errors_have_no_variance():
    found = variances_of(np.zeros((3, 2)), np.ones((3, 2)), None)
    assert found.tolist() == [[0, 0], [0, 0]]


def test_the_line_is_that_of_the_greatest_likelihood():
    residuals, spreads = rows()
    a, b = variances_of(residuals, spreads, None)[:, 0]
    # Another way to the greatest likelihood: of positive numbers, by the simplex method.
    squares, s = residuals[:, 0] ** 2, spreads[:, 0] ** 2

    def loss(line):
        variance = np.abs(line[0]) + np.abs(line[1]) * s
        return np.mean(np.log(variance) + squares / variance)

    best = minimize(loss, [1.0, 1.0], method="Nelder-Mead", tol=1e-10)
    np.testing.assert_allclose([a, b], np.abs(best.x), rtol=1e-3)
    # Near the line that the rows were drawn from.
    assert a == pytest.approx(0.5, rel=0.3)
    assert b == pytest.approx(3, rel=0.3)


def test_the_line_moves_with_the_units():
    residuals, spreads = rows()
    a, b = variances_of(residuals, spreads, None)
    for unit in (1e-3, 1e3):
        a_own, b_own = variances_of(unit * residuals, unit * spreads, None)
        np.testing.assert_allclose([a_own / unit**2, b_own], [a, b], rtol=1e-2)


def test_outputs_have_lines_of_their_own():
    one, other = rows(seed=0), rows(seed=1)
    both = variances_of(*(np.hstack(pair) for pair in zip(one, other, strict=True)), None)
    assert both.shape == (2, 2)
    for k, own in enumerate((one, other)):
        np.testing.assert_allclose(both[:, k], variances_of(*own, None)[:, 0])


def test_weights_of_rows_are_as_good_as_rows_that_stand_there_so_often():
    residuals, spreads = rows(60)
    weight = np.arange(60) % 3
    repeated = [np.repeat(own, weight, axis=0) for own in (residuals, spreads)]
    found = variances_of(residuals, spreads, weight.astype(float))
    np.testing.assert_allclose(found, variances_of(*repeated, None), rtol=1e-3)
    assert not np.allclose(found, variances_of(residuals, spreads, None), rtol=1e-2)


def test_variance_that_falls_with_the_spread_is_a_flat_line():
    rng = np.random.default_rng(0)
    spread = rng.uniform(1, 2, 400)
    residual = rng.normal(size=400) / spread
    a, b = _line(residual, spread, None)
    assert b < 1e-3
    assert a == pytest.approx(np.mean(residual**2), rel=1e-2)


def test_many_rows_are_thinned_to_the_first_the_last_and_others_between():
    assert thinned(5, 5) == slice(None)
    assert thinned(9, 5).tolist() == [0, 2, 4, 6, 8]
    residuals = np.tile([[1.0], [3.0]], (15_000, 1))
    # Of 30,000 alternating rows, 20,000 hold as many of both, about.
    found = variances_of(residuals, np.zeros_like(residuals), None)
    assert found[0, 0] == pytest.approx(5, rel=0.05)
    weighted = variances_of(residuals, np.zeros_like(residuals), np.tile([1.0, 0.0], 15_000))
    assert weighted[0, 0] == pytest.approx(1, rel=1e-3)


def test_levels_are_quantiles_of_which_a_new_row_lies_below_as_often():
    values = np.array([[10.0], [20.0], [30.0]])
    levels = levels_of(values, None)
    assert levels.shape == (N_LEVELS, 1)
    # The k-th of n rows stands for k / (n + 1).
    found = at_levels(levels, [0.25, 0.5, 0.625, 0.75])[:, 0]
    np.testing.assert_allclose(found, [10, 20, 25, 30], atol=1e-6)
    assert at_levels(levels, [0.001, 0.999])[:, 0].tolist() == [10, 30]


def test_weighted_levels_stand_at_the_middle_of_their_share():
    values, weight = np.array([[30.0], [10.0], [20.0]]), np.array([2.0, 1.0, 1.0])
    # Shares 1/4, 1/4 and 1/2 of 10, 20 and 30: middles at 1/8, 3/8 and 3/4.
    levels = levels_of(values, weight)
    found = at_levels(levels, [1 / 8, 3 / 8, 3 / 4, 1 / 4])[:, 0]
    np.testing.assert_allclose(found, [10, 20, 30, 15], atol=1e-2)
    assert (levels_of(values, 10 * weight) == levels).all()


def test_weighted_levels_are_those_of_repeated_rows():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(500, 2))
    weight = rng.integers(0, 4, 500).astype(float)
    repeated = np.repeat(values, weight.astype(int), axis=0)
    quantiles = [0.05, 0.3, 0.5, 0.9]
    found = at_levels(levels_of(values, weight), quantiles)
    # They differ by less than the share of a row, on either side of which lies another value.
    for k, column in enumerate(repeated.T):
        for q, level in zip(quantiles, found[:, k], strict=True):
            assert (column < level).mean() == pytest.approx(q, abs=0.01)
    np.testing.assert_allclose(found, at_levels(levels_of(repeated, None), quantiles), atol=0.05)


def test_quantiles_at_levels_are_one_row_for_each_quantile():
    levels = np.linspace([0.0, 0.0], [1.0, -2.0], N_LEVELS)
    np.testing.assert_allclose(at_levels(levels, [0.1, 0.7]), [[0.1, -0.2], [0.7, -1.4]])
