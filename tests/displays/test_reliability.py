"""Accuracy against confidence."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression, LogisticRegression

from skensemble._checks import InvalidParameterError
from skensemble.displays import ReliabilityDisplay
from skensemble.metrics import expected_calibration_error

Y_TRUE = ["a", "b", "b", "a", "a"]
Y_PROBA = [0.1, 0.9, 0.9, 0.7, 0.7]


def test_points_are_bins_with_rows_and_steps_are_their_numbers():
    display = ReliabilityDisplay.from_predictions(Y_TRUE, Y_PROBA, n_bins=5)
    x, y = display.line_.get_data()
    # Three rows of confidence 0.9 are right, two of 0.7 are wrong.
    np.testing.assert_allclose(x, [0.7, 0.9])
    np.testing.assert_allclose(y, [0, 1])
    values, edges, _ = display.counts_.get_data()
    assert values.tolist() == [0, 0, 0, 2, 3]
    np.testing.assert_allclose(edges, np.linspace(0, 1, 6))
    assert display.error == pytest.approx((2 * 0.7 + 3 * 0.1) / 5)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_an_estimator_is_held_to_rows(snapshots, rows, strategy):
    X, y = rows[2:]
    how = {"n_bins": 4, "strategy": strategy, "sample_weight": np.arange(len(y))}
    display = ReliabilityDisplay.from_estimator(snapshots, X, y, **how)
    expected = expected_calibration_error(y, snapshots.predict_proba(X), **how)
    assert display.error == pytest.approx(expected)
    label = f"SnapshotEnsembleClassifier: ECE {display.error:.3f}"
    assert display.line_.get_label() == label


def test_labels_without_rows_are_those_of_the_estimator(snapshots, rows):
    X, y = rows[2:]
    display = ReliabilityDisplay.from_estimator(snapshots, X[y < 2], y[y < 2])
    assert display.weight.sum() == (y < 2).sum()


def test_classifiers_share_axes_with_one_diagonal(rows):
    linear = LogisticRegression().fit(*rows[:2])
    first = ReliabilityDisplay.from_estimator(linear, *rows[2:], name="one")
    second = ReliabilityDisplay.from_estimator(linear, *rows[2:], name="two", ax=first.ax_)
    top, bottom = first.ax_
    assert len(top.lines) == 3
    assert len(bottom.patches) == 2
    assert first.line_.get_color() != second.line_.get_color()
    assert first.line_.get_marker() != second.line_.get_marker()


def test_one_axes_gets_no_counts_and_two_displays_may_be_drawn_twice():
    display = ReliabilityDisplay.from_predictions(Y_TRUE, Y_PROBA)
    first, second = Figure().subplots(1, 2)
    assert display.plot(first, color="red").ax_ is first
    assert display.counts_ is None
    assert display.line_.get_color() == "red"
    assert display.plot(second).line_.axes is second


def test_what_gives_no_probabilities_is_refused(rows):
    regressor = LinearRegression().fit(*rows[:2])
    with pytest.raises(InvalidParameterError, match="estimator must be a classifier with"):
        ReliabilityDisplay.from_estimator(regressor, *rows[2:])


def test_the_error_is_that_of_the_metric_without_any_setting(rows):
    linear = LogisticRegression(C=0.1).fit(*rows[:2])
    # Of shuffled labels a classifier is too sure in some bins, and too unsure in others.
    X, y = rows[2], np.random.default_rng(0).permutation(rows[3])
    proba = linear.predict_proba(X)
    expected = pytest.approx(expected_calibration_error(y, proba))
    assert expected_calibration_error(y, proba, n_bins=10) != expected
    assert ReliabilityDisplay.from_estimator(linear, X, y).error == expected
    assert ReliabilityDisplay.from_predictions(y, proba).error == expected
