"""Ways between members in weight space."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn

from skensemble import (
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
    TabularSnapshotClassifier,
)
from skensemble._checks import InvalidParameterError
from skensemble.displays import InterpolationDisplay
from skensemble.weight_space import average_of, with_members


def test_lines_go_from_each_member_to_the_last_one(snapshots, rows):
    X, y = rows[2:]
    display = InterpolationDisplay.from_estimator(snapshots, X, y, n_points=3)
    assert display.pairs == [(0, 2), (1, 2)]
    members = snapshots.member_predict_proba(X)
    for k, line in enumerate(display.loss_lines_):
        half = with_members(snapshots, [average_of([snapshots.members_[i] for i in (k, 2)])])
        x, losses = line.get_data()
        assert x.tolist() == [0, 0.5, 1]
        ways = [members[k], half.predict_proba(X), members[2]]
        np.testing.assert_allclose(losses, [log_loss(y, proba) for proba in ways], rtol=1e-5)
        errors = [np.mean(proba.argmax(axis=1) != y) for proba in ways]
        np.testing.assert_allclose(display.error_lines_[k].get_ydata(), errors)
        # Dots at the ends are the members.
        dots = display.ax_[0].lines[2 * k + 1].get_data()
        assert [list(values) for values in dots] == [[0, 1], [losses[0], losses[2]]]
    assert display.loss_lines_[1].get_label() == "member 2 to 3"


def test_pairs_may_count_from_the_last_and_rows_have_weights(snapshots, rows):
    X, y = rows[2:]
    weight = np.arange(len(y))
    display = InterpolationDisplay.from_estimator(
        snapshots, X, y, pairs=[(-1, 0)], n_points=2, sample_weight=weight
    )
    assert display.pairs == [(2, 0)]
    proba = snapshots.member_predict_proba(X)[0]
    expected = log_loss(y, proba, sample_weight=weight)
    assert display.losses[0, 1] == pytest.approx(expected, rel=1e-5)
    wrong = proba.argmax(axis=1) != y
    assert display.errors[0, 1] == pytest.approx(np.average(wrong, weights=weight))


def test_labels_without_rows_are_those_of_the_ensemble(snapshots, rows):
    X, y = (part[rows[3] < 2] for part in rows[2:])
    display = InterpolationDisplay.from_estimator(snapshots, X, y, n_points=2)
    expected = [log_loss(y, p, labels=[0, 1, 2]) for p in snapshots.member_predict_proba(X)]
    np.testing.assert_allclose(display.losses[:, 0], expected[:2], rtol=1e-5)


def test_a_regression_has_squared_errors_alone(rows):
    X, y = rows[0], rows[1].astype(float)
    net = NetRegressor(module__hidden_units=(4,), max_epochs=10, batch_size=16)
    ensemble = SnapshotEnsembleRegressor(net, M=2, random_state=0).fit(X, y)
    display = InterpolationDisplay.from_estimator(ensemble, X, y, n_points=2)
    expected = [mean_squared_error(y, values) for values in ensemble.member_predict(X)]
    np.testing.assert_allclose(display.losses[0], expected, rtol=1e-5)
    weight = np.arange(len(y))
    weighted = InterpolationDisplay.from_estimator(ensemble, X, y, n_points=2, sample_weight=weight)
    expected = mean_squared_error(y, ensemble.member_predict(X)[0], sample_weight=weight)
    assert weighted.losses[0, 0] == pytest.approx(expected, rel=1e-5)
    assert display.errors is None
    assert display.ax_.get_ylabel() == "squared error"


def test_batch_normalisation_is_computed_over_rows_that_come_through_the_pipeline(rows):
    X, y = rows[:2]
    module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    net = NetClassifier(module, max_epochs=6, batch_size=16)
    ensemble = SnapshotEnsembleClassifier(net, M=2, random_state=0)
    double = FunctionTransformer(lambda X: 2 * X, check_inverse=False)
    pipeline = make_pipeline(double, ensemble).fit(X, y)
    shown = {"n_points": 3, "pairs": [(0, 1)]}
    half = with_members(ensemble, [average_of(ensemble.members_)], 2 * X)
    X, y = rows[2:]
    display = InterpolationDisplay.from_estimator(pipeline, X, y, X_refresh=rows[0], **shown)
    assert display.losses[0, 1] == pytest.approx(log_loss(y, half.predict_proba(2 * X)), rel=1e-4)
    with pytest.raises(InvalidParameterError, match="X_refresh must be"):
        InterpolationDisplay.from_estimator(pipeline, X, y, **shown)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(0, 3)], r"pairs must be an int in -3..2, got 3"),
        ([(0, 1, 2)], "pairs must be a sequence of pairs of members"),
        ([], "pairs must be a sequence of pairs of members"),
    ],
)
def test_pairs_of_members_that_are_not_there_are_refused(snapshots, rows, pairs, message):
    with pytest.raises(InvalidParameterError, match=message):
        InterpolationDisplay.from_estimator(snapshots, *rows[2:], pairs=pairs)


def test_a_single_member_is_refused(rows, net):
    ensemble = SnapshotEnsembleClassifier(net, M=1, random_state=0).fit(*rows[:2])
    with pytest.raises(InvalidParameterError, match="an ensemble of two members or more, got 1"):
        InterpolationDisplay.from_estimator(ensemble, *rows[2:])


def test_one_axes_gets_the_loss_alone_and_two_get_both(snapshots, rows):
    display = InterpolationDisplay.from_estimator(snapshots, *rows[2:], n_points=2)
    top, bottom = Figure().subplots(2)
    assert display.plot(top).error_lines_ == []
    assert display.plot([top, bottom]).error_lines_[0].axes is bottom


def test_an_ensemble_of_tables_is_refused_by_name(rows):
    X, y = rows[:2]
    small = {"M": 1, "max_cycles": 1, "n_nets": 4, "cv": 2, "max_steps": 20, "hidden_units": (4,)}
    ensemble = TabularSnapshotClassifier(**small, random_state=0).fit(X, y)
    with pytest.raises(
        InvalidParameterError, match=r"not one of tables.*TabularSnapshotClassifier"
    ):
        InterpolationDisplay.from_estimator(ensemble, X, y)


def test_of_many_members_a_few_are_drawn(snapshots, rows):
    many = with_members(snapshots, snapshots.members_ * 7)
    display = InterpolationDisplay.from_estimator(many, *rows[2:], n_points=2)
    # 21 members: five of the first 20, and the last.
    assert display.pairs == [(0, 20), (5, 20), (10, 20), (14, 20), (19, 20)]
