"""Ensembles inside of other estimators."""

import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skensemble import SnapshotEnsembleClassifier
from skensemble._checks import InvalidParameterError
from skensemble.displays._fitted import (
    ensemble_of,
    fitted_ensemble_of,
    rows_and_ensemble,
    unwrap,
    weights_by_kind,
)


def test_the_ensemble_of_a_search_over_a_pipeline_is_found(snapshots):
    pipeline = make_pipeline(StandardScaler(), snapshots)
    search = GridSearchCV(pipeline, {})
    search.best_estimator_ = pipeline
    assert ensemble_of(search) is ensemble_of(pipeline) is ensemble_of(snapshots) is snapshots


def test_rows_go_through_pipelines_around_searches(snapshots):
    double = FunctionTransformer(lambda X: 2 * X)
    search = GridSearchCV(snapshots, {})
    search.best_estimator_ = make_pipeline(double, snapshots)
    outer = make_pipeline(double, search)
    assert rows_and_ensemble(outer, 1) == unwrap(outer, X=1) == (snapshots, 4)
    assert unwrap(outer, lambda one: one is search, 1) == (search, 2)
    assert unwrap(outer, lambda one: False, 1) == (None, 4)


@pytest.mark.parametrize("estimator", [LogisticRegression(), None])
def test_what_is_no_ensemble_is_refused(estimator):
    with pytest.raises(InvalidParameterError, match="estimator must be an ensemble of skensemble"):
        ensemble_of(estimator)


def test_what_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        fitted_ensemble_of(SnapshotEnsembleClassifier())


def test_an_ensemble_without_fitted_weights_has_equal_ones(snapshots, cross_fitted):
    assert list(weights_by_kind(snapshots)) == ["equal weights"]
    assert list(weights_by_kind(cross_fitted)) == ["equal weights", "out-of-fold weights"]
