"""Small cross-fitted ensembles, and rows for them."""

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.datasets import make_classification

from skensemble import (
    CrossFittedEnsembleClassifier,
    CrossFittedEnsembleRegressor,
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)

SMALL = {"module__hidden_units": (8,), "max_epochs": 12, "batch_size": 32}


def classifier(net=None, M=3, method=SnapshotEnsembleClassifier, of_method=None, **parameters):
    """Give a cross-fitted ensemble of small nets that are trained by a method."""
    net = NetClassifier(**(SMALL | (net or {}))) if net is None or type(net) is dict else net
    method = method(net, M=M, **(of_method or {}))
    return CrossFittedEnsembleClassifier(
        method, **({"n_nets": 4, "cv": 2, "random_state": 0} | parameters)
    )


def regressor(net=None, M=3, **parameters):
    """Give a cross-fitted ensemble of small regressor nets."""
    method = SnapshotEnsembleRegressor(NetRegressor(**(SMALL | (net or {}))), M=M)
    return CrossFittedEnsembleRegressor(
        method, **({"n_nets": 4, "cv": 2, "random_state": 0} | parameters)
    )


def answers(ensemble, X):
    """Give probabilities or values."""
    return ensemble.predict_proba(X) if is_classifier(ensemble) else ensemble.predict(X)


def left_out(n_rows, n_folds):
    """Give splits in which row i is left out by net ``i % n_folds``."""
    fold = np.arange(n_rows) % n_folds
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


@pytest.fixture
def hard():
    """Give rows of two classes that overlap, to train on and fresh ones."""
    X, y = make_classification(4400, 8, n_informative=5, flip_y=0.2, class_sep=0.7, random_state=0)
    X = X.astype(np.float32)
    return (X[:400], y[:400]), (X[400:], y[400:])
