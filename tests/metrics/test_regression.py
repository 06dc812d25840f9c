from math import erf, log, pi, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from scipy.integrate import quad

from skensemble import InvalidParameterError
from skensemble.metrics import (
    gaussian_crps,
    gaussian_log_likelihood,
    interval_calibration_error,
    interval_coverage,
)


def test_both_ends_belong_to_an_interval():
    y_true, lower, upper = [1, 2, 3, 4], [1, 0, 3.1, 0], [2, 2, 4, 3.9]
    assert interval_coverage(y_true, lower, upper) == 2 / 4
    # A point is an interval.
    assert interval_coverage([1.0], [1.0], [1.0]) == 1


def test_an_interval_may_be_open():
    assert interval_coverage([1, 2], [-np.inf, 3], [np.inf, np.inf]) == 1 / 2


def test_coverage_is_weighted():
    weighted = interval_coverage([1, 5], [0, 0], [2, 2], sample_weight=[3, 1])
    assert weighted == 3 / 4


def test_intervals_of_a_level_are_as_wide_as_its_quantile():
    # The interval of 50 % is 0.6745 standard deviations to either side.
    half = NormalDist().inv_cdf(0.75)
    y_true = np.array([0.99, -0.99, 1.01, -1.01, 0]) * half * 2 + 3
    error = interval_calibration_error(y_true, [3] * 5, [2] * 5, levels=[0.5])
    assert error == pytest.approx(abs(3 / 5 - 0.5))


def test_levels_do_not_make_up_for_each_other():
    # Both targets at one standard deviation: none in the intervals up to 68 %, both in the others.
    given = interval_calibration_error([1, -1], [0, 0], [1, 1], levels=[0.3, 0.6, 0.7])
    assert given == pytest.approx((0.3 + 0.6 + (1 - 0.7)) / 3)


def test_levels_are_those_of_twentieths_unless_told():
    # erf(1 / sqrt(2)) = 0.683 is beyond 13 of the levels.
    beyond = [k / 20 for k in range(1, 20) if k / 20 < erf(1 / sqrt(2))]
    assert len(beyond) == 13
    above = [1 - k / 20 for k in range(14, 20)]
    given = interval_calibration_error([1, -1], [0, 0], [1, 1])
    assert given == pytest.approx((sum(beyond) + sum(above)) / 19)


def test_targets_at_the_quantiles_of_their_gaussians_are_calibrated():
    # A thousand quantiles: each interval has its share of them, to a thousandth.
    normal = NormalDist(2, 3)
    y_true = [normal.inv_cdf((k + 0.5) / 1000) for k in range(1000)]
    assert interval_calibration_error(y_true, [2] * 1000, [3] * 1000) < 1e-3
    assert interval_calibration_error(y_true, [2] * 1000, [6] * 1000) > 0.2
    assert interval_calibration_error(y_true, [2] * 1000, [1.5] * 1000) > 0.2


@pytest.mark.parametrize(("y_true", "whole"), [([0, 0], 1), ([9, -9], 0)])
def test_intervals_that_cover_all_or_nothing_are_off_by_a_half(y_true, whole):
    # The mean of 0.05, ..., 0.95, or of what they lack to 1.
    assert interval_calibration_error(y_true, [0, 0], [1, 1]) == pytest.approx(0.5)
    assert interval_calibration_error(y_true, [0, 0], [1, 1], levels=[0.9]) == pytest.approx(
        abs(whole - 0.9)
    )


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([0.5, 1.0], r"levels must be between 0 and 1, ends excluded, got \[0.5, 1.0\]"),
        ([0.0], "levels must be between 0 and 1"),
        ([], r"levels must be of shape \(n,\) with n >= 1, got \(0,\)"),
        (0.5, r"levels must be of shape \(n,\) with n >= 1, got \(\)"),
        ([np.nan], "levels must be finite"),
    ],
)
def test_levels_are_checked(levels, message):
    with pytest.raises(InvalidParameterError, match=message):
        interval_calibration_error([1.0], [1.0], [1.0], levels=levels)


def test_crps_is_the_integral_of_the_squared_distance_of_distributions():
    y_true, mean, std = [1.5, -2.0, 0.3], [1.0, 0.5, 0.3], [0.5, 2.0, 1.0]
    integrals = []
    for y, normal in zip(y_true, map(NormalDist, mean, std), strict=True):
        below, _ = quad(lambda x, normal=normal: normal.cdf(x) ** 2, -30, y)
        above, _ = quad(lambda x, normal=normal: (1 - normal.cdf(x)) ** 2, y, 30)
        integrals.append(below + above)
    # quad is right to 1e-8.
    assert gaussian_crps(y_true, mean, std) == pytest.approx(np.mean(integrals), abs=1e-7)


def test_crps_at_the_mean_grows_with_the_standard_deviation():
    # z = 0: sigma times (2 / sqrt(2 pi) - 1 / sqrt(pi)).
    expected = (1 + 3) / 2 * (2 / sqrt(2 * pi) - 1 / sqrt(pi))
    assert gaussian_crps([5, 6], [5, 6], [1, 3]) == pytest.approx(expected)


def test_crps_of_the_sure_is_the_absolute_error():
    # sigma / sqrt(pi) is less.
    crps = gaussian_crps([5, 6], [4, 8], [1e-9, 1e-9])
    assert crps == pytest.approx((1 + 2) / 2, abs=1e-9)


def test_the_log_likelihood_is_that_of_gaussians():
    # z of 1 and -2, standard deviations of 2 and 0.5.
    one = -1 / 2 - log(2) - log(2 * pi) / 2
    two = -(2**2) / 2 - log(0.5) - log(2 * pi) / 2
    given = gaussian_log_likelihood([3, 0], [1, 1], [2, 0.5])
    assert given == pytest.approx((one + two) / 2)
    weighted = gaussian_log_likelihood([3, 0], [1, 1], [2, 0.5], sample_weight=[3, 1])
    assert weighted == pytest.approx((3 * one + two) / 4)


def test_scores_are_best_at_the_true_gaussian():
    normal = NormalDist(2, 3)
    y_true = [normal.inv_cdf((k + 0.5) / 1000) for k in range(1000)]
    for score, sign in ((gaussian_crps, -1), (gaussian_log_likelihood, 1)):
        at = {
            (mean, std): sign * score(y_true, [mean] * 1000, [std] * 1000)
            for mean in (1, 2, 3)
            for std in (2.5, 3, 3.5)
        }
        assert max(at, key=at.get) == (2, 3)
