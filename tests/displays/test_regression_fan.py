"""Fans of intervals."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skensemble import NetRegressor, SnapshotEnsembleRegressor, TabularSnapshotRegressor
from skensemble._checks import InvalidParameterError
from skensemble.displays import RegressionFanDisplay

X = np.random.default_rng(0).normal(size=(60, 2))
Y = X[:, 0] + 0.1 * X[:, 1]


@pytest.fixture(scope="module")
def pipeline():
    net = NetRegressor(module__hidden_units=(8,), max_epochs=20, batch_size=16)
    ensemble = SnapshotEnsembleRegressor(net, M=2, random_state=0)
    return make_pipeline(StandardScaler(), ensemble).fit(X, Y)


def edges(band):
    """Give the lower and upper edge of a band at its first point."""
    x, y = band.get_paths()[0].vertices.T
    return y[x == x.min()].min(), y[x == x.min()].max()


def test_the_fan_is_the_prediction_along_one_feature(pipeline):
    display = RegressionFanDisplay.from_estimator(pipeline, X, Y, feature=1, n_points=7)
    low, high = X[:, 1].min(), X[:, 1].max()
    beyond = 0.1 * (high - low)
    x = np.linspace(low - beyond, high + beyond, 7)
    points = np.column_stack([np.full(7, np.median(X[:, 0])), x])
    mean, std = pipeline.predict(points, return_std=True)
    np.testing.assert_allclose(display.line_.get_xdata(), x)
    np.testing.assert_allclose(display.line_.get_ydata(), mean, rtol=1e-5)
    np.testing.assert_allclose(display.std, std, rtol=1e-5)
    assert display.points_.get_xdata().tolist() == X[:, 1].tolist()
    assert display.points_.get_ydata().tolist() == Y.tolist()
    assert display.ax_.get_xlabel() == "feature 1"


def labels(display):
    return [band.get_label() for band in display.bands_.values()]


def test_only_what_has_the_noise_in_it_is_an_interval(pipeline):
    display = RegressionFanDisplay.from_estimator(pipeline, X, levels=[0.5])
    assert labels(display) == ["50 % spread of members"]
    bayesian = BayesianRidge().fit(X, Y)
    assert labels(RegressionFanDisplay.from_estimator(bayesian, X, levels=[0.5])) == [
        "50 % interval"
    ]
    table = TabularSnapshotRegressor(M=1, n_nets=2, cv=2, max_steps=30, random_state=0).fit(X, Y)
    for uncertainty, name in (("total", "interval"), ("spread", "spread of members")):
        how = {"levels": [0.9], "uncertainty": uncertainty}
        display = RegressionFanDisplay.from_estimator(table, X, **how)
        assert labels(display) == [f"90 % {name}"]


def test_intervals_are_those_of_a_normal_distribution():
    display = RegressionFanDisplay(x=[0, 1], mean=[1, 1], std=[2, 2], levels=[0.5, 0.95]).plot()
    assert list(display.bands_) == [0.95, 0.5]
    np.testing.assert_allclose(edges(display.bands_[0.95]), [1 - 2 * 1.96, 1 + 2 * 1.96], rtol=1e-3)
    np.testing.assert_allclose(edges(display.bands_[0.5]), [1 - 1.349, 1 + 1.349], rtol=1e-3)
    assert display.points_ is None


def test_the_spread_of_members_may_be_shown_alone(pipeline):
    display = RegressionFanDisplay.from_estimator(pipeline, X, uncertainty="spread", n_points=5)
    total = RegressionFanDisplay.from_estimator(pipeline, X, n_points=5)
    np.testing.assert_allclose(display.std, total.std)
    with pytest.raises(InvalidParameterError, match="uncertainty must be 'total' or 'spread'"):
        RegressionFanDisplay.from_estimator(pipeline, X, uncertainty="noise")


def test_columns_of_a_table_are_taken_by_name_and_regressors_of_others():
    table = pd.DataFrame(X, columns=["age", "height"])
    ridge = BayesianRidge().fit(table, Y)
    display = RegressionFanDisplay.from_estimator(ridge, table, feature="height")
    assert display.ax_.get_xlabel() == "height"
    assert RegressionFanDisplay.from_estimator(ridge, table, feature=0).feature_name == "age"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feature": 2}, r"feature must be an int in 0..1, got 2"),
        ({"feature": "age"}, "feature must be an int for an array, got 'age'"),
        ({"uncertainty": "all"}, "uncertainty must be one of"),
        ({"levels": [1.0]}, "levels must be a finite number > 0 and < 1, got 1.0"),
        ({"X": [["a"]]}, "X must be a table of numbers"),
        ({"estimator": LinearRegression().fit(X, Y)}, "predict takes return_std"),
        (
            {"estimator": BayesianRidge().fit(X, Y), "uncertainty": "spread"},
            "uncertainty must be 'total' for what is no ensemble of ours, got 'spread'",
        ),
        ({"estimator": LogisticRegression()}, "estimator must be a regressor, got Logistic"),
    ],
)
def test_bad_arguments_are_refused(pipeline, change, message):
    with pytest.raises(InvalidParameterError, match=message):
        RegressionFanDisplay.from_estimator(**({"estimator": pipeline, "X": X} | change))


def test_several_targets_are_refused():
    net = NetRegressor(module__hidden_units=(2,), max_epochs=10, batch_size=16)
    both = SnapshotEnsembleRegressor(net, M=1, random_state=0).fit(X, np.stack([Y, -Y], axis=1))
    with pytest.raises(InvalidParameterError, match="a regressor of one target, got one of 2"):
        RegressionFanDisplay.from_estimator(both, X)


def test_plot_draws_on_the_axes_that_are_given():
    display = RegressionFanDisplay(x=[0, 1], mean=[0, 1], std=[1, 1])
    first, second = Figure().subplots(1, 2)
    assert display.plot(first).line_.axes is first
    assert display.plot(second).line_.axes is second


def test_what_a_search_has_found_is_drawn():
    search = GridSearchCV(make_pipeline(StandardScaler(), BayesianRidge()), {}, cv=2).fit(X, Y)
    display = RegressionFanDisplay.from_estimator(search, X, n_points=3)
    expected = RegressionFanDisplay.from_estimator(search.best_estimator_, X, n_points=3)
    assert display.mean.tolist() == expected.mean.tolist()


def test_an_error_of_predict_is_not_taken_for_another():
    class Broken(BayesianRidge):
        def predict(self, X, return_std=False):
            raise TypeError("broken within")

    with pytest.raises(TypeError, match="broken within"):
        RegressionFanDisplay.from_estimator(Broken().fit(X, Y), X)


def test_tables_with_categories_and_missing_values_are_drawn():
    kinds = np.where(np.arange(60) % 3, "often", "seldom")
    table = pd.DataFrame({"size": X[:, 0], "kind": kinds, "height": X[:, 1]})
    table.loc[:3, "size"] = np.nan
    small = {"M": 1, "max_cycles": 1, "n_nets": 2, "cv": 2, "max_steps": 20, "hidden_units": (4,)}
    ensemble = TabularSnapshotRegressor(**small, random_state=0).fit(table, Y)
    display = RegressionFanDisplay.from_estimator(ensemble, table, Y, feature="size", n_points=3)
    held = {"kind": "often", "height": table["height"].median()}
    mean, std = ensemble.predict(pd.DataFrame({"size": display.x} | held), return_std=True)
    np.testing.assert_allclose(display.mean, mean, rtol=1e-5)
    np.testing.assert_allclose(display.std, std, rtol=1e-5)
    assert np.isfinite(display.mean).all()


def test_predictions_of_any_origin_are_drawn_in_order():
    display = RegressionFanDisplay.from_predictions([2, 0, 1], [5, 3, 4], [0.5, 0.3, 0.4])
    assert display.line_.get_xdata().tolist() == [0, 1, 2]
    assert display.line_.get_ydata().tolist() == [3, 4, 5]
    assert display.std.tolist() == [0.3, 0.4, 0.5]
    with pytest.raises(InvalidParameterError, match=r"mean must be of shape .*\(2,\), got \(1,\)"):
        RegressionFanDisplay.from_predictions([0, 1], [1], [1, 1])
    with pytest.raises(InvalidParameterError, match="std must be >= 0 everywhere"):
        RegressionFanDisplay.from_predictions([0, 1], [1, 1], [1, -1])
