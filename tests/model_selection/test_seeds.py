"""The same estimator over many seeds."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skensemble import InvalidParameterError, NetClassifier, SnapshotEnsembleClassifier
from skensemble.model_selection import Report, SeedScores, fit_over_seeds, score_over_seeds

NET = NetClassifier(module__hidden_units=(8,), max_epochs=24, batch_size=32, device="cpu")
ENSEMBLE = SnapshotEnsembleClassifier(NET, M=2)
PARTS = slice(None, None, 2), slice(1, None, 2)


def test_each_seed_gives_what_a_fit_with_it_gives(iris):
    X, y = iris
    report = Report()
    fitted = fit_over_seeds(ENSEMBLE, X, y, seeds=[3, 1], report=report)
    for ensemble, seed in zip(fitted, (3, 1), strict=True):
        alone = SnapshotEnsembleClassifier(NET, M=2, random_state=seed).fit(X, y)
        np.testing.assert_allclose(ensemble.predict_proba(X), alone.predict_proba(X), atol=1e-5)
    assert report.groups == [{"engine": "closed form", "n_nets": 2, "n_fits": 2}]
    assert ENSEMBLE.random_state is None


def test_scores_are_those_of_each_seed(iris):
    X, y = iris
    train, test = PARTS
    model = make_pipeline(StandardScaler(), ENSEMBLE)
    settings = {"seeds": 3, "scoring": ["accuracy", "neg_log_loss"]}
    scores = score_over_seeds(model, X[train], y[train], X[test], y[test], **settings)
    fitted = fit_over_seeds(model, X[train], y[train], seeds=3)
    assert scores.seeds == [0, 1, 2]
    expected = [pipeline.score(X[test], y[test]) for pipeline in fitted]
    assert scores.scores["accuracy"].tolist() == expected
    assert scores.scores["neg_log_loss"].shape == (3,)


def test_weights_reach_the_fits(iris):
    weight = np.linspace(0, 1, 150)
    (fitted,) = fit_over_seeds(ENSEMBLE, *iris, seeds=1, sample_weight=weight)
    alone = SnapshotEnsembleClassifier(NET, M=2, random_state=0).fit(*iris, sample_weight=weight)
    assert (fitted.predict_proba(iris[0]) == alone.predict_proba(iris[0])).all()


def test_mean_spread_and_error():
    scores = SeedScores({"a": np.array([1.0, 2.0, 3.0, 6.0])}, [0, 1, 2, 3])
    assert scores.mean == {"a": 3.0}
    # Squares of -2, -1, 0 and 3 sum to 14.
    assert scores.std["a"] == pytest.approx((14 / 3) ** 0.5)
    assert scores.standard_error["a"] == pytest.approx((14 / 3 / 4) ** 0.5)
    assert str(scores) == "a: 3 +- 1.1"
    assert repr(scores) == "<SeedScores of 4 seeds: a: 3 +- 1.1>"


def test_the_repr_of_scores_is_one_line_of_all_of_them():
    scores = SeedScores({"a": np.array([1.0, 3.0]), "b": np.array([0.5, 0.5])}, [7, 8])
    assert repr(scores) == "<SeedScores of 2 seeds: a: 2 +- 1, b: 0.5 +- 0>"


@pytest.mark.parametrize("seeds", [0, 1.5, []])
def test_seeds_that_are_none_are_refused(iris, seeds):
    with pytest.raises(InvalidParameterError, match="seeds must be"):
        fit_over_seeds(ENSEMBLE, *iris, seeds=seeds)


def test_an_estimator_without_a_seed_is_refused(iris):
    with pytest.raises(InvalidParameterError, match="estimator must be one with a random_state"):
        fit_over_seeds(LinearRegression(), *iris)


def test_an_error_of_a_fit_is_raised(iris):
    with pytest.raises(InvalidParameterError, match="M must be"):
        fit_over_seeds(SnapshotEnsembleClassifier(NET, M=0), *iris, seeds=2)
