"""The two within what scikit-learn and its friends put around estimators."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from tests.ensembles.tabular.conftest import classifier, make_table, regressor, values_of

LEARNING = {"M": 1, "max_steps": None, "n_nets": 2, "hidden_units": (16,), "alpha_zero": 0.02}


@pytest.fixture(scope="module")
def learnt():
    """Give a classifier that has learnt to read the size, and fresh rows."""
    X, _ = make_table(300)
    X = X.dropna()
    model = classifier(**LEARNING).fit(X, X["size"] > 100)
    fresh = make_table(300, seed=1)[0].dropna()
    return model, fresh, (fresh["size"] > 100).to_numpy()


def test_a_pipeline_hands_its_table_on(table, fitted):
    X, y = table
    pipeline = make_pipeline(FunctionTransformer(lambda table: table), classifier()).fit(X, y)
    assert (pipeline.predict_proba(X) == fitted.predict_proba(X)).all()
    assert pipeline.score(X, y) == fitted.score(X, y)


def test_a_search_chooses_parameters(table):
    X, y = table
    grid = {"M": [1, 2], "alpha_zero": [0.001, 0.02]}
    search = GridSearchCV(classifier(n_nets=2, max_steps=90), grid, cv=2, error_score="raise")
    search.fit(X, y)
    assert set(search.best_params_) == {"M", "alpha_zero"}
    assert len(set(search.cv_results_["mean_test_score"])) > 1
    assert search.predict(X).shape == (240,)


def test_scores_of_cross_validation_are_those_of_the_splits(table):
    X, y = table
    t = values_of(X, y)
    scores = cross_val_score(regressor(n_nets=2), X, t, cv=GroupKFold(2), groups=np.arange(240) % 2)
    even = np.arange(240) % 2 == 0
    by_hand = [
        regressor(n_nets=2).fit(X[own], t[own]).score(X[~own], t[~own]) for own in (even, ~even)
    ]
    assert sorted(scores) == pytest.approx(sorted(by_hand), abs=1e-4)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_probabilities_may_be_calibrated(table, method):
    X, y = table
    model = CalibratedClassifierCV(classifier(n_nets=2), method=method, cv=2).fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == (240, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)


def test_the_column_that_matters_is_found(learnt):
    model, X, y = learnt
    assert model.score(X, y) > 0.85
    found = permutation_importance(model, X, y, n_repeats=2, random_state=0)
    assert X.columns[found.importances_mean.argmax()] == "size"
    assert np.abs(np.delete(found.importances_mean, 0)).max() < found.importances_mean[0] / 3


def test_dependence_on_a_column_is_partial(learnt):
    model, X, _ = learnt
    found = partial_dependence(model, X, ["size"], grid_resolution=5, kind="average")
    curve = found["average"][0]
    assert curve.shape == (5,)
    assert curve[-1] - curve[0] > 0.5
    levels = partial_dependence(model, X, ["color"], categorical_features=["color"])
    assert levels["average"].shape == (1, 3)


def test_clones_in_other_threads_are_the_same(table, fitted):
    X, y = table
    found = joblib.Parallel(n_jobs=2, backend="threading")(
        joblib.delayed(lambda: clone(fitted).fit(X, y).predict_proba(X))() for _ in range(2)
    )
    assert all((one == fitted.predict_proba(X)).all() for one in found)


def test_targets_may_be_transformed(table):
    X, y = table
    t = np.exp(values_of(X, y) / 1000)
    model = TransformedTargetRegressor(regressor(), func=np.log, inverse_func=np.exp).fit(X, t)
    inner = regressor().fit(X, np.log(t))
    np.testing.assert_allclose(model.predict(X), np.exp(inner.predict(X)), rtol=1e-5)


def rows_with_noise(n_rows, seed):
    """Make rows of numbers alone: MAPIE tries estimators on an array of zeros."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"x": rng.uniform(-2, 2, n_rows), "c": rng.integers(0, 2, n_rows)})
    X.loc[::9, "x"] = np.nan
    return X, np.sin(2 * X["x"].fillna(0)) + X["c"] + rng.normal(size=n_rows) / 2


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("prefit", [True, False])
def test_intervals_of_mapie_hold_their_level(prefit):
    regression = pytest.importorskip("mapie.regression")
    training = rows_with_noise(300, 0)
    model = regressor(**LEARNING)
    model = model.fit(*training) if prefit else model
    split = regression.SplitConformalRegressor(model, confidence_level=0.8, prefit=prefit)
    split = split if prefit else split.fit(*training)
    split.conformalize(*rows_with_noise(400, 1))
    X, y = rows_with_noise(1000, 2)
    points, intervals = split.predict_interval(X)
    np.testing.assert_allclose(points, clone(model).fit(*training).predict(X), rtol=1e-5)
    covered = (y > intervals[:, 0, 0]) & (y < intervals[:, 1, 0])
    # Four standard errors of 400 rows to conform to, and of 1,000 to count.
    assert covered.mean() == pytest.approx(0.8, abs=4 * (0.16 * (1 / 400 + 1 / 1000)) ** 0.5)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_sets_of_mapie_hold_their_level():
    classification = pytest.importorskip("mapie.classification")
    X, y = rows_with_noise(1300, 0)
    y = np.digitize(y, [0, 1])
    model = classifier(**LEARNING).fit(X[:300], y[:300])
    split = classification.SplitConformalClassifier(model, confidence_level=0.8, prefit=True)
    split.conformalize(X[300:700], y[300:700])
    _, sets = split.predict_set(X[700:])
    covered = sets[np.arange(600), y[700:], 0]
    assert covered.mean() == pytest.approx(0.8, abs=4 * (0.16 * (1 / 400 + 1 / 600)) ** 0.5)
