"""Pipelines, searches, routed metadata and scikit-learn's callbacks around an ensemble."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.callback import ScoringMonitor
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skensemble import SnapshotEnsembleClassifier


def monitor_of(ensemble):
    """Make a monitor of the ensemble's own score."""
    return ScoringMonitor(scoring=["accuracy" if is_classifier(ensemble) else "r2"])


def logged(monitor, task):
    """Give the scores that were logged for a task."""
    log = monitor.get_logs().data
    return [row.get("accuracy", row.get("r2")) for row in log if row["task_name"] == task]


def step_name(ensemble):
    return type(ensemble).__name__.lower()


@pytest.mark.slow
def test_a_search_over_the_ensemble_and_its_net_in_two_processes(make_snapshot, data):
    pipeline = make_pipeline(StandardScaler(), make_snapshot())
    name = step_name(make_snapshot())
    grid = [
        {f"{name}__M": [2, 4], f"{name}__alpha_zero": [0.05, 0.1]},
        {f"{name}__m": [1, 2], f"{name}__estimator__batch_size": [16]},
        {f"{name}__estimator__module__hidden_units": [(4,), (4, 4)]},
    ]
    with warnings.catch_warnings():
        # The workers of joblib may leave their pool late on a busy machine.
        warnings.filterwarnings("ignore", "A worker stopped")
        two = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(*data)
    one = GridSearchCV(pipeline, grid, cv=2, n_jobs=1).fit(*data)
    assert len(two.cv_results_["params"]) == 4 + 2 + 2
    assert (two.cv_results_["mean_test_score"] == one.cv_results_["mean_test_score"]).all()
    assert len(set(two.cv_results_["mean_test_score"])) > 4
    assert two.predict(data[0]).shape == data[1].shape


def test_a_search_over_the_ensemble_and_its_net(make_ensemble, data):
    ensemble = make_ensemble()
    few = next(name for name in ("M", "n_averaged") if name in ensemble.get_params(deep=False))
    grid = {few: [2, 3], "estimator__batch_size": [16]}
    search = GridSearchCV(ensemble, grid, cv=2).fit(*data)
    first = clone(ensemble).set_params(**search.cv_results_["params"][0])
    direct = cross_val_score(first, *data, cv=2)
    assert search.cv_results_["split0_test_score"][0] == direct[0]
    assert search.predict(data[0]).shape == data[1].shape


def test_cross_validation(make_ensemble, data):
    scores = cross_val_score(make_pipeline(StandardScaler(), make_ensemble()), *data, cv=3)
    # By chance a third of the irises is right, and R squared is 0.
    assert scores.min() > (0.6 if is_classifier(make_ensemble()) else 0.3)


def test_a_search_over_m_alone_and_fixed_seeds_trains_the_same_members(make_snapshot, data):
    search = GridSearchCV(make_snapshot(), {"m": [1, 3]}, cv=2).fit(*data)
    folds = cross_validate(make_snapshot(m=1), *data, cv=2)
    assert search.cv_results_["split0_test_score"][0] == folds["test_score"][0]


def test_data_frames_keep_their_names(make_snapshot, data):
    X, y = data
    frame = pd.DataFrame(X, columns=[f"feature {k}" for k in range(X.shape[1])])
    ensemble = make_snapshot().fit(frame, pd.Series(y))
    assert ensemble.feature_names_in_.tolist() == list(frame.columns)
    assert (ensemble.predict(frame) == make_snapshot().fit(X, y).predict(X)).all()
    with pytest.raises(ValueError, match="feature names should match"):
        ensemble.predict(frame[frame.columns[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        ensemble.predict(X)


def test_mixed_columns_go_through_a_column_transformer(make_classifier, iris):
    X, y = iris
    frame = pd.DataFrame({"length": X[:, 0], "colour": np.where(X[:, 1] > 0, "red", "?")})
    columns = make_column_transformer((StandardScaler(), ["length"]), (OneHotEncoder(), ["colour"]))
    labels = np.array(["no", "yes"])[(y > 0).astype(int)]
    pipeline = make_pipeline(columns, make_classifier()).fit(frame, labels)
    assert pipeline.score(frame, labels) > 0.8


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_validation_rows_are_routed_and_transformed_by_a_pipeline(make_snapshot, data):
    X, y = data[0] * 100 + 5, data[1]
    with config_context(enable_metadata_routing=True):
        ensemble = make_snapshot().set_fit_request(X_val=True, y_val=True, sample_weight=True)
        pipeline = make_pipeline(StandardScaler(), ensemble, transform_input=["X_val"])
        pipeline[0].set_fit_request(sample_weight=False)
        routed = {"X_val": X[::3], "y_val": y[::3], "sample_weight": np.ones(len(X))}
        pipeline.fit(X, y, **routed)
    expected = pipeline[-1].score(pipeline[0].transform(X[::3]), y[::3])
    assert pipeline[-1].validation_scores_[-1] == pytest.approx(expected, abs=1e-6)


def test_weights_are_routed_through_a_search(make_snapshot, data):
    X, y = data
    weight = np.linspace(0.1, 2, len(X))
    with config_context(enable_metadata_routing=True):
        ensemble = make_snapshot().set_fit_request(sample_weight=True)
        ensemble.set_score_request(sample_weight=True)
        search = GridSearchCV(ensemble, {"m": [1, 2]}, cv=2).fit(X, y, sample_weight=weight)
    direct = make_snapshot(**search.best_params_).fit(X, y, sample_weight=weight)
    assert (search.best_estimator_.predict(X) == direct.predict(X)).all()


def test_a_scoring_monitor_records_the_ensemble_so_far(make_ensemble, data):
    X, y = data
    monitor = monitor_of(make_ensemble())
    ensemble = make_ensemble().set_callbacks(monitor).fit(X, y)
    members = logged(monitor, "member")
    assert len(members) == ensemble._n_members()
    for k, score in enumerate(members, start=1):
        first = make_ensemble().fit(X, y)
        first.members_, first._predictor_.members = (
            first.members_[:k],
            first._predictor_.members[:k],
        )
        assert score == pytest.approx(first.score(X, y), abs=1e-6)
    assert logged(monitor, "fit") == pytest.approx([ensemble.score(X, y)])


def test_a_monitor_sees_names_labels_and_weights_as_they_were_given(make_classifier, iris):
    X, y = iris
    frame, labels = pd.DataFrame(X, columns=list("abcd")), np.array(["x", "y", "z"])[y]
    monitor = ScoringMonitor(scoring="neg_log_loss")
    weight = np.linspace(1, 2, 150)
    make_classifier().set_callbacks(monitor).fit(frame, labels, sample_weight=weight)
    assert len(monitor.get_logs().data) == 3 + 1


def test_a_monitor_works_in_a_pipeline(make_snapshot, data):
    monitor = monitor_of(make_snapshot())
    ensemble = make_snapshot().set_callbacks(monitor)
    make_pipeline(StandardScaler(), ensemble).fit(*data)
    assert len(logged(monitor, "member")) == 3


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_monitor_works_in_a_search(make_snapshot, data, n_jobs):
    monitor = monitor_of(make_snapshot())
    pipeline = make_pipeline(StandardScaler(), make_snapshot().set_callbacks(monitor))
    grid = {f"{step_name(make_snapshot())}__M": [2, 3]}
    GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs, refit=False).fit(*data)
    assert len(logged(monitor, "member")) == 2 * (2 + 3)


def test_the_untouched_default_is_good_out_of_the_box(iris):
    X, y = iris
    assert cross_val_score(SnapshotEnsembleClassifier(random_state=0), X, y).mean() > 0.94
