"""Weights of positions and groups, and what they give for rows that were left out."""

import pickle

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

from skensemble.weighting import log_loss_weights, squared_error_weights
from tests.ensembles.cross_fitted.conftest import classifier, left_out, regressor


@pytest.fixture
def fitted(hard):
    (X, y), _ = hard
    return classifier(cv=left_out(len(X), 2)).fit(X, y)


def parts_of(ensemble, X, n_rows, n_folds=2):
    """Put together what each position and group gives for the rows that its nets left out."""
    is_classifier = hasattr(ensemble, "classes_")
    members = (ensemble.member_predict_proba if is_classifier else ensemble.member_predict)(X)
    fold = np.arange(n_rows) % n_folds
    n_positions = ensemble.member_positions_.max() + 1
    by_place = members.reshape(n_positions, -1, n_folds, *members.shape[1:])
    parts = [
        [np.choose(fold.reshape(-1, *(1,) * (own.ndim - 2)), own) for own in groups]
        for groups in by_place
    ]
    return np.array(parts)


def test_weights_are_those_of_least_loss_on_rows_that_were_left_out(hard, fitted):
    (X, y), _ = hard
    parts = parts_of(fitted, X, len(X))
    expected = log_loss_weights(parts.reshape(-1, *parts.shape[2:]), y)
    expected = np.where(expected < 1e-3, 0, expected)
    by_net = np.repeat(expected / expected.sum(), 2) / 2
    np.testing.assert_allclose(fitted.weights_, by_net, atol=1e-5)


def test_what_was_left_out_is_weighed_by_what_the_other_folds_say(hard, fitted):
    (X, y), _ = hard
    parts = parts_of(fitted, X, len(X))
    parts = parts.reshape(-1, *parts.shape[2:])
    fold = np.arange(len(X)) % 2
    assert (fitted.test_fold_ == fold).all()
    proba = np.empty((len(X), 2))
    for k in (0, 1):
        others, own = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        weights = log_loss_weights(parts[:, others], y[others])
        weights = np.where(weights < 1e-3, 0, weights)
        proba[own] = np.tensordot(weights / weights.sum(), parts[:, own], axes=1)
    np.testing.assert_allclose(fitted.oof_decision_function_, proba, atol=1e-4)
    assert fitted.oof_score_ == accuracy_score(y, fitted.oof_decision_function_.argmax(1))


def test_m_counts_in_what_was_left_out(hard):
    (X, y), _ = hard
    last = classifier(cv=left_out(len(X), 2), m=1, weights="uniform").fit(X, y)
    proba = parts_of(last, X, len(X))[-1].mean(0)
    np.testing.assert_allclose(last.oof_decision_function_, proba, atol=1e-6)


def test_equal_weights_and_fitted_ones_can_be_changed_after_the_fit(hard, fitted):
    (X, y), _ = hard
    equal = classifier(cv=left_out(len(X), 2), weights="uniform").fit(X, y)
    assert (equal.weights_ == 1 / 12).all()
    proba = parts_of(equal, X, len(X)).mean((0, 1))
    np.testing.assert_allclose(equal.oof_decision_function_, proba, atol=1e-6)
    assert (equal.set_params(weights="out_of_fold").weights_ == fitted.weights_).all()
    assert (fitted.set_params(weights="uniform").weights_ == 1 / 12).all()
    with pytest.raises(ValueError, match="weights must be 'uniform' or 'out_of_fold', got 'best'"):
        fitted.set_params(weights="best").predict(X)
    with pytest.raises(ValueError, match=r"m must be None or an int in 1\.\.3, the positions"):
        fitted.set_params(weights="uniform", m="auto").predict(X)


def test_weights_of_a_regressor_have_the_least_squared_error(hard):
    (X, _), _ = hard
    y = 100 * X[:, 0] * X[:, 1] + 1e4
    ensemble = regressor(cv=left_out(len(X), 2)).fit(X, y)
    parts = parts_of(ensemble, X, len(X)).reshape(-1, len(X))
    expected = squared_error_weights(parts, y)
    np.testing.assert_allclose(ensemble.weights_[::2] * 2, expected, atol=2e-3)
    # Those of the other folds are much alike.
    whole = ensemble.weights_[::2] * 2 @ parts
    assert np.corrcoef(ensemble.oof_prediction_, whole)[0, 1] > 0.99
    assert ensemble.oof_score_ == pytest.approx(r2_score(y, ensemble.oof_prediction_), abs=1e-5)


def test_m_counts_positions_and_weights_are_renormalised(fitted):
    fitted._fitted_weights_ = np.array([0.3, 0.3, 0.0, 0.0, 0.1, 0.1, 0.2, 0.0, 0, 0, 0, 0])
    everything = fitted.weights_
    np.testing.assert_allclose(everything, fitted._fitted_weights_)
    fitted.m = 2
    np.testing.assert_allclose(fitted.weights_, np.r_[np.zeros(4), [0.25, 0.25, 0.5], np.zeros(5)])
    # All that is left has no weight: all of it counts alike.
    fitted.m = 1
    np.testing.assert_allclose(fitted.weights_, np.r_[np.zeros(8), [0.25] * 4])
    fitted.m = 3
    np.testing.assert_allclose(fitted.weights_, everything)
    fitted.set_params(m=2, weights="uniform")
    np.testing.assert_allclose(fitted.weights_, np.r_[np.zeros(4), [1 / 8] * 8])


def test_stages_are_those_of_the_last_positions(hard, fitted):
    (_, _), (fresh, labels) = hard
    stages = list(fitted.staged_predict_proba(fresh))
    assert len(stages) == 3
    for m, stage in enumerate(stages, start=1):
        fitted.m = m
        np.testing.assert_allclose(stage, fitted.predict_proba(fresh), atol=1e-6)
    assert fitted.staged_score(fresh, labels)[-1] == fitted.score(fresh, labels)


def test_members_without_weight_are_not_run(hard, fitted, monkeypatch):
    (_, _), (fresh, _) = hard
    fitted._fitted_weights_ = np.r_[0.5, 0.5, np.zeros(10)]
    expected = fitted.member_predict_proba(fresh)[:2].mean(0)
    # What must not be run cannot be.
    fitted._predictor_.members[2:] = [None] * 10
    np.testing.assert_allclose(fitted.predict_proba(fresh), expected, atol=1e-6)


def test_rows_of_weight_0_are_left_out_by_all(hard):
    (X, y), _ = hard
    weight = np.ones(len(X))
    weight[::5] = 0
    cv = left_out(len(X), 2)
    ensemble = classifier(cv=cv).fit(X, y, sample_weight=weight)
    assert np.isnan(ensemble.oof_decision_function_[::5]).all()
    assert (ensemble.test_fold_ == np.where(weight > 0, np.arange(len(X)) % 2, -1)).all()
    there = np.isfinite(ensemble.oof_decision_function_).all(1)
    assert (there == (weight > 0)).all()
    # The written splits count all rows; without those of weight 0 they are these.
    kept = np.flatnonzero(weight)
    alone = [
        (np.flatnonzero(np.isin(kept, train)), np.flatnonzero(np.isin(kept, test)))
        for train, test in cv
    ]
    same = classifier(cv=alone).fit(X[kept], y[kept], sample_weight=np.ones(len(kept)))
    np.testing.assert_allclose(
        ensemble.oof_decision_function_[kept], same.oof_decision_function_, atol=1e-6
    )


def test_weights_of_rows_count_in_weights_and_score(hard):
    (X, y), _ = hard
    weight = np.where(np.arange(len(y)) % 3 == 0, 50.0, 1.0)
    ensemble = classifier(cv=left_out(len(X), 2)).fit(X, y, sample_weight=weight)
    parts = parts_of(ensemble, X, len(X)).reshape(-1, len(X), 2)
    expected = log_loss_weights(parts, y, weight)
    np.testing.assert_allclose(ensemble.weights_[::2] * 2, expected, atol=5e-3)
    codes = ensemble.oof_decision_function_.argmax(1)
    assert ensemble.oof_score_ == pytest.approx(accuracy_score(y, codes, sample_weight=weight))
    assert ensemble.oof_score_ != pytest.approx(accuracy_score(y, codes))


def test_what_was_predicted_can_be_left_out_of_pickles(hard):
    (X, y), _ = hard
    kept, dropped = (classifier(store_oof=store).fit(X, y) for store in (True, False))
    for name in ("oof_score_", "oof_decision_function_", "test_fold_"):
        assert hasattr(kept, name)
        assert not hasattr(dropped, name)
    assert (kept.weights_ == dropped.weights_).all()
    n_bytes = [len(pickle.dumps(ensemble)) for ensemble in (kept, dropped)]
    # 400 rows of two float32 and a fold, and nothing else of what single snapshots predicted.
    assert 0 < n_bytes[0] - n_bytes[1] - 400 * (2 * 4 + 8) < 600


def test_scores_that_are_no_probabilities_need_equal_weights(hard):
    from torch import nn

    (X, y), _ = hard
    net = {"criterion": nn.MultiMarginLoss, "predict_nonlinearity": None}
    with pytest.raises(ValueError, match="weights must be 'uniform' for a net that gives scores"):
        classifier(net).fit(X, y)
    ensemble = classifier(net, weights="uniform").fit(X, y)
    assert ensemble.oof_score_ > 0.6
    with pytest.raises(ValueError, match="weights must be 'uniform' for a net that gives scores"):
        ensemble.set_params(weights="out_of_fold").predict(X)
