from itertools import permutations

import numpy as np
import pytest

from skensemble import InvalidParameterError
from skensemble.metrics import accuracy_at_coverage, risk_coverage_area, risk_coverage_curve

# From the surest: right, wrong, right, wrong, right; the second and third are equally sure.
Y_TRUE, PROBA = np.array([1, 0, 1, 0, 1]), np.array([0.9, 0.8, 0.8, 0.7, 0.6])


def test_the_curve_has_a_point_for_each_confidence_from_the_surest_on():
    coverage, risk, confidence = risk_coverage_curve(Y_TRUE, PROBA)
    np.testing.assert_allclose(coverage, [1 / 5, 3 / 5, 4 / 5, 1])
    np.testing.assert_allclose(risk, [0, 1 / 3, 2 / 4, 2 / 5])
    np.testing.assert_array_equal(confidence, [0.9, 0.8, 0.7, 0.6])


def test_confidence_is_the_largest_probability_and_the_first_of_equal_ones_is_predicted():
    proba = [[0.2, 0.2, 0.6], [0.4, 0.4, 0.2], [0.1, 0.45, 0.45]]
    coverage, risk, confidence = risk_coverage_curve([2, 1, 1], proba, labels=[0, 1, 2])
    np.testing.assert_array_equal(confidence, [0.6, 0.45, 0.4])
    np.testing.assert_allclose(risk, [0, 0, 1 / 3])
    np.testing.assert_allclose(coverage, [1 / 3, 2 / 3, 1])


def test_the_area_is_the_integral_of_the_error_over_coverage():
    # Errors rise from 0.2 to 0.6 by half the coverage, stay, rise with it, and stay:
    # r(c) = (c - 0.2) / 2 / c, then (0.2 + c - 0.6) / c, then 0.4 / c.
    tied = (0.4 - 0.2 * np.log(0.6 / 0.2)) / 2
    wrong = 0.2 - 0.4 * np.log(0.8 / 0.6)
    right = 0.4 * np.log(1 / 0.8)
    assert risk_coverage_area(Y_TRUE, PROBA) == pytest.approx(tied + wrong + right)


def test_the_area_is_what_many_rows_for_each_one_give_by_the_mean_of_errors():
    # 200 rows for each: the mean of the errors after each of n rows is within 1 / (2 n).
    is_wrong = np.repeat([0.0, 0.5, 0.5, 1.0, 0.0], 200)
    after_each = is_wrong.cumsum() / np.arange(1, 1001)
    area = risk_coverage_area(Y_TRUE, PROBA)
    assert area == pytest.approx(after_each.mean(), abs=1 / 2000)


def test_equal_confidences_count_as_the_mean_over_their_orders():
    # Many copies of four equally sure rows, broken up in each order: the same errors on the way.
    y_true, proba = [1, 0, 1, 1], [0.8, 0.8, 0.8, 0.8]
    orders = np.array(list(permutations([0, 1, 0, 0]))).cumsum(axis=1).mean(axis=0)
    given = [1 - accuracy_at_coverage(y_true, proba, coverage=k / 4) for k in range(1, 5)]
    np.testing.assert_allclose(given, orders / [1, 2, 3, 4])
    # The same error on the whole way is its area.
    assert risk_coverage_area(y_true, proba) == pytest.approx(1 / 4)


def test_accuracy_at_a_coverage_lies_on_the_curve():
    at = [accuracy_at_coverage(Y_TRUE, PROBA, coverage=c) for c in (0.1, 0.2, 0.4, 0.6, 0.8, 1)]
    np.testing.assert_allclose(at, [1, 1, 1 - 0.5 / 2, 2 / 3, 2 / 4, 3 / 5])


def test_a_row_may_enter_in_part():
    # Half of the second row, which is wrong, beside the first one.
    given = accuracy_at_coverage([1, 0], [0.9, 0.8], coverage=0.75)
    assert given == pytest.approx(1 - 0.25 / 0.75)


def test_90_percent_are_covered_unless_told():
    # The ninth of ten rows is wrong.
    y_true, proba = [1] * 8 + [0, 1], np.linspace(0.99, 0.6, 10)
    assert accuracy_at_coverage(y_true, proba) == pytest.approx(8 / 9)
    assert accuracy_at_coverage(y_true, proba, coverage=1) == pytest.approx(9 / 10)


def test_the_best_and_the_worst_orders():
    # Half of ten rows are wrong. Last, they cost 1/2 - log(2) / 2; first, 1/2 + log(2) / 2.
    proba, is_right = np.linspace(0.99, 0.6, 10), np.repeat([1, 0], 5)
    best, worst = risk_coverage_area(is_right, proba), risk_coverage_area(is_right[::-1], proba)
    assert best == pytest.approx(1 / 2 - np.log(2) / 2)
    assert worst == pytest.approx(1 / 2 + np.log(2) / 2)


@pytest.mark.parametrize(("label", "error"), [(1, 0), (0, 1)])
def test_who_is_always_right_or_always_wrong(label, error):
    arguments = ([label] * 4, [0.9, 0.8, 0.8, 0.6])
    assert risk_coverage_area(*arguments, labels=[0, 1]) == pytest.approx(error)
    given = accuracy_at_coverage(*arguments, coverage=0.3, labels=[0, 1])
    assert given == pytest.approx(1 - error)
    _coverage, risk, _confidence = risk_coverage_curve(*arguments, labels=[0, 1])
    np.testing.assert_array_equal(risk, [error] * 3)


def test_rows_of_no_weight_leave_no_point():
    coverage, risk, confidence = risk_coverage_curve(Y_TRUE, PROBA, sample_weight=[0, 1, 3, 0, 4])
    np.testing.assert_allclose(coverage, [4 / 8, 1])
    np.testing.assert_allclose(risk, [1 / 4, 1 / 8])
    np.testing.assert_array_equal(confidence, [0.8, 0.6])


@pytest.mark.parametrize("coverage", [0, 1.01, -0.5, np.nan, "all"])
def test_the_coverage_is_checked(coverage):
    message = "coverage must be a finite number > 0 and <= 1, got"
    with pytest.raises(InvalidParameterError, match=message):
        accuracy_at_coverage(Y_TRUE, PROBA, coverage=coverage)
