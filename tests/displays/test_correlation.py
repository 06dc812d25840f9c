"""How alike members are."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skensemble import NetRegressor, SnapshotEnsembleRegressor
from skensemble._checks import InvalidParameterError
from skensemble.displays import CorrelationDisplay


def test_cells_are_the_correlations_of_probabilities(snapshots, rows):
    display = CorrelationDisplay.from_estimator(snapshots, rows[2])
    flat = snapshots.member_predict_proba(rows[2]).reshape(3, -1)
    np.testing.assert_allclose(display.image_.get_array(), np.corrcoef(flat), rtol=1e-5)
    assert display.texts_[0, 0].get_text() == f"{1:.{len(display.texts_[0, 1].get_text()) - 2}f}"
    for axis in (display.ax_.xaxis, display.ax_.yaxis):
        assert [label.get_text() for label in axis.get_ticklabels()] == ["1", "2", "3"]
    # As a matrix is written: the first row on top.
    assert display.ax_.yaxis_inverted()


def test_rows_go_through_the_pipeline_before_an_ensemble(snapshots, rows):
    double = FunctionTransformer(lambda X: 2 * X, check_inverse=False).fit(rows[2])
    display = CorrelationDisplay.from_estimator(make_pipeline(double, snapshots), rows[2])
    expected = CorrelationDisplay.from_estimator(snapshots, 2 * rows[2])
    assert display.correlations.tolist() == expected.correlations.tolist()


def test_rows_have_weights(snapshots, rows):
    weight = np.arange(len(rows[2])) < 20
    weighted = CorrelationDisplay.from_estimator(snapshots, rows[2], sample_weight=weight * 1.0)
    few = CorrelationDisplay.from_estimator(snapshots, rows[2][:20])
    np.testing.assert_allclose(weighted.correlations, few.correlations)


def test_members_have_names_where_they_are_given():
    outputs = np.random.default_rng(0).random((3, 5))
    display = CorrelationDisplay.from_predictions(outputs, names=["a", "b", "c"])
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["a", "b", "c"]
    with pytest.raises(InvalidParameterError, match=r"names must be one for each of 3 members"):
        CorrelationDisplay.from_predictions(outputs, names=["a", "b"])


def test_many_members_have_colours_alone_and_few_ticks():
    outputs = np.random.default_rng(0).random((20, 30))
    display = CorrelationDisplay.from_predictions(outputs)
    assert not any(text for row in display.texts_ for text in row)
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == ["1", "4", "7", "10", "13", "16", "19"]


def test_plot_draws_on_the_axes_that_are_given():
    display = CorrelationDisplay(correlations=np.eye(2))
    first, second = Figure().subplots(1, 2)
    assert display.plot(first).image_.axes is first
    assert display.plot(second).image_.axes is second


def test_regressors_of_several_targets_are_compared(rows):
    X, y = rows[0], rows[1].astype(float)
    net = NetRegressor(module__hidden_units=(4,), max_epochs=10, batch_size=16)
    both = SnapshotEnsembleRegressor(net, M=2, random_state=0).fit(X, np.stack([y, -y], axis=1))
    display = CorrelationDisplay.from_estimator(both, X)
    flat = both.member_predict(X).reshape(2, -1)
    np.testing.assert_allclose(display.correlations, np.corrcoef(flat), rtol=1e-5)


@pytest.mark.parametrize(("lowest", "begins"), [(0.9999, 0.99), (0.5, 0.5)])
def test_the_scale_of_colours_does_not_begin_just_below_1(lowest, begins):
    display = CorrelationDisplay(correlations=[[1, lowest], [lowest, 1]]).plot()
    assert display.image_.get_clim() == (begins, 1)
