"""What weights of members are fitted from: checked, shared among equals, cut at a floor."""

import numpy as np
import pytest

from skensemble import InvalidParameterError
from skensemble.weighting import greedy_weights, log_loss_weights, squared_error_weights
from skensemble.weighting._inputs import FLOOR, distinct, residuals, true_class_proba

PROBA = np.array([[[0.8, 0.2], [0.3, 0.7]], [[0.6, 0.4], [0.1, 0.9]]])
OUTPUT = np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])


def test_the_probability_of_the_true_class_is_taken():
    chosen, share = true_class_proba(PROBA, [0, 1], None)
    assert chosen.tolist() == [[0.8, 0.7], [0.6, 0.9]]
    assert share.tolist() == [1 / 2, 1 / 2]
    assert true_class_proba(PROBA, [1, 0], None)[0].tolist() == [[0.2, 0.3], [0.4, 0.1]]


def test_rows_count_by_their_share_and_those_of_weight_0_not_at_all():
    chosen, share = true_class_proba(PROBA, [0, 1], [3, 1])
    assert share.tolist() == [3 / 4, 1 / 4]
    chosen, share = true_class_proba(PROBA, [0, 1], [0, 5])
    assert (chosen.tolist(), share.tolist()) == ([[0.7], [0.9]], [1])


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_weights_of_rows_may_have_any_size(size):
    assert true_class_proba(PROBA, [0, 1], [3 * size, size])[1] == pytest.approx([3 / 4, 1 / 4])


def test_what_rounding_took_below_0_is_at_the_floor():
    proba, _ = true_class_proba([[[-5e-4, 1.0]]], [0], None)
    assert proba.tolist() == [[FLOOR]]


def test_probabilities_have_the_floor_of_scikit_learn():
    chosen, _ = true_class_proba([[[0.0, 1.0]], [[1e-10, 1 - 1e-10]]], [0], None)
    assert chosen.tolist() == [[np.finfo(np.float64).eps], [1e-10]]
    assert np.finfo(np.float64).eps == FLOOR


def test_residuals_are_relative_to_the_largest_and_carry_the_shares_of_rows():
    found = residuals(OUTPUT, [[0.0, 0.0], [0.0, 0.0]], [3, 1])
    root = np.sqrt([3 / 4, 3 / 4, 1 / 4, 1 / 4])
    assert found == pytest.approx(np.array([[1, 2, 3, 4], [5, 6, 7, 8]]) / 8 * root)
    assert residuals(OUTPUT, OUTPUT[0], [0, 1]).tolist() == [[0, 0], [1, 1]]


def test_a_large_mean_of_the_targets_is_taken_off_in_float64():
    y = 1e7 + np.array([0.25, 0.5])
    found = residuals(np.float32([[1e7, 1e7 + 1]]), y, None)
    assert found == pytest.approx(np.array([[-0.5, 1]]) * np.sqrt(1 / 2))


def test_members_that_gave_the_same_are_one():
    values = np.array([[2.0, 0.0], [1.0, 3.0], [2.0, -0.0], [2.0, 1.0]])
    found = distinct(values)
    assert sorted(found.values.tolist()) == [[1, 3], [2, 0], [2, 1]]
    assert (found.values[found.places] == values).all()
    assert found.sizes[found.places].tolist() == [2, 1, 2, 1]
    assert found.share(found.equal).tolist() == [1 / 4] * 4


def test_the_order_of_distinct_members_is_not_that_of_the_members():
    values = np.random.default_rng(0).normal(size=(6, 3))
    assert (distinct(values).values == distinct(values[::-1]).values).all()


FUNCTIONS = {
    "log_loss": log_loss_weights,
    "squared_error": squared_error_weights,
    "greedy": greedy_weights,
}


def with_value(array, index, value):
    array = array.copy()
    array[index] = value
    return array


@pytest.mark.parametrize(
    ("proba", "y", "weight", "message"),
    [
        (PROBA[0], [0, 1], None, r"proba must be of shape \(n_members, .*, got \(2, 2\)"),
        (PROBA[:0], [0, 1], None, r"proba must be .*not empty, got \(0, 2, 2\)"),
        (PROBA[:, :0], [], None, r"proba must be .*not empty, got \(2, 0, 2\)"),
        ([["a"]], [0], None, r"proba must be an array of numbers, got \[\['a'\]\]"),
        (with_value(PROBA, (1, 0, 1), np.nan), [0, 1], None, "proba must be finite, got nan .* 1,"),
        (with_value(PROBA, (0, 0, 1), np.inf), [0, 1], None, "proba must be finite, got .* 0,"),
        (PROBA * 2, [0, 1], None, r"proba must be probabilities >= 0 that sum .*, got \[0.2, 1.8"),
        (PROBA - [1, -1], [0, 1], None, "proba must be probabilities >= 0 that sum"),
        (PROBA, [0, 1, 1], None, r"y must be of shape \(2,\), as proba has rows, got \(3,\)"),
        (PROBA, [0.0, 1.0], None, "y must be columns of proba, whole numbers, got"),
        (PROBA, ["a", "b"], None, "y must be columns of proba, whole numbers, got"),
        (PROBA, [0, 2], None, r"y must be columns of proba, in 0\.\.1, got \[0, 2\]"),
        (PROBA, [-1, 0], None, r"y must be columns of proba, in 0\.\.1, got \[-1, 0\]"),
        (PROBA, [0, 1], [1], r"sample_weight must be of shape \(2,\), got \(1,\)"),
        (PROBA, [0, 1], [0, 0], r"sample_weight must be finite, >= 0 and not 0 everywhere, got"),
        (PROBA, [0, 1], [1, -1], r"sample_weight must be finite, >= 0 and not 0 everywhere"),
        (PROBA, [0, 1], [1, np.nan], r"sample_weight must be finite, >= 0 and not 0 every"),
        (PROBA, [0, 1], "ab", r"sample_weight must be an array of numbers, got 'ab'"),
    ],
)
@pytest.mark.parametrize("function", [log_loss_weights, greedy_weights])
def test_bad_probabilities(function, proba, y, weight, message):
    with pytest.raises(InvalidParameterError, match=message):
        function(proba, y, weight)


@pytest.mark.parametrize(
    ("output", "y", "weight", "message"),
    [
        (OUTPUT[0, 0], [0, 1], None, r"output must be of shape \(n_members, n_samples\) or .*\(2,"),
        (OUTPUT[:0], OUTPUT[0], None, r"output must be .*not empty, got \(0, 2, 2\)"),
        (OUTPUT, [0, 1], None, r"y must be of shape \(2, 2\), as output without .*, got \(2,\)"),
        (OUTPUT[..., 0], OUTPUT[0, :, :1], None, r"y must be of shape \(2,\), .*, got \(2, 1\)"),
        (with_value(OUTPUT, (1, 0, 1), np.nan), OUTPUT[0], None, "output must be finite, .* 1, co"),
        (OUTPUT, with_value(OUTPUT[0], (0, 1), np.inf), None, "y must be finite, got nan or inf"),
        (OUTPUT, [["a", "b"]] * 2, None, "y must be an array of numbers, got"),
        (OUTPUT, OUTPUT[0], [1, 2, 3], r"sample_weight must be of shape \(2,\), got \(3,\)"),
    ],
)
@pytest.mark.parametrize("name", ["squared_error", "greedy"])
def test_bad_values(name, output, y, weight, message):
    more = {"loss": "squared_error"} if name == "greedy" else {}
    with pytest.raises(InvalidParameterError, match=message):
        FUNCTIONS[name](output, y, weight, **more)


def test_rows_of_weight_0_may_hold_anything():
    proba = with_value(PROBA, (1, 0, 1), np.nan)
    assert log_loss_weights(proba, [0, 1], [0, 1]).tolist() == [0, 1]
    output = with_value(OUTPUT, (1, 0, 1), np.nan)
    y = with_value(OUTPUT[1], (0, 0), np.inf)
    # Steps are taken to the rounding of the loss, 1e-14 of its curvature.
    assert squared_error_weights(output, y, [0, 1]) == pytest.approx([0, 1], abs=1e-9)
