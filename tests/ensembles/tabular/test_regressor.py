"""The regressor of tables as its users meet it."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from tests.ensembles.tabular.conftest import make_table, regressor, values_of

LEARNING = {"max_steps": None, "hidden_units": (16,), "alpha_zero": 0.01}


def test_it_learns_what_there_is_to_learn():
    (X, y), (fresh, labels) = make_table(500), make_table(1000, seed=1)
    model = regressor(**LEARNING).fit(X, values_of(X, y))
    score = r2_score(values_of(fresh, labels), model.predict(fresh))
    assert score > 0.5
    assert model.oof_score_ == pytest.approx(score, abs=0.1)
    assert model.oof_score_ == pytest.approx(r2_score(values_of(X, y), model.oof_prediction_))


def test_targets_are_predicted_in_their_units(table, fitted_regressor):
    X, y = table
    t = values_of(X, y)
    assert t.min() < fitted_regressor.predict(X).mean() < t.max()
    # In units of a thousandth all is a thousand times as much.
    other = regressor().fit(X, 1000 * t)
    np.testing.assert_allclose(other.predict(X), 1000 * fitted_regressor.predict(X), rtol=1e-4)
    assert other.oof_score_ == pytest.approx(fitted_regressor.oof_score_, abs=1e-3)


def test_several_targets_are_predicted_side_by_side(table):
    X, y = table
    t = np.c_[values_of(X, y), -np.arange(240.0)]
    model = regressor().fit(X, t)
    assert model.predict(X).shape == model.oof_prediction_.shape == (240, 2)
    assert model.member_predict(X).shape == (4, 240, 2)
    members = np.tensordot(model.weights_, model.member_predict(X), axes=1)
    np.testing.assert_allclose(model.predict(X), members, rtol=1e-4)
    folds = [model.test_fold_ == fold for fold in (0, 1)]
    assert [rows.sum() for rows in folds] == [120, 120]


def test_bad_targets_are_refused(table):
    X, y = table
    with pytest.raises(ValueError, match="NaN"):
        regressor().fit(X, np.r_[np.nan, y[1:]])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        regressor().fit(X, y[1:])
    with pytest.raises(ValueError, match="infinity"):
        regressor().fit(X, np.r_[np.inf, y[1:]])


def test_predictions_out_of_fold_are_those_of_nets_that_left_the_row_out(table):
    X, y = table
    model = regressor(**LEARNING, weights="uniform").fit(X, values_of(X, y))
    members = model.member_predict(X)
    for fold in (0, 1):
        own = members[model.member_nets_ % 2 == fold].mean(axis=0)
        rows = model.test_fold_ == fold
        np.testing.assert_allclose(model.oof_prediction_[rows], own[rows], rtol=1e-5)
