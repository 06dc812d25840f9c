"""How often methods look at the device: as often however many batches an epoch has."""

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import (
    CyclicalSGLDClassifier,
    DeepEnsembleClassifier,
    FastGeometricEnsembleClassifier,
    NetClassifier,
    SnapshotEnsembleClassifier,
    SWAClassifier,
    SWAGClassifier,
    VariationalClassifier,
)
from tests.nets.replays import counting_looks

X = np.random.default_rng(0).normal(size=(96, 3, 2, 2)).astype(np.float32)
Y = np.arange(96) % 2


class Images(nn.Sequential):
    """A convolution with batch normalisation."""

    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
        self.append(nn.Linear(4, 2))


def looks_of(ensemble, batch_size, X=X, weight=None, **settings):
    """Count the looks of a fit of five epochs."""
    net = NetClassifier(max_epochs=5, batch_size=batch_size, device="cpu", **settings)
    with counting_looks() as counts:
        ensemble.set_params(estimator=net).fit(X, Y, sample_weight=weight)
    return counts


def assert_no_more(few, many):
    """Hold counts to those of a fit of 50 fewer steps."""
    # A warning at the end of a fit may ask for one prediction, whatever the number of batches.
    assert all(many[name] - few[name] <= 3 for name in many), (few, many)


METHODS = {
    "snapshot": SnapshotEnsembleClassifier(M=2),
    "SGLD": CyclicalSGLDClassifier(M=1, samples_per_cycle=1, sampling_fraction=0.4),
    "FGE": FastGeometricEnsembleClassifier(M=2),
    "SWA": SWAClassifier(n_averaged=2),
    "SWAG": SWAGClassifier(M=2, n_averaged=2),
    "deep": DeepEnsembleClassifier(M=2),
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("module", [Images, None], ids=["images", "MLP"])
def test_methods_look_as_often_however_many_batches_there_are(method, module):
    settings = {} if module is None else {"module": module}
    rows = X.reshape(len(X), -1) if module is None else X
    few, many = (looks_of(method, size, rows, **settings) for size in (16, 6))
    assert_no_more(few, many)


SETTINGS = {
    "weights of rows": {"weight": np.linspace(0.5, 2, 96)},
    "AdamW": {"optimizer": torch.optim.AdamW},
    "bf16": {"precision": "bf16"},
    "channels_last": {"channels_last": True},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_settings_of_the_net_add_no_looks_to_a_step(settings):
    method = SnapshotEnsembleClassifier(M=2, alpha_zero=0.01)
    few, many = (looks_of(method, size, module=Images, **settings) for size in (16, 6))
    assert_no_more(few, many)


def test_weights_are_drawn_in_each_step_without_a_look():
    method, rows = VariationalClassifier(M=2), X.reshape(len(X), -1)
    few, many = (looks_of(method, size, rows) for size in (16, 6))
    # torch's own Adam counts steps in tensors on the CPU.
    few.pop("item"), many.pop("item")
    assert_no_more(few, many)
