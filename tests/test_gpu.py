"""What needs a CUDA device: run with ``pytest -m gpu``."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone, is_classifier
from torch import nn

from skensemble import (
    CrossFittedEnsembleClassifier,
    NetClassifier,
    SnapshotEnsembleClassifier,
    TabularSnapshotClassifier,
)
from skensemble.lockstep import Report, run_together
from skensemble.modules import MLP

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]


def output(ensemble, X):
    return ensemble.predict_proba(X) if is_classifier(ensemble) else ensemble.predict(X)


def on(device, make_ensemble):
    return make_ensemble(estimator=make_ensemble().estimator.set_params(device=device))


def test_auto_takes_the_gpu(make_ensemble, data):
    ensemble = make_ensemble().fit(*data)
    assert ensemble._predictor_.device.type == "cuda"
    assert next(ensemble._predictor_.members[0].parameters()).is_cuda


NOISY = ("CyclicalSGLD", "MCDropout", "KFACLaplace", "Variational")
"""Methods that draw on the device where they train: another generator, other numbers."""


def test_the_gpu_gives_what_the_cpu_gives(make_ensemble, data):
    if type(make_ensemble()).__name__.startswith(NOISY):
        pytest.skip("the method draws on the device")
    X, y = data
    net = make_ensemble().estimator.set_params(precision="float64", device="cpu")
    cpu = output(make_ensemble(estimator=net).fit(X, y), X)
    net = make_ensemble().estimator.set_params(precision="float64", device="cuda")
    gpu = output(make_ensemble(estimator=net).fit(X, y), X)
    # Weights are drawn on the CPU, so that only sums in another order differ.
    np.testing.assert_allclose(gpu, cpu, rtol=1e-5, atol=1e-7)


def test_members_and_pickles_are_on_the_cpu(make_ensemble, data, monkeypatch):
    X, y = data
    ensemble = on("cuda", make_ensemble).fit(X, y)
    expected, blob = output(ensemble, X), pickle.dumps(ensemble)
    assert all(type(v) is np.ndarray for member in ensemble.members_ for v in member.values())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.warns(UserWarning, match="The model is put on the CPU"):
        loaded = pickle.loads(blob)
    np.testing.assert_allclose(output(loaded, X), expected, rtol=1e-3, atol=1e-5)


def test_cuda_tensors_are_rows(make_ensemble, data):
    X, y = data
    ensemble = on("cuda", make_ensemble).fit(torch.tensor(X).cuda(), torch.tensor(y).cuda())
    assert (output(ensemble, torch.tensor(X).cuda()) == output(ensemble, X)).all()


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_precisions_train(make_ensemble, data, precision):
    net = make_ensemble().estimator.set_params(precision=precision, device="cuda")
    least = 0.6 if is_classifier(make_ensemble()) else 0.3
    assert make_ensemble(estimator=net).fit(*data).score(*data) > least


def test_the_state_of_the_generator_of_the_gpu_is_left_as_found(make_ensemble, data):
    before = torch.cuda.get_rng_state()
    net = type(make_ensemble().estimator)(module__dropout=0.5, max_epochs=20, device="cuda")
    make_ensemble(estimator=net).fit(*data)
    assert torch.equal(torch.cuda.get_rng_state(), before)


def bright_squares(n):
    """Make images of 8 x 8, of which one in two has a brighter upper half."""
    y = np.arange(n) % 2
    X = np.random.default_rng(0).normal(size=(n, 3, 8, 8)).astype(np.float32)
    X[y == 1, :, :4] += 1
    return X, y


class Convolutional(nn.Sequential):
    """A module with a convolution and batch normalisation."""

    def __init__(self):
        layers = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.filterwarnings("default")  # torch's compiler warns of what it does itself
def test_convolutions_with_batch_norm_train(precision, compiled):
    X, y = bright_squares(150)
    net = NetClassifier(Convolutional, precision=precision, compile=compiled, max_epochs=20)
    net.set_params(device="cuda", batch_size=32)
    ensemble = SnapshotEnsembleClassifier(net, M=2, alpha_zero=0.1, random_state=0)
    assert ensemble.fit(X[:100], y[:100]).score(X[100:], y[100:]) > 0.9


@pytest.mark.parametrize("module", [MLP, nn.Linear])
def test_nets_in_lock_step_are_those_trained_apart(iris, module):
    X, y = iris
    of_linear = {"module__in_features": X.shape[1], "module__out_features": 3}
    arguments = {} if module is MLP else of_linear
    net = NetClassifier(module, **arguments, precision="float64", max_epochs=20, device="cuda")
    ensembles = [SnapshotEnsembleClassifier(net, M=2, random_state=seed) for seed in (0, 1)]
    report = Report()
    ended = run_together([partial(clone(e).fit, X, y) for e in ensembles], report=report)
    assert report.groups[0]["n_nets"] == 2
    for ensemble, participant in zip(ensembles, ended, strict=True):
        expected = ensemble.fit(X, y).predict_proba(X)
        np.testing.assert_allclose(participant.result.predict_proba(X), expected, atol=1e-9)


ADAMW = {
    "optimizer": torch.optim.AdamW,
    "optimizer__param_groups": [("*.bias", {"weight_decay": 0.0})],
    "module__column_scale": True,
    "module__column_dropout": 0.2,
}


@pytest.mark.parametrize("settings", [{}, ADAMW], ids=["SGD", "AdamW"])
@pytest.mark.parametrize("lockstep", [True, False])
def test_cross_fitted_nets_are_those_of_the_cpu(iris, settings, lockstep):
    X, y = iris
    proba = []
    for device in ("cpu", "cuda"):
        net = NetClassifier(max_epochs=20, batch_size=32, precision="float64", device=device)
        method = SnapshotEnsembleClassifier(net.set_params(**settings), M=2, alpha_zero=0.01)
        ensemble = CrossFittedEnsembleClassifier(
            method, n_nets=4, cv=2, lockstep=lockstep, random_state=0
        ).fit(X, y)
        proba.append(ensemble.predict_proba(X))
    # Sums in another order alone: weights, orders and masks are drawn on the CPU.
    np.testing.assert_allclose(proba[1], proba[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("settings", [{}, ADAMW], ids=["SGD", "AdamW"])
def test_products_in_bf16_train_in_lock_step(iris, settings):
    net = NetClassifier(max_epochs=20, batch_size=32, precision="bf16", device="cuda")
    rate = 0.05 if settings == {} else 0.01
    method = SnapshotEnsembleClassifier(net.set_params(**settings), M=2, alpha_zero=rate)
    ensemble = CrossFittedEnsembleClassifier(method, n_nets=4, cv=2, random_state=0)
    assert ensemble.fit(*iris).oof_score_ > 0.85


def test_members_that_are_computed_at_once_are_those_computed_apart(iris):
    X, y = iris
    ensemble = SnapshotEnsembleClassifier(NetClassifier(max_epochs=30), M=4, random_state=0)
    proba = ensemble.fit(X, y).predict_proba(X)
    assert ensemble._predictor_.stacked is not None
    ensemble._predictor_.stacked = None
    np.testing.assert_allclose(ensemble.predict_proba(X), proba, rtol=1e-3, atol=1e-5)


def numbers_and_levels(n):
    """Make a table of numbers, one of them missing here and there, and of text."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 4)).round(3), columns=list("abcd"))
    X["level"] = rng.choice(["north", "south", "west"], n)
    y = (X.a + X.b**2 + (X.level == "west") > 1).to_numpy()
    X.loc[::7, "c"] = np.nan
    return X, y


def test_tables_are_learnt_as_on_the_cpu():
    X, y = numbers_and_levels(900)
    proba = []
    for device in ("cpu", "cuda"):
        table = TabularSnapshotClassifier(M=2, max_cycles=2, n_nets=4, device=device)
        table.set_params(max_steps=200, random_state=0).fit(X[:600], y[:600])
        assert table.score(X[600:], y[600:]) > 0.9
        proba.append(table.predict_proba(X[600:]))
    # Sums of float32 in another order, over 200 steps.
    np.testing.assert_allclose(proba[1], proba[0], atol=0.05)
