"""Data and estimators that many tests use."""

import signal
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import is_classifier
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import scale

from skensemble import ensembles

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"

SMALL = {
    "module__hidden_units": (8,),
    "module__activation": "relu",
    "max_epochs": 20,
    "batch_size": 32,
    "optimizer__weight_decay": 1e-4,
}

FEW = {"M": 3, "samples_per_cycle": 1, "n_averaged": 5}
"""Parameters, where an ensemble has them, that make it quick to fit and give three members."""


TABULAR = {"M": 2, "max_cycles": 1, "n_nets": 2, "cv": 2, "max_steps": 60, "hidden_units": 8}
"""Those of ensembles that take tables as they come."""


def _small(ensemble, **parameters):
    """Make an ensemble that is quick to fit, from parameters that differ from the small ones."""
    if ensemble.__name__ in ensembles.tabular.__all__:
        return ensemble(**(TABULAR | {"random_state": 0} | parameters))
    if hasattr(ensemble, "_default_method"):
        method = _small(ensemble._default_method, M=2, random_state=None)
        return ensemble(
            **({"estimator": method, "n_nets": 2, "cv": 2, "random_state": 0} | parameters)
        )
    few = {name: n for name, n in FEW.items() if name in ensemble().get_params(deep=False)}
    net = ensemble._default_net(**(SMALL | ensemble._default_parameters))
    return ensemble(**({"estimator": net, "random_state": 0} | few | parameters))


SMALL_ENSEMBLES = {
    name: partial(_small, getattr(ensembles, name)) for name in sorted(ensembles.methods.__all__)
}
"""Every method."""

ALL_SMALL = SMALL_ENSEMBLES | {
    name: partial(_small, getattr(ensembles, name))
    for name in (*ensembles.cross_fitted.__all__, *ensembles.tabular.__all__)
}
"""Every ensemble, also those that are built of others: the contract holds for all of them."""

SEVERAL = [name for name, make in SMALL_ENSEMBLES.items() if make()._n_members() > 1]
"""Those of more than one member."""


@pytest.fixture(autouse=True, scope="session")
def interruptible():
    """Let SIGINT raise KeyboardInterrupt, also where the tests run in the background.

    A shell that starts a job in the background has it ignore SIGINT.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def script():
    """Give a function that imports a script as scripts import each other: by its bare name."""
    n_threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield import_module
    torch.set_num_threads(n_threads)


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


@pytest.fixture(params=ALL_SMALL)
def make_any(request):
    """Give a function that makes a method's ensemble or one that is built of ensembles."""
    return ALL_SMALL[request.param]


@pytest.fixture(params=SEVERAL)
def make_several(request):
    """Give a function that makes an ensemble of more than one member."""
    return SMALL_ENSEMBLES[request.param]


@pytest.fixture(params=["SnapshotEnsembleClassifier", "SnapshotEnsembleRegressor"])
def make_snapshot(request):
    """Give a function that makes a snapshot ensemble."""
    return SMALL_ENSEMBLES[request.param]


@pytest.fixture
def make_classifier():
    return SMALL_ENSEMBLES["SnapshotEnsembleClassifier"]


@pytest.fixture
def make_regressor():
    return SMALL_ENSEMBLES["SnapshotEnsembleRegressor"]


@pytest.fixture
def data(request, iris, diabetes):
    """Give rows and targets that suit the ensemble of the test."""
    makers = {"make_any", "make_ensemble", "make_several", "make_snapshot"}
    makers &= set(request.fixturenames)
    make = request.getfixturevalue(makers.pop())
    return iris if is_classifier(make()) else diabetes
