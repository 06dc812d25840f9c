"""What tests of displays share: fitted ensembles, and figures that are closed."""

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from skensemble import (
    CrossFittedEnsembleClassifier,
    NetClassifier,
    SnapshotEnsembleClassifier,
)

mpl.use("agg")


@pytest.fixture(autouse=True)
def _closed():
    """Close the figures of a test."""
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


@pytest.fixture(scope="session")
def net():
    return NetClassifier(module__hidden_units=(8,), max_epochs=12, batch_size=16)


@pytest.fixture(scope="session")
def rows():
    """Rows to train on, their labels, and others."""
    X, y = load_iris(return_X_y=True)
    X = scale(X).astype(np.float32)
    return X[::2], y[::2], X[1::2], y[1::2]


@pytest.fixture(scope="session")
def snapshots(net, rows):
    """Three snapshots, equally weighted."""
    return SnapshotEnsembleClassifier(net, M=3, random_state=0).fit(*rows[:2])


@pytest.fixture(scope="session")
def weighted(net, rows):
    """Three snapshots, weighted by validation rows."""
    ensemble = SnapshotEnsembleClassifier(
        net, M=3, weights="validation", validation_fraction=0.3, random_state=1
    )
    return ensemble.fit(*rows[:2])


@pytest.fixture(scope="session")
def cross_fitted(net, rows):
    """Two nets of three snapshots each."""
    method = SnapshotEnsembleClassifier(net, M=3)
    return CrossFittedEnsembleClassifier(method, n_nets=2, cv=2, random_state=0).fit(*rows[:2])
