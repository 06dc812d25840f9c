"""Data and estimators that many tests use."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import scale

from skensemble import (
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)

SMALL = {
    "module__hidden_units": (8,),
    "module__activation": "relu",
    "max_epochs": 20,
    "batch_size": 32,
    "optimizer__weight_decay": 1e-4,
}


def _small(ensemble, net, **parameters):
    """Make an ensemble that is quick to fit, from parameters that differ from the small ones."""
    return ensemble(**({"estimator": net(**SMALL), "M": 3, "random_state": 0} | parameters))


SMALL_ENSEMBLES = {
    "SnapshotEnsembleClassifier": partial(_small, SnapshotEnsembleClassifier, NetClassifier),
    "SnapshotEnsembleRegressor": partial(_small, SnapshotEnsembleRegressor, NetRegressor),
}
"""Every ensemble; the tests of the contract run over all of them."""


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
    return iris if is_classifier(make_ensemble()) else diabetes
