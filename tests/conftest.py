"""Data and estimators that many tests use."""

from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import scale

from skensemble import (
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)

SMALL = {"module__hidden_units": (8,), "max_epochs": 20}

SMALL_ENSEMBLES = {
    "SnapshotEnsembleClassifier": partial(
        SnapshotEnsembleClassifier, NetClassifier(**SMALL), M=3, random_state=0
    ),
    "SnapshotEnsembleRegressor": partial(
        SnapshotEnsembleRegressor, NetRegressor(**SMALL), M=3, random_state=0
    ),
}
"""Every ensemble, quick to fit; the tests of the contract run over all of them."""


@pytest.fixture
def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X).astype(np.float32), y


@pytest.fixture
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X).astype(np.float32), y


@pytest.fixture(params=SMALL_ENSEMBLES)
def make_ensemble(request):
    """Give a function that makes an ensemble from keywords that differ from the small ones."""
    return SMALL_ENSEMBLES[request.param]


@pytest.fixture
def make_classifier():
    return SMALL_ENSEMBLES["SnapshotEnsembleClassifier"]


@pytest.fixture
def make_regressor():
    return SMALL_ENSEMBLES["SnapshotEnsembleRegressor"]


@pytest.fixture
def data(make_ensemble, iris, diabetes):
    """Give rows and targets that suit the ensemble."""
    return iris if hasattr(make_ensemble.func, "predict_proba") else diabetes
