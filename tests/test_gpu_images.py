"""Images, members and seeds on a CUDA device: run with ``pytest -m gpu``."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from skensemble import CyclicalSGLDClassifier, NetClassifier, SnapshotEnsembleClassifier
from skensemble.augmentation import RandomCrop, RandomFlip
from skensemble.lockstep import run_together
from skensemble.members import copy_state
from skensemble.modules import ChannelScaling
from skensemble.nets import StepCallback
from skensemble.nets.gradients import noting_waits
from skensemble.weight_space import average_of, with_members

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]

DEVICE = "cuda"


class Convolutional(nn.Sequential):
    """A convolution with batch normalisation, and what scales images of bytes before it."""

    def __init__(self, channel_mean=None, channel_std=None):
        scaling = [] if channel_mean is None else [ChannelScaling(channel_mean, channel_std)]
        layers = *scaling, nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))


class Counts(Convolutional):
    """Notes the numbers of rows that it sees."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        """Note one."""
        self.seen.append(len(x))
        return super().forward(x)


def bright_squares(n, dtype=np.float32):
    """Make images of 8 x 8, of which one in two has a brighter upper half."""
    y = np.arange(n) % 2
    X = np.random.default_rng(0).normal(size=(n, 3, 8, 8)).astype(np.float32)
    X[y == 1, :, :4] += 1
    return (X if dtype is np.float32 else (X * 30 + 100).clip(0, 255).astype(dtype)), y


def net_of(module=Convolutional, **settings):
    # 100 rows in batches of 32: the last one of an epoch has 4.
    given = {"batch_size": 32, "max_epochs": 20, "device": DEVICE}
    return NetClassifier(module, **{**given, **settings})


@pytest.fixture(autouse=True)
def default_debugging():
    """Let later tests wait for the device, whatever a test here has forbidden."""
    yield
    if torch.cuda.is_available():
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.filterwarnings("default")  # torch's compiler warns of what it does itself
def test_images_are_channels_last_in_training_and_prediction(precision, compiled, dtype):
    X, y = bright_squares(150, dtype)
    net = net_of(precision=precision, compile=compiled, channels_last=True)
    ensemble = SnapshotEnsembleClassifier(net, M=2, alpha_zero=0.1, random_state=0)
    assert ensemble.fit(X[:100], y[:100]).score(X[100:], y[100:]) > 0.9
    for own in (ensemble, pickle.loads(pickle.dumps(ensemble))):
        weights = [p for p in own._predictor_.members[0].parameters() if p.ndim == 4]
        assert all(w.is_contiguous(memory_format=torch.channels_last) for w in weights)
        assert {w.device for w in weights} == {own._predictor_.device}


def test_a_net_knows_the_device_of_its_tensors():
    X, y = bright_squares(40)
    net = net_of(max_epochs=1).fit(X, y)
    assert net.device_ == next(net.module_.parameters()).device
    batch = torch.zeros(2, device=DEVICE)
    assert net._on_device(batch) is batch


class Forbids(StepCallback):
    """Forbids waits for the device in late epochs, from their beginning to their last step.

    The first ones make, and record, what later ones find; the end of each looks at the losses.
    """

    def __init__(self, n_batches):
        self.n_batches = n_batches

    def on_epoch_begin(self, net, **kwargs):
        """Forbid them."""
        self.n_steps = 0
        if len(net.history) > 10:
            torch.cuda.set_sync_debug_mode("error")

    def after_step(self, net, loss):
        """Count the step, and allow them after the last one."""
        self.n_steps += 1
        if self.n_steps == self.n_batches:
            torch.cuda.set_sync_debug_mode("default")


WAYS = {
    "plain": {},
    "clipped": {"max_grad_norm": 0.1},
    "AdamW": {"optimizer": torch.optim.AdamW, "lr": 0.01},
    "NAdam": {"optimizer": torch.optim.NAdam, "lr": 0.01},
    "bf16": {"precision": "bf16", "channels_last": True},
    "graph": {"cuda_graph": "auto"},
    "augmented": {"augment": [RandomCrop(1), RandomFlip()]},
}


@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 2, 100)], ids=["equal", "weighted"])
@pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS)
def test_an_epoch_waits_for_nothing_before_its_end(settings, weight):
    X, y = bright_squares(100)
    net = net_of(max_epochs=12, callbacks=[("forbids", Forbids(4))], **settings)
    assert net.fit(X, y, sample_weight=weight).fast_report_.lean_epoch is None
    assert len(net.history) == 12


def test_an_epoch_of_the_mlp_waits_for_nothing_before_its_end():
    X, y = bright_squares(100)
    layers = {"module__dropout": 0.2, "module__column_dropout": 0.2, "module__column_scale": True}
    net = NetClassifier(batch_size=32, device=DEVICE, max_grad_norm=0.1, **layers)
    net.set_params(max_epochs=12, callbacks=[("forbids", Forbids(4))]).fit(X.reshape(100, -1), y)
    assert net.fast_report_.closed_form is None


def waits_of(fit):
    """Return how many waits a fit makes."""
    waits = []
    with noting_waits(waits):
        fit()
    return len(waits)


@pytest.mark.parametrize("settings", [{}, {"module__dropout": 0.2, "module__column_dropout": 0.2}])
def test_lock_step_waits_as_often_however_many_batches_there_are(iris, settings):
    def fit_together(batch_size):
        """Fit four nets."""
        net = NetClassifier(max_epochs=20, batch_size=batch_size, device=DEVICE, **settings)
        method = SnapshotEnsembleClassifier(net, M=2, alpha_zero=0.01)
        tasks = [partial(clone(method).set_params(random_state=k).fit, *iris) for k in range(4)]
        assert [own.error for own in run_together(tasks)] == [None] * 4

    fit_together(50)
    few, many = (waits_of(partial(fit_together, size)) for size in (50, 10))
    # 20 epochs of 12 more steps each.
    assert many - few < 20


def test_noise_of_steps_is_drawn_without_waits():
    X, y = bright_squares(100)
    fits = [
        CyclicalSGLDClassifier(net_of(batch_size=size), M=1, sampling_fraction=0.8, random_state=0)
        for size in (50, 5)
    ]
    fits[0].fit(X, y)
    few, many = (waits_of(partial(own.fit, X, y)) for own in fits)
    # 20 epochs of 18 more steps each.
    assert many - few < 20


def test_a_member_leaves_the_device_in_one_transfer_for_each_type():
    net = net_of().initialize()
    waits = []
    with noting_waits(waits):
        copy_state(net.module_)
    # Floats, and the number of batches that batch normalisation has seen.
    assert 1 <= len(waits) <= 2


def test_prediction_takes_2048_rows_at_once():
    X, y = bright_squares(5000)
    ensemble = SnapshotEnsembleClassifier(net_of(Counts), M=2, random_state=0).fit(X[:100], y[:100])
    member = ensemble._predictor_.members[-1]
    member.seen.clear()
    ensemble.predict_proba(X)
    assert member.seen == [2048, 2048, 5000 - 2 * 2048]


def test_points_of_weight_space_predict():
    X, y = bright_squares(200)
    net = net_of(precision="float64", channels_last=True, max_epochs=30)
    ensemble = SnapshotEnsembleClassifier(net, M=3, alpha_zero=0.1, random_state=0).fit(X, y)
    same = with_members(ensemble, ensemble.members_)
    assert (same.predict_proba(X) == ensemble.predict_proba(X)).all()
    # The statistics of batch normalisation are computed on the device, and found in the arrays.
    mean = with_members(ensemble, [average_of(ensemble.members_[-2:])], X)
    assert mean.score(X, y) > 0.9
    (statistics,) = (m["1.running_mean"] for m in mean.members_)
    on_device = mean._predictor_.members[0][1].running_mean
    assert on_device.device == mean._predictor_.device
    assert (on_device.cpu().numpy() == statistics).all()


@pytest.mark.parametrize("module", [None, Convolutional])
def test_the_same_seed_gives_the_same_bits_on_one_device(module, monkeypatch):
    """Convolutions too, where cuDNN is asked for algorithms that add in one order."""
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    X, y = bright_squares(100)
    net = NetClassifier if module is None else partial(NetClassifier, module)
    proba = []
    for _ in range(2):
        own = net(precision="float64", batch_size=32, max_epochs=20, device=DEVICE)
        ensemble = SnapshotEnsembleClassifier(own, M=2, alpha_zero=0.1, random_state=3)
        proba.append(ensemble.fit(X, y).predict_proba(X))
    assert (proba[0] == proba[1]).all()


def test_the_same_seed_gives_the_weights_of_the_cpu_but_for_sums_in_another_order():
    X, y = bright_squares(100)
    proba = []
    for device in ("cpu", DEVICE):
        net = net_of(precision="float64", device=device, augment=[RandomCrop(1), RandomFlip()])
        ensemble = SnapshotEnsembleClassifier(net, M=2, alpha_zero=0.1, random_state=3)
        proba.append(ensemble.fit(X, y).predict_proba(X))
    np.testing.assert_allclose(proba[1], proba[0], rtol=1e-5, atol=1e-7)
