"""Scores of members, and of the means of the last of them."""

from copy import copy

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skensemble import SnapshotEnsembleClassifier, SWAGClassifier
from skensemble._checks import InvalidParameterError
from skensemble.averaging import average
from skensemble.displays import MemberScoresDisplay


@pytest.fixture(scope="module")
def other(net, rows):
    """Three snapshots of another seed."""
    return SnapshotEnsembleClassifier(net, M=3, random_state=7).fit(*rows[:2])


def test_dots_are_members_and_the_line_is_the_mean_from_a_member_to_the_last(snapshots, rows):
    X, y = rows[2:]
    display = MemberScoresDisplay.from_estimator(snapshots, X, y, scoring="neg_log_loss")
    members = snapshots.member_predict_proba(X)
    x, scores = display.points_.get_data()
    assert x.tolist() == [1, 2, 3]
    np.testing.assert_allclose(scores, [log_loss(y, proba) for proba in members], rtol=1e-6)
    x, scores = display.line_.get_data()
    assert x.tolist() == [1, 2, 3]
    means = [members[k:].mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(scores, [log_loss(y, proba) for proba in means], rtol=1e-5)
    assert display.ax_.get_ylabel() == "log-loss (lower is better)"
    assert display.ax_.get_xlabel() == "member k (the oldest is on the left)"
    assert not display.weighted_lines_
    assert display.band_ is None


def test_the_score_is_accuracy_unless_another_is_asked_for(snapshots, rows):
    X, y = rows[2:]
    weight = np.arange(len(y))
    display = MemberScoresDisplay.from_estimator(snapshots, X, y, sample_weight=weight)
    assert display.staged_scores.tolist() == snapshots.staged_score(X, y, weight).tolist()
    members = snapshots.member_predict_proba(X).argmax(axis=2)
    expected = [accuracy_score(y, labels, sample_weight=weight) for labels in members]
    assert display.member_scores.tolist() == expected
    assert display.ax_.get_ylabel() == "accuracy (higher is better)"


def test_lines_show_equal_and_fitted_weights(weighted, rows):
    X, y = rows[2:]
    display = MemberScoresDisplay.from_estimator(weighted, X, y, scoring="neg_log_loss")
    equal, fitted = display.weighted_lines_
    assert [line.get_label() for line in (equal, fitted)] == ["equal weights", "validation weights"]
    assert fitted.get_ydata()[0] == pytest.approx(log_loss(y, weighted.predict_proba(X)))
    mean = weighted.member_predict_proba(X).mean(axis=0)
    assert equal.get_ydata()[0] == pytest.approx(log_loss(y, mean))


def test_several_ensembles_show_mean_and_spread(snapshots, other, rows):
    X, y = rows[2:]
    display = MemberScoresDisplay.from_estimator([snapshots, other], X, y)
    both = [
        [accuracy_score(y, proba.argmax(axis=1)) for proba in one.member_predict_proba(X)]
        for one in (snapshots, other)
    ]
    np.testing.assert_allclose(display.points_.get_ydata(), np.mean(both, axis=0))
    staged = np.array([snapshots.staged_score(X, y), other.staged_score(X, y)])[:, ::-1]
    mean, std = staged.mean(axis=0), staged.std(axis=0, ddof=1)
    np.testing.assert_allclose(display.line_.get_ydata(), mean)
    edges = display.band_.get_paths()[0].vertices
    for edge in (mean - std, mean + std):
        assert all(np.isclose(edges[:, 1], value).any() for value in edge)
    bars = np.array(display.error_bars_.lines[2][0].get_segments())
    mean, std = np.mean(both, axis=0), np.std(both, axis=0, ddof=1)
    np.testing.assert_allclose(bars[:, :, 0], np.repeat([[1], [2], [3]], 2, axis=1))
    np.testing.assert_allclose(bars[:, :, 1], np.stack([mean - std, mean + std], axis=1))
    assert MemberScoresDisplay.from_estimator([snapshots], X, y).band_ is None


def test_lines_of_several_ensembles_are_means_of_weighted_scores(weighted, rows):
    other = clone(weighted).set_params(random_state=2).fit(*rows[:2])
    X, y = rows[2:]
    how = {"scoring": "neg_log_loss", "sample_weight": np.arange(len(y))}
    display = MemberScoresDisplay.from_estimator([weighted, other], X, y, **how)
    losses = [
        log_loss(y, one.predict_proba(X), sample_weight=np.arange(len(y)))
        for one in (weighted, other)
    ]
    np.testing.assert_allclose(display.weighted_scores["validation weights"], losses)
    drawn = display.weighted_lines_[1].get_ydata()[0]
    assert drawn == pytest.approx((losses[0] + losses[1]) / 2)


@pytest.mark.parametrize("turn", [1, -1])
def test_ensembles_of_other_kinds_of_weights_are_refused(snapshots, weighted, rows, turn):
    both = [snapshots, weighted][::turn]
    with pytest.raises(InvalidParameterError, match=r"the same kinds of weights.*got.*validation"):
        MemberScoresDisplay.from_estimator(both, *rows[2:])


def test_means_that_leave_members_out_are_shown_with_their_m(snapshots, other, rows):
    X, y = rows[2:]
    last = [copy(one).set_params(m=1) for one in (snapshots, other)]
    (line,) = MemberScoresDisplay.from_estimator(last[0], X, y).weighted_lines_
    assert line.get_label() == "equal weights, m = 1"
    assert line.get_ydata()[0] == last[0].score(X, y)
    (line,) = MemberScoresDisplay.from_estimator(last, X, y).weighted_lines_
    assert line.get_ydata()[0] == pytest.approx(np.mean([one.score(X, y) for one in last]))
    with pytest.raises(InvalidParameterError, match="the same m"):
        MemberScoresDisplay.from_estimator([last[0], other], X, y)


def test_means_of_probabilities_are_cut_as_predict_proba_cuts_them(net, rows):
    # All members are sure of rows that are far out.
    X, y = 100 * rows[2], rows[3]
    ensemble = SWAGClassifier(net, M=20, n_averaged=5, random_state=0).fit(*rows[:2])
    assert average(ensemble.member_predict_proba(X), ensemble.weights_).max() > 1
    display = MemberScoresDisplay.from_estimator(ensemble, X, y, scoring="neg_log_loss")
    staged = [log_loss(y, proba) for proba in ensemble.staged_predict_proba(X)]
    np.testing.assert_allclose(display.staged_scores, staged)


def test_members_of_several_nets_share_their_place(cross_fitted, rows):
    display = MemberScoresDisplay.from_estimator(cross_fitted, *rows[2:])
    assert display.points_.get_xdata().tolist() == [1, 1, 2, 2, 3, 3]
    assert display.line_.get_xdata().tolist() == [1, 2, 3]


def test_rows_go_through_the_pipeline_before_an_ensemble(snapshots, rows):
    X, y = rows[2:]
    double = FunctionTransformer(lambda X: 2 * X, check_inverse=False).fit(X)
    pipeline = make_pipeline(double, snapshots)
    display = MemberScoresDisplay.from_estimator(pipeline, X, y)
    assert display.staged_scores.tolist() == snapshots.staged_score(2 * X, y).tolist()


def test_plot_only_draws_and_does_so_twice(snapshots, rows, monkeypatch):
    display = MemberScoresDisplay.from_estimator(snapshots, *rows[2:])
    monkeypatch.setattr(type(snapshots), "_member_outputs", None)
    first, second = Figure().subplots(1, 2)
    one = display.plot(first).line_
    other = display.plot(second).line_
    assert (one.axes, other.axes) == (first, second)
    assert one.get_ydata().tolist() == other.get_ydata().tolist()


def test_ensembles_of_other_sizes_are_refused(snapshots, rows, net):
    other = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(*rows[:2])
    with pytest.raises(InvalidParameterError, match=r"as many members each, got \[3, 2\]"):
        MemberScoresDisplay.from_estimator([snapshots, other], *rows[2:])
    with pytest.raises(InvalidParameterError, match="one ensemble at least"):
        MemberScoresDisplay.from_estimator([], *rows[2:])


def test_what_is_not_fitted_is_refused(rows):
    with pytest.raises(NotFittedError):
        MemberScoresDisplay.from_estimator(SnapshotEnsembleClassifier(), *rows[2:])


def test_predictions_of_any_origin_are_scored(weighted, rows):
    X, y = rows[2:]
    proba = weighted.member_predict_proba(X)
    how = {"scoring": "neg_log_loss", "sample_weight": np.arange(len(y))}
    fitted = MemberScoresDisplay.from_estimator(weighted, X, y, **how)
    given = MemberScoresDisplay.from_predictions(y, proba, weights=2 * weighted.weights_, **how)
    assert given.member_scores.tolist() == fitted.member_scores.tolist()
    assert given.staged_scores.tolist() == fitted.staged_scores.tolist()
    score = given.weighted_scores["given weights"]
    assert score == pytest.approx(fitted.weighted_scores["validation weights"])
    how = {"scoring": log_loss, "lower_is_better": True, "sample_weight": np.arange(len(y))}
    by_function = MemberScoresDisplay.from_predictions(y, proba, **how)
    assert by_function.staged_scores.tolist() == fitted.staged_scores.tolist()
    assert by_function.ax_.get_ylabel() == given.ax_.get_ylabel() == "log-loss (lower is better)"
    assert not by_function.weighted_lines_
