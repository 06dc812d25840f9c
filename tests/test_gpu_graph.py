"""Steps that are replayed as CUDA graphs: run with ``pytest -m gpu``."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from skensemble import (
    CrossFittedEnsembleClassifier,
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
)
from skensemble.lockstep import Report, run_together
from skensemble.nets import StepCallback
from skensemble.nets.gradients import noting_waits

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
]


class Convolutional(nn.Sequential):
    """Convolutions with batch normalisation, dropout between them where it is asked for."""

    def __init__(self, p=0.0):
        layers = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(p)
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))


class Looks(Convolutional):
    """Looks at a value of each batch."""

    def forward(self, x):
        return super().forward(x) * (1 if x[0, 0, 0, 0].item() > 100 else 2)


class Draws(Convolutional):
    """Draws from the CPU in each pass."""

    def forward(self, x):
        return super().forward(x) * (2 if torch.rand(()) < 0.5 else 1)


class Unrecordable(Convolutional):
    """Does what no graph can hold, once recordings begin."""

    def forward(self, x):
        if torch.cuda.is_current_stream_capturing():
            x.sum().item()
        return super().forward(x)


def bright_squares(n):
    """Make images of 8 x 8, of which one in two has a brighter upper half."""
    y = np.arange(n) % 2
    X = np.random.default_rng(0).normal(size=(n, 3, 8, 8)).astype(np.float32)
    X[y == 1, :, :4] += 1
    return X, y


def net_of(module=Convolutional, **settings):
    # 100 rows in batches of 16: the last one of an epoch has 4.
    given = {"batch_size": 16, "max_epochs": 16, "precision": "float64", "device": "cuda"}
    given["cuda_graph"] = "auto"
    return NetClassifier(module, random_state=0, **{**given, **settings})


def state_of(net):
    return {name: value.cpu() for name, value in net.module_.state_dict().items()}


def assert_same_weights(one, other, atol=1e-9):
    first, second = state_of(one), state_of(other)
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=atol, msg=name)


class Spy(StepCallback):
    """Notes how many kinds of batches are replayed."""

    def after_step(self, net, loss):
        graphed = net._graphed_
        self.n_kinds = 0 if graphed is None else len(graphed.calls.recordings)


OPTIMIZERS = {
    "SGD": {},
    "no momentum": {"optimizer__momentum": 0.0},
    "Adam": {"optimizer": torch.optim.Adam, "lr": 0.01},
    "AdamW": {"optimizer": torch.optim.AdamW, "lr": 0.01},
    "NAdam": {"optimizer": torch.optim.NAdam, "lr": 0.01},
    "clipped": {"max_grad_norm": 0.1},
    "dropout": {"module__p": 0.5},
    "channels_last": {"channels_last": True},
    "tiny batches": {"batch_size": 33},
}


@pytest.mark.parametrize("settings", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_replayed_steps_are_those_made_one_by_one(settings):
    X, y = bright_squares(100)
    spy = Spy()
    replayed = net_of(cuda_graph=True, callbacks=[("spy", spy)], **settings).fit(X, y)
    assert replayed.fast_report_.cuda_graph is None
    # Of full batches, and of the last one.
    assert dict(replayed.callbacks_)["spy"].n_kinds == 2
    assert_same_weights(replayed, net_of(cuda_graph=False, **settings).fit(X, y))


def test_dropout_in_closed_form_is_replayed():
    X, y = bright_squares(100)
    X = X.reshape(100, -1)
    settings = {"module__dropout": 0.5, "module__hidden_units": (20,), "max_grad_norm": 0.5}
    nets = []
    for graph in (True, False):
        net = NetClassifier(batch_size=16, max_epochs=16, precision="float64", random_state=0)
        nets.append(net.set_params(cuda_graph=graph, device="cuda", **settings).fit(X, y))
    assert nets[0].fast_report_.closed_form is None
    assert nets[0].fast_report_.cuda_graph is None
    assert_same_weights(*nets)


def test_a_weighted_regression_is_replayed():
    X, y = bright_squares(100)
    X, weight = X.reshape(100, -1), np.arange(1, 101)
    nets = []
    for graph in (True, False):
        net = NetRegressor(nn.Linear, batch_size=16, precision="float64", random_state=0)
        net.set_params(module__in_features=192, module__out_features=1)
        net.set_params(cuda_graph=graph, device="cuda", lr=0.01)
        nets.append(net.fit(X, y, sample_weight=weight))
    assert nets[0].fast_report_.cuda_graph is None
    assert_same_weights(*nets)


def test_snapshots_are_those_of_steps_made_one_by_one():
    X, y = bright_squares(100)
    proba = []
    for graph in (True, False):
        net = net_of(cuda_graph=graph)
        ensemble = SnapshotEnsembleClassifier(net, M=4, alpha_zero=0.1, random_state=0)
        proba.append(ensemble.fit(X, y).predict_proba(X))
    np.testing.assert_allclose(proba[0], proba[1], rtol=0, atol=1e-10)


REASONS = {Looks: "waits for the device", Draws: "draws from a generator of the CPU"}


@pytest.mark.parametrize("module", [Looks, Draws])
def test_a_module_that_is_not_the_same_each_time_is_trained_step_by_step(module):
    X, y = bright_squares(100)
    net = net_of(module, module__p=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.fit(X, y)
    assert REASONS[module] in net.fast_report_.cuda_graph
    assert_same_weights(net, net_of(module, cuda_graph=False, module__p=0.5).fit(X, y))
    with pytest.warns(UserWarning, match=f"not as a CUDA graph: .*{REASONS[module]}"):
        net.set_params(cuda_graph=True).fit(X, y)


def test_a_step_that_no_graph_can_hold_is_warned_of_once_and_made():
    X, y = bright_squares(100)
    net = net_of(Unrecordable, module__p=0.5)
    with pytest.warns(UserWarning, match="a step cannot be recorded") as caught:
        net.fit(X, y)
    assert len(caught) == 1
    assert_same_weights(net, net_of(cuda_graph=False, module__p=0.5).fit(X, y))
    # The generator and the stream are as they were.
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    assert torch.rand(3, device="cuda").shape == (3,)


def test_hooks_are_called_in_each_step():
    X, y = bright_squares(100)
    net = net_of(max_epochs=3).initialize()
    seen = []
    net.module_.register_forward_hook(lambda *args: seen.append(1))
    net.partial_fit(X, y)
    assert "hook" in net.fast_report_.cuda_graph
    assert len(seen) == 3 * 7


def test_an_epoch_waits_for_the_device_at_its_end_alone():
    X, y = bright_squares(100)
    waits = []
    with noting_waits(waits):
        net_of(max_epochs=14).fit(X, y)
    by_line = {line: waits.count(line) for line in waits}
    # A look at the losses for each epoch, and what is moved once.
    assert sum(n for line, n in by_line.items() if line.startswith("_epoch.py")) == 14
    assert sum(n for line, n in by_line.items() if line.startswith("_rows.py")) <= 4, by_line


LOCKSTEP = {
    "SGD": {},
    "Adam": {"optimizer": torch.optim.AdamW},
    "clipped": {"max_grad_norm": 0.1},
    "dropout": {"module__dropout": 0.5},
    "bf16": {"precision": "bf16"},
    "linear": {"module": nn.Linear, "module__in_features": 4, "module__out_features": 3},
}


@pytest.mark.parametrize("settings", LOCKSTEP.values(), ids=LOCKSTEP)
def test_replayed_lock_step_is_that_made_step_by_step(iris, settings):
    X, y = iris
    proba = []
    for graph in ("auto", False):
        given = {"precision": "float64", "max_epochs": 12, "batch_size": 40, **settings}
        net = NetClassifier(device="cuda", cuda_graph=graph, **given)
        method = SnapshotEnsembleClassifier(net, M=2, alpha_zero=0.01)
        ensembles = [clone(method).set_params(random_state=k) for k in range(5)]
        report = Report()
        ended = run_together([partial(e.fit, X, y) for e in ensembles], report=report)
        assert [participant.error for participant in ended] == [None] * 5
        assert report.groups[0]["n_nets"] == 5
        proba.append([participant.result.predict_proba(X) for participant in ended])
    np.testing.assert_allclose(proba[0], proba[1], rtol=0, atol=1e-10)


def test_cross_fitted_nets_are_replayed(iris):
    X, y = iris
    proba = []
    for graph in ("auto", False):
        net = NetClassifier(max_epochs=20, batch_size=32, precision="float64", device="cuda")
        net.set_params(cuda_graph=graph, module__column_dropout=0.2, module__column_scale=True)
        method = SnapshotEnsembleClassifier(net, M=2, alpha_zero=0.01)
        ensemble = CrossFittedEnsembleClassifier(method, n_nets=4, cv=2, random_state=0)
        proba.append(ensemble.fit(X, y).predict_proba(X))
    np.testing.assert_allclose(proba[0], proba[1], rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("compiled", "channels_last"), [(False, False), (False, True), (True, True)]
)
@pytest.mark.filterwarnings("default")  # torch's compiler warns of what it does itself
def test_bf16_is_replayed(compiled, channels_last):
    X, y = bright_squares(150)
    net = net_of(
        precision="bf16", compile=compiled, channels_last=channels_last, cuda_graph=True
    ).set_params(max_epochs=40)
    net.fit(X[:100], y[:100])
    assert net.fast_report_.cuda_graph is None
    assert net.score(X[100:], y[100:]) > 0.9
    is_last = net.module_[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert not channels_last or is_last


@pytest.mark.filterwarnings("default")
def test_a_compiled_net_is_compiled_for_full_batches_alone():
    X, y = bright_squares(100)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compiled = net_of(compile=True, cuda_graph=True, precision="float32").fit(X, y)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 2
    plain = net_of(cuda_graph=False, precision="float32").fit(X, y)
    first, second = state_of(compiled), state_of(plain)
    for (_, one), (_, other) in zip(first.items(), second.items(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-2)
