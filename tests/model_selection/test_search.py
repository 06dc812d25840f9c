"""Searches in lock-step, held against those of scikit-learn."""

import re
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skensemble import (
    DeepEnsembleClassifier,
    InvalidParameterError,
    LockstepGridSearchCV,
    LockstepRandomizedSearchCV,
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)
from skensemble.model_selection._search import check_names

NET = NetClassifier(module__hidden_units=(8,), max_epochs=24, batch_size=32, device="cpu")
ENSEMBLE = SnapshotEnsembleClassifier(NET, M=2, random_state=0)
GRID = {"M": [2, 4], "alpha_zero": [0.05, 0.2], "m": [1, None]}
TIMES = {"mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time"}


def assert_same_search(one, other):
    assert one.cv_results_.keys() == other.cv_results_.keys()
    for name in one.cv_results_.keys() - TIMES:
        if "_test_" in name or "_train_" in name:
            np.testing.assert_allclose(one.cv_results_[name], other.cv_results_[name], atol=1e-5)
        else:
            assert list(one.cv_results_[name]) == list(other.cv_results_[name])
    assert one.best_params_ == other.best_params_
    assert one.best_index_ == other.best_index_
    assert one.n_splits_ == other.n_splits_


def test_scores_are_those_of_separate_fits(iris):
    settings = {"cv": 4, "scoring": "neg_log_loss", "return_train_score": True}
    one = LockstepGridSearchCV(ENSEMBLE, GRID, **settings).fit(*iris)
    other = GridSearchCV(ENSEMBLE, GRID, **settings).fit(*iris)
    assert_same_search(one, other)
    np.testing.assert_array_equal(one.predict_proba(iris[0]), other.predict_proba(iris[0]))
    # Two values of m share a training: 4 candidates of 4 folds.
    assert one.lockstep_report_.groups == [{"engine": "closed form", "n_nets": 16, "n_fits": 32}]
    assert not one.lockstep_report_.alone


def test_a_pipeline_is_fitted_on_each_fold(iris):
    model = make_pipeline(StandardScaler(), ENSEMBLE)
    grid = {f"snapshotensembleclassifier__{name}": values for name, values in GRID.items()}
    grid["standardscaler__with_std"] = [True, False]
    one = LockstepGridSearchCV(model, grid, cv=3).fit(*iris)
    assert_same_search(one, GridSearchCV(model, grid, cv=3).fit(*iris))
    assert one.lockstep_report_.groups[0]["n_nets"] == 24


def test_several_scorers_and_a_refit_by_one(iris):
    settings = {"cv": 3, "scoring": ["accuracy", "neg_log_loss"], "refit": "neg_log_loss"}
    one = LockstepGridSearchCV(ENSEMBLE, GRID, **settings).fit(*iris)
    assert_same_search(one, GridSearchCV(ENSEMBLE, GRID, **settings).fit(*iris))
    assert one.multimetric_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_a_candidate_that_diverges_gets_the_error_score(iris):
    grid = {"alpha_zero": [0.1, 1e30], "M": [2, 4]}
    settings = {"cv": 3, "error_score": -1.0}
    one = LockstepGridSearchCV(ENSEMBLE, grid, **settings).fit(*iris)
    assert_same_search(one, GridSearchCV(ENSEMBLE, grid, **settings).fit(*iris))
    assert (one.cv_results_["mean_test_score"] == -1).sum() == 2


def test_errors_are_raised_where_that_is_asked_for(iris):
    search = LockstepGridSearchCV(ENSEMBLE, {"alpha_zero": [0.1, 1e30]}, error_score="raise", cv=3)
    with pytest.raises(ValueError, match="Training diverged"):
        search.fit(*iris)


def test_draws_of_candidates_are_those_of_scikit_learn(iris):
    candidates = {"alpha_zero": loguniform(0.01, 0.3), "M": [2, 3, 4]}
    settings = {"n_iter": 5, "cv": 3, "random_state": 0, "scoring": "neg_log_loss"}
    one = LockstepRandomizedSearchCV(ENSEMBLE, candidates, **settings).fit(*iris)
    assert_same_search(one, RandomizedSearchCV(ENSEMBLE, candidates, **settings).fit(*iris))
    assert one.lockstep_report_.groups[0]["n_nets"] == 15


def test_weights_reach_the_folds(iris):
    weight = np.linspace(0, 2, 150)
    one, other = (
        search(ENSEMBLE, {"alpha_zero": [0.05, 0.2]}, cv=3).fit(*iris, sample_weight=weight)
        for search in (LockstepGridSearchCV, GridSearchCV)
    )
    assert_same_search(one, other)


def test_regressors(diabetes):
    net = NetRegressor(module__hidden_units=(8,), max_epochs=10, batch_size=64, device="cpu")
    ensemble = SnapshotEnsembleRegressor(net, M=2, random_state=0)
    grid = {"alpha_zero": [0.01, 0.05], "estimator__optimizer__weight_decay": [0.0, 0.01]}
    one = LockstepGridSearchCV(ensemble, grid, cv=3).fit(*diabetes)
    assert_same_search(one, GridSearchCV(ensemble, grid, cv=3).fit(*diabetes))
    assert one.lockstep_report_.groups[0]["n_nets"] == 12


def test_other_architectures_in_one_grid(iris):
    grid = {"estimator__module__hidden_units": [(4,), (8, 4)], "estimator__batch_size": [16, 32]}
    one = LockstepGridSearchCV(ENSEMBLE, grid, cv=3).fit(*iris)
    assert_same_search(one, GridSearchCV(ENSEMBLE, grid, cv=3).fit(*iris))
    assert [group["n_nets"] for group in one.lockstep_report_.groups] == [3, 3, 3, 3]


def test_estimators_that_train_no_net_are_searched_as_by_scikit_learn(iris):
    model = LogisticRegression(max_iter=500)
    one = LockstepGridSearchCV(model, {"C": [0.1, 1.0]}, cv=3).fit(*iris)
    assert_same_search(one, GridSearchCV(model, {"C": [0.1, 1.0]}, cv=3).fit(*iris))
    assert not one.lockstep_report_.groups


def test_callbacks_hear_what_they_hear_in_separate_fits(iris):
    logs = []
    for search in (LockstepGridSearchCV, GridSearchCV):
        monitor = ScoringMonitor(scoring=["accuracy"])
        model = make_pipeline(StandardScaler(), clone(ENSEMBLE).set_callbacks(monitor))
        grid = {"snapshotensembleclassifier__M": [2, 3]}
        search(model, grid, cv=2, refit=False).fit(*iris)
        logs.append(sorted((r["task_name"], r["accuracy"]) for r in monitor.get_logs().data))
    assert len(logs[0]) == 2 * (2 + 3) + 4
    assert logs[0] == logs[1]


def test_messages_are_those_of_scikit_learn(iris, capsys):
    told = []
    for search in (LockstepGridSearchCV, GridSearchCV):
        search(ENSEMBLE, {"M": [2, 3]}, cv=2, refit=False, verbose=3).fit(*iris)
        lines = capsys.readouterr().out.splitlines()
        # Times differ.
        told.append(sorted(re.sub(r"total time=.*", "", line) for line in lines))
    assert len(told[0]) == 5
    assert told[0] == told[1]


def test_a_search_is_cloned_with_its_arguments():
    search = LockstepGridSearchCV(ENSEMBLE, GRID, cv=3, memory_bytes=10**6)
    assert clone(search).get_params()["memory_bytes"] == 10**6
    theirs = GridSearchCV(ENSEMBLE, GRID).get_params(deep=False).keys()
    assert search.get_params(deep=False).keys() == theirs | {"memory_bytes"}


def test_memory_that_is_none_is_refused(iris):
    with pytest.raises(ValueError, match=r"'memory_bytes' parameter .* must be an int"):
        LockstepGridSearchCV(ENSEMBLE, GRID, memory_bytes=0).fit(*iris)


@pytest.mark.parametrize(
    "settings",
    # To start two processes takes seconds.
    [{"lockstep": False}, pytest.param({"n_jobs": 2}, marks=pytest.mark.slow), {}],
)
def test_a_search_over_deep_ensembles_is_refitted(iris, settings):
    ensemble = DeepEnsembleClassifier(NET, M=2, random_state=0, **settings)
    grid = {"alpha_zero": [0.1, 0.2]}
    one, other = (
        search(ensemble, grid, cv=2).fit(*iris) for search in (LockstepGridSearchCV, GridSearchCV)
    )
    # float32, in another order of sums.
    np.testing.assert_allclose(one.predict_proba(iris[0]), other.predict_proba(iris[0]), atol=1e-5)


class Untrainable(NetClassifier):
    """A net that tells of each fit by failing."""

    def fit_loop(self, *args, **kwargs):
        """Fail."""
        raise RuntimeError("a fit was begun")


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ({"estimator__module__hiden_units": [(3,)]}, r"estimator__module__hidden_units=\(3,\)"),
        ({"n_estimators": [3]}, "M=3"),
        ({"estimator": [Untrainable(nn.Linear)], "estimator__module__hidden_units": [3]}, "Valid"),
    ],
)
def test_a_misspelt_name_is_found_before_the_first_fit(iris, last, message):
    ensemble = SnapshotEnsembleClassifier(Untrainable())
    with pytest.raises(InvalidParameterError, match=f"Invalid parameter .*{message}"):
        LockstepGridSearchCV(ensemble, [{"M": [2, 3]}, last], cv=2).fit(*iris)
    with pytest.raises(InvalidParameterError, match=f"Invalid parameter .*{message}"):
        LockstepRandomizedSearchCV(ensemble, [last], n_iter=1, cv=2).fit(*iris)


class Counted(SnapshotEnsembleClassifier):
    """Counts how often names are looked at."""

    seen: ClassVar[list] = []

    def set_params(self, **params):
        """Set, and count."""
        self.seen.append(sorted(params))
        return super().set_params(**params)


def test_names_are_looked_at_once_for_each_set_of_them():
    modules = [nn.Linear, nn.Bilinear]
    candidates = [{"M": M} for M in range(2, 9)] + [{"M": 2, "m": 1}]
    candidates += [{"estimator": NetClassifier(module)} for module in modules]
    Counted.seen.clear()
    check_names(Counted(), candidates)
    assert Counted.seen == [["M"], ["M", "m"], ["estimator"], ["estimator"]]
