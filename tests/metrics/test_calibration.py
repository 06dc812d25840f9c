import numpy as np
import pytest
from sklearn.metrics import log_loss

from skensemble import InvalidParameterError
from skensemble.metrics import expected_calibration_error


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
