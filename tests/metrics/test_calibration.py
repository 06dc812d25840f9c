import numpy as np
import pytest
from sklearn.metrics import log_loss

from skensemble import InvalidParameterError
from skensemble.metrics import calibration_bins, expected_calibration_error


def binary(confidences):
    """Give probabilities of classes 0 and 1 that are as sure of class 1 as told."""
    confidences = np.asarray(confidences)
    return np.column_stack([1 - confidences, confidences])


def test_bins_count_by_their_share_of_the_rows():
    # Of ten bins, 0.65 and 0.7 fall into the seventh and 0.95 into the tenth.
    y_true, proba = [1, 0, 1], binary([0.65, 0.7, 0.95])
    seventh = 2 / 3 * abs((0.65 + 0.7) / 2 - 1 / 2)
    tenth = 1 / 3 * abs(0.95 - 1)
    error = expected_calibration_error(y_true, proba, n_bins=10)
    assert error == pytest.approx(seventh + tenth)


def test_rows_of_one_bin_make_up_for_each_other_and_those_of_two_do_not():
    y_true, proba = [1, 0], binary([0.6, 0.9])
    # Both in the second half of 0 to 1: mean confidence 0.75, accuracy 0.5.
    one_bin = abs((0.6 + 0.9) / 2 - 1 / 2)
    two_bins = 1 / 2 * abs(0.6 - 1) + 1 / 2 * abs(0.9 - 0)
    assert expected_calibration_error(y_true, proba, n_bins=2) == pytest.approx(one_bin)
    assert expected_calibration_error(y_true, proba, n_bins=5) == pytest.approx(two_bins)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_confidence_on_an_edge_belongs_to_the_bin_below_it(dtype):
    # Of five bins, 0.6 ends the third: alone with 0.55, apart from 0.65.
    y_true, proba = [1, 0, 1], binary([0.55, 0.6, 0.65]).astype(dtype)
    third = 2 / 3 * abs((0.55 + 0.6) / 2 - 1 / 2)
    fourth = 1 / 3 * abs(0.65 - 1)
    error = expected_calibration_error(y_true, proba, n_bins=5)
    # Probabilities in float32 are known to 6e-8.
    assert error == pytest.approx(third + fourth, abs=1e-7)


def test_there_are_15_bins_unless_told():
    # 0.93 and 0.94 lie on two sides of 14 / 15 = 0.9333, and in one bin of 10 and of 20.
    y_true, proba = [1, 0], binary([0.93, 0.94])
    error = expected_calibration_error(y_true, proba)
    assert error == pytest.approx(1 / 2 * (1 - 0.93) + 1 / 2 * 0.94)


def test_a_weight_of_4_is_a_row_four_times():
    y_true, proba = [1, 0, 1], binary([0.65, 0.7, 0.95])
    seventh = 5 / 6 * abs((4 * 0.65 + 0.7) / 5 - 4 / 5)
    tenth = 1 / 6 * abs(0.95 - 1)
    weighted = expected_calibration_error(y_true, proba, n_bins=10, sample_weight=[4, 1, 1])
    assert weighted == pytest.approx(seventh + tenth)
    repeated = [0, 0, 0, 0, 1, 2]
    assert weighted == pytest.approx(
        expected_calibration_error(np.array(y_true)[repeated], proba[repeated], n_bins=10)
    )


def test_who_is_right_as_often_as_claimed_has_no_error():
    # Four rows 75 % sure, three of them right; two rows certain and right.
    y_true, proba = [1, 1, 1, 0, 1, 1], binary([0.75] * 4 + [1.0] * 2)
    assert expected_calibration_error(y_true, proba) == 0


def test_who_is_certain_and_wrong_has_an_error_of_1():
    assert expected_calibration_error([1, 0], binary([0.0, 1.0])) == 1


def test_confidence_is_the_largest_of_many_probabilities():
    # All in the seventh bin of ten: right, wrong (0.7 is on class 0), right.
    proba = [[0.1, 0.2, 0.7], [0.7, 0.2, 0.1], [0.15, 0.65, 0.2]]
    error = expected_calibration_error([2, 1, 1], proba, n_bins=10, labels=[0, 1, 2])
    assert error == pytest.approx(abs((0.7 + 0.7 + 0.65) / 3 - 2 / 3))


def test_columns_belong_to_the_sorted_labels_as_in_log_loss():
    y_true, proba = ["no", "yes", "maybe"], np.array([[0.1, 0.7, 0.2]] * 3)
    # Sorted: maybe, no, yes. One of three rows is "no".
    assert expected_calibration_error(y_true, proba) == pytest.approx(0.7 - 1 / 3)
    assert log_loss(y_true, proba) == pytest.approx(-np.log([0.7, 0.2, 0.1]).mean())


def test_labels_may_be_given_in_any_order_and_have_no_row():
    error = expected_calibration_error(
        ["no", "yes"], [[0.1, 0.7, 0.2]] * 2, labels=["yes", "no", "maybe"]
    )
    assert error == pytest.approx(0.7 - 1 / 2)


def test_two_labels_may_have_the_probability_of_the_second_alone():
    proba = np.array([0.1, 0.4, 0.8, 0.7])
    both = np.stack([1 - proba, proba], axis=1)
    y = ["no", "yes", "yes", "no"]
    assert expected_calibration_error(y, proba) == expected_calibration_error(y, both)


def test_the_number_of_bins_is_checked():
    with pytest.raises(InvalidParameterError, match=r"n_bins must be an int >= 1, got 0\."):
        expected_calibration_error([0, 1], binary([0.2, 0.7]), n_bins=0)


@pytest.mark.parametrize("score", [expected_calibration_error, calibration_bins])
def test_the_strategy_is_checked(score):
    message = r"strategy must be 'uniform' or 'quantile', got 'equal'\."
    with pytest.raises(InvalidParameterError, match=message):
        score([0, 1], binary([0.2, 0.7]), strategy="equal")
    with pytest.raises(InvalidParameterError, match=r"n_bins must be an int >= 1, got 1.5\."):
        score([0, 1], binary([0.2, 0.7]), n_bins=1.5)


def test_bins_of_equal_mass_have_as_many_rows_each():
    # Two rows to a bin; by width, all but the last lie in one bin of two.
    y_true, proba = [1, 0, 0, 1, 1, 1], binary([0.91, 0.92, 0.95, 0.96, 0.98, 0.99])
    three = (abs(0.91 + 0.92 - 1) + abs(0.95 + 0.96 - 1) + abs(0.98 + 0.99 - 2)) / 6
    error = expected_calibration_error(y_true, proba, n_bins=3, strategy="quantile")
    assert error == pytest.approx(three)
    by_width = expected_calibration_error(y_true, proba, n_bins=3)
    assert by_width == pytest.approx(abs(0.91 + 0.92 + 0.95 + 0.96 + 0.98 + 0.99 - 4) / 6)


def test_rows_of_equal_confidence_are_in_one_bin_whatever_its_mass():
    # The median is 0.8, where four of five rows lie: one bin has them all, and the other 0.9.
    y_true, confidences = [1, 0, 1, 1, 1], [0.8, 0.8, 0.8, 0.8, 0.9]
    expected = abs(4 * 0.8 - 3) / 5 + abs(0.9 - 1) / 5
    for order in ([0, 1, 2, 3, 4], [4, 1, 0, 2, 3]):
        y, proba = np.array(y_true)[order], binary(np.array(confidences)[order])
        error = expected_calibration_error(y, proba, n_bins=2, strategy="quantile")
        assert error == pytest.approx(expected)


def test_class_wise_errors_are_those_of_each_column_and_their_mean():
    # Two bins. Sorted columns: the first class has one row in three.
    y_true, proba = [0, 1, 2], np.array([[0.6, 0.3, 0.1], [0.7, 0.2, 0.1], [0.1, 0.4, 0.5]])
    first = (abs(0.6 + 0.7 - 1) + abs(0.1 - 0)) / 3
    second = abs(0.3 + 0.2 + 0.4 - 1) / 3
    # 0.5 ends the lower bin.
    third = abs(0.1 + 0.1 + 0.5 - 1) / 3
    error = expected_calibration_error(y_true, proba, n_bins=2, classwise=True)
    assert error == pytest.approx((first + second + third) / 3)


def test_small_probabilities_matter_class_by_class_only():
    y_true, near = [0, 1, 2], np.array([[0.8, 0.2, 0.0]] * 3)
    far = near[:, [0, 2, 1]]
    same = [expected_calibration_error(y_true, proba) for proba in (near, far)]
    assert same[0] == same[1] == pytest.approx(0.8 - 1 / 3)
    # Both leave the first class at 0.8 for a third, and a class at 0.2 and one at 0.
    each = [expected_calibration_error(y_true, proba, classwise=True) for proba in (near, far)]
    expected = (0.8 - 1 / 3 + 1 / 3 - 0.2 + 1 / 3 - 0) / 3
    assert each == pytest.approx([expected, expected])
    sure = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert expected_calibration_error(y_true, sure, classwise=True) == 0


def test_class_wise_bins_of_equal_mass_have_edges_of_their_own():
    y_true, proba = [0, 0, 1, 1], binary([0.01, 0.02, 0.03, 0.96])
    of_second = (abs(0.01 + 0.02 - 0) + abs(0.03 + 0.96 - 2)) / 4
    # The first class has its rows the other way round: 0.04, 0.97 and then 0.98, 0.99.
    of_first = (abs(0.04 + 0.97 - 0) + abs(0.98 + 0.99 - 2)) / 4
    error = expected_calibration_error(y_true, proba, n_bins=2, strategy="quantile", classwise=True)
    assert error == pytest.approx((of_first + of_second) / 2)


def test_bins_are_what_the_error_is_made_of():
    rng = np.random.default_rng(0)
    proba, y_true = rng.dirichlet([1, 1, 1], 200), rng.integers(0, 3, 200)
    weights = rng.integers(1, 4, 200)
    for strategy in ("uniform", "quantile"):
        bins = calibration_bins(y_true, proba, strategy=strategy, sample_weight=weights)
        gaps = np.nan_to_num(abs(bins.accuracy - bins.confidence)) * bins.weight
        error = expected_calibration_error(y_true, proba, strategy=strategy, sample_weight=weights)
        assert gaps.sum() / weights.sum() == pytest.approx(error)


def test_bins_have_edges_means_and_weights_and_are_nan_where_empty():
    bins = calibration_bins(
        [1, 0, 1], binary([0.55, 0.65, 0.95]), n_bins=5, sample_weight=[1, 2, 3]
    )
    np.testing.assert_allclose(bins.edges, [0, 0.2, 0.4, 0.6, 0.8, 1])
    np.testing.assert_allclose(bins.confidence, [np.nan, np.nan, 0.55, 0.65, 0.95])
    np.testing.assert_allclose(bins.accuracy, [np.nan, np.nan, 1, 0, 1])
    np.testing.assert_array_equal(bins.weight, [0, 0, 1, 2, 3])


def test_bins_of_equal_mass_end_at_confidences():
    bins = calibration_bins(
        [1, 0, 1, 1], binary([0.6, 0.7, 0.8, 0.9]), n_bins=2, strategy="quantile"
    )
    np.testing.assert_allclose(bins.edges, [0, 0.7, 1])
    np.testing.assert_allclose(bins.accuracy, [1 / 2, 1])
    np.testing.assert_array_equal(bins.weight, [2, 2])


def test_one_bin_has_all_rows():
    for strategy in ("uniform", "quantile"):
        bins = calibration_bins([1, 0], binary([0.6, 0.9]), n_bins=1, strategy=strategy)
        np.testing.assert_array_equal(bins.edges, [0, 1])
        assert bins.confidence == pytest.approx([(0.6 + 0.9) / 2])


def test_distances_of_half_precision_are_not_rounded_again():
    # A step of float16 below a half is 2**-12, and above it twice that: 1 - c is between two.
    confidence = 1639 / 2**12
    proba = np.array([[confidence, 0.3, 0.3]], dtype=np.float16)
    error = expected_calibration_error([0], proba, labels=[0, 1, 2])
    assert error == 1 - confidence
