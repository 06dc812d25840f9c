"""Images in ensembles: bytes, axes in both orders, members in the format of their net."""

import pickle

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn

from skensemble import (
    CrossFittedEnsembleClassifier,
    NetClassifier,
    SnapshotEnsembleClassifier,
    SWAClassifier,
)
from skensemble.augmentation import RandomCrop, RandomFlip
from skensemble.modules import ChannelScaling


class Scaled(nn.Sequential):
    """A small module that learns mean and deviation of the channels with its sizes."""

    def __init__(self, n_outputs=2, n_channels=3, channel_mean=None, channel_std=None):
        scaling = nn.Identity()
        if channel_mean is not None:
            scaling = ChannelScaling(channel_mean, channel_std)
        layers = nn.Conv2d(n_channels, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2)
        end = nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, n_outputs)
        super().__init__(scaling, *layers, *end)


def images(n=40):
    """Make images of bytes, of which every other one is brighter above."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 128, (n, 3, 6, 7), dtype=np.uint8)
    y = np.arange(n) % 2
    X[y == 1, :, :3] += 100
    return X, y


def statistics(X):
    mean, std = X.mean((0, 2, 3)), X.std((0, 2, 3))
    return {"module__channel_mean": tuple(mean), "module__channel_std": tuple(std)}


def output(ensemble, X):
    return getattr(ensemble, "predict_proba", ensemble.predict)(X)


def on_images(make_ensemble, **arguments):
    """Make an ensemble of small nets for images, of the method that is asked for."""
    ensemble = make_ensemble()
    arguments = {"max_epochs": 20, "batch_size": 16} | arguments
    return ensemble.set_params(estimator=type(ensemble.estimator)(Scaled, **arguments))


def test_bytes_are_taken_as_their_floats_are_by_each_method(make_ensemble):
    X, y = images()
    ensemble = on_images(make_ensemble).fit(X, y)
    floats = on_images(make_ensemble, **statistics(X)).fit(X.astype(np.float32), y)
    expected = output(floats, X.astype(np.float32))
    assert (output(ensemble, X) == expected).all()
    last = np.ascontiguousarray(X.transpose(0, 2, 3, 1))
    assert (output(ensemble, last) == expected).all()
    assert (output(pickle.loads(pickle.dumps(ensemble)), X) == expected).all()


A_FEW = pytest.mark.parametrize(
    "make_ensemble", ["SnapshotEnsembleClassifier", "SWAGRegressor"], indirect=True
)
"""One method of members that were trained, and one of members that are drawn."""


@A_FEW
def test_bytes_are_read_in_the_precision_of_the_members(make_ensemble):
    X, y = images()
    ensemble = on_images(make_ensemble, precision="float64").fit(X, y)
    assert output(ensemble, X).dtype == np.float64
    assert (output(ensemble, X) == output(ensemble, X.astype(np.float64))).all()


@A_FEW
def test_images_are_changed_at_random_in_a_training(make_ensemble):
    X, y = images()
    both = [RandomCrop(1), RandomFlip()]
    plain, one, same = (
        output(on_images(make_ensemble, augment=augment).fit(X, y), X)
        for augment in (None, both, both)
    )
    assert (one == same).all()
    assert not np.allclose(one, plain, rtol=1e-3)


def test_bytes_are_held_once_through_a_fit():
    X, y = images()
    held = []

    class Watched(NetClassifier):
        def get_dataset(self, X, y=None):
            held.append(X)
            return super().get_dataset(X, y)

    net = Watched(Scaled, max_epochs=8, batch_size=16)
    SnapshotEnsembleClassifier(net, M=2, alpha_zero=0.05, random_state=0).fit(X, y)
    assert held
    assert all(np.shares_memory(rows, X) for rows in held)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_stock_net_of_skorch_gets_floats(dtype):
    X, y = images()
    net = NeuralNetClassifier(Scaled, criterion=nn.CrossEntropyLoss, train_split=None, verbose=0)
    net.set_params(max_epochs=10, batch_size=16, iterator_train__shuffle=True)
    ensemble = SnapshotEnsembleClassifier(net, M=2, alpha_zero=1e-4, random_state=0)
    floats = ensemble.fit(X.astype(np.float32), y).predict_proba(X.astype(np.float32))
    assert (ensemble.fit(X.astype(dtype), y).predict_proba(X.astype(dtype)) == floats).all()


def test_validation_rows_and_held_out_rows_may_be_bytes():
    X, y = images(96)
    net = NetClassifier(Scaled, max_epochs=8, batch_size=16)
    arguments = {"M": 2, "alpha_zero": 0.05, "random_state": 0, "m": "auto"}
    ensemble = SnapshotEnsembleClassifier(net, **arguments).fit(
        X[:64], y[:64], X_val=X[64:], y_val=y[64:]
    )
    other = SnapshotEnsembleClassifier(net, **arguments)
    other.fit(X[:64], y[:64], X_val=X[64:].transpose(0, 2, 3, 1), y_val=y[64:])
    assert (ensemble.predict_proba(X) == other.predict_proba(X)).all()
    fitted = SnapshotEnsembleClassifier(net, validation_fraction=0.25, **arguments).fit(X, y)
    assert fitted.score(X, y) > 0.6


def test_cross_fitted_nets_and_nets_side_by_side_take_bytes():
    X, y = images()
    net = NetClassifier(Scaled, max_epochs=8, batch_size=16, augment=RandomFlip())
    for lockstep in (False, True):
        inner = SnapshotEnsembleClassifier(net, M=2, alpha_zero=0.05)
        ensemble = CrossFittedEnsembleClassifier(inner, random_state=0, cv=2, lockstep=lockstep)
        proba = ensemble.fit(X, y).predict_proba(X)
        assert torch.isfinite(torch.tensor(proba)).all()


DRAWN = []


class Counted(RandomFlip):
    """Flips, which note how many images they are drawn for."""

    def draw(self, n_images, shape, generator):
        DRAWN.append(n_images)
        return super().draw(n_images, shape, generator)


def test_statistics_are_refreshed_with_images_that_are_changed_as_in_training():
    X, y = images()
    net = NetClassifier(Scaled, max_epochs=8, batch_size=8, augment=Counted())
    DRAWN.clear()
    SWAClassifier(net, n_averaged=5, random_state=0).fit(X, y)
    # Eight epochs, and one pass for the statistics of the mean.
    assert 9 * [len(X)] == DRAWN
