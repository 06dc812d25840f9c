"""Scores of what members have given."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, make_scorer, r2_score, roc_auc_score
from skorch import NeuralNetBinaryClassifier

from skensemble import NetRegressor, SnapshotEnsembleClassifier, SnapshotEnsembleRegressor
from skensemble._checks import InvalidParameterError
from skensemble.displays._scoring import Scorer, checked_outputs
from skensemble.metrics import expected_calibration_error
from skensemble.modules import MLP


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "roc_auc_ovr", "balanced_accuracy"])
def test_scores_are_those_of_the_estimator_that_gives_such_answers(snapshots, rows, scoring):
    from sklearn.metrics import check_scoring

    X, y = rows[2:]
    score = Scorer.of(snapshots, scoring)
    expected = check_scoring(snapshots, scoring)(snapshots, X, y)
    assert score(snapshots.predict_proba(X), y) == (-expected if score.is_loss else expected)


def test_our_metrics_score_through_make_scorer(snapshots, rows):
    X, y = rows[2:]
    metric = expected_calibration_error
    scorer = make_scorer(metric, response_method="predict_proba", greater_is_better=False)
    score, proba = Scorer.of(snapshots, scorer), snapshots.predict_proba(X)
    assert score.is_loss
    assert score.name == "expected calibration error"
    assert score(proba, y) == metric(y, proba)


def test_labels_are_those_of_the_threshold_of_a_net(rows):
    X, y = (part[rows[1] < 2] for part in rows[:2])
    net = NeuralNetBinaryClassifier(MLP, threshold=0.97, max_epochs=5, batch_size=8, verbose=0)
    net.set_params(module__n_features=4, module__n_outputs=1)
    ensemble = SnapshotEnsembleClassifier(net, M=1, random_state=0).fit(X.astype(np.float32), y)
    score, proba = Scorer.of(ensemble, None), ensemble.predict_proba(X)
    by_threshold, by_half = (np.mean((proba[:, 1] > least) == y) for least in (0.97, 0.5))
    assert score(proba, y) == by_threshold < by_half


def test_values_are_scored_by_r_squared(rows):
    X, y = rows[:2]
    net = NetRegressor(module__hidden_units=(4,), max_epochs=5)
    ensemble = SnapshotEnsembleRegressor(net, M=1, random_state=0).fit(X, y.astype(float))
    score, values = Scorer.of(ensemble, None), np.linspace(0, 2, len(y))
    assert score.name == "R squared"
    assert score(values, y) == r2_score(y, values)
    weight = np.arange(len(y))
    assert score(values, y, weight) == r2_score(y, values, sample_weight=weight)


@pytest.mark.parametrize("scoring", ["log-loss", brier_score_loss, roc_auc_score, 3])
def test_what_is_no_scorer_is_refused(snapshots, scoring):
    with pytest.raises(InvalidParameterError, match="scoring must be None, a scorer's name"):
        Scorer.of(snapshots, scoring)


@pytest.mark.parametrize(
    ("y", "shape", "classes"),
    [("aba", (2, 3, 2), ["a", "b"]), ("aba", (2, 3), None), (np.ones((3, 2)), (4, 3, 2), None)],
)
def test_outputs_are_probabilities_where_there_are_labels(y, shape, classes):
    outputs, found = checked_outputs(list(y), np.ones(shape, dtype=np.float32), None)
    assert outputs.dtype == np.float32
    assert (found if found is None else found.tolist()) == classes


@pytest.mark.parametrize(
    ("outputs", "labels", "message"),
    [
        (np.ones((2, 4, 2)), None, r"member_outputs must be .* of shape \(3,\), got \(2, 4, 2\)"),
        (np.ones((0, 3)), None, "member_outputs must be"),
        (np.ones(3), None, "member_outputs must be"),
        ([["a", "b", "c"]], None, "member_outputs must be an array of numbers"),
        (np.ones((2, 3, 3)), None, r"labels must be one for each of the 3 columns"),
        (np.ones((2, 3, 2)), ["a", "b", "c"], r"labels must be one for each of the 2 columns"),
    ],
)
def test_outputs_that_do_not_fit_the_labels_are_refused(outputs, labels, message):
    with pytest.raises(InvalidParameterError, match=message):
        checked_outputs(["a", "b", "a"], outputs, labels)


def test_labels_and_log_loss_follow_from_given_probabilities():
    proba = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]])
    score = Scorer(None, np.array(["a", "b"]))
    assert score(proba, ["a", "b", "a"]) == pytest.approx(2 / 3)
