"""Steps that are replayed, on the CPU: a stand-in calls what a GPU would have recorded."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.nets import StepCallback, _steps
from tests.nets.replays import Refuses, StandIn

X = np.random.default_rng(0).normal(size=(100, 3, 4, 4)).astype(np.float32)
Y = np.arange(100) % 2


class Convolutional(nn.Sequential):
    """A convolution with batch normalisation."""

    def __init__(self):
        layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()
        super().__init__(*layers, nn.Linear(16, 2))


class DrawsFromPython(Convolutional):
    """Is another function from batch to batch."""

    def forward(self, x):
        """Scale the output at random."""
        return super().forward(x) * random.choice([1, 2])


class Spy(StepCallback):
    """Keeps what is replayed."""

    def initialize(self):
        """Begin with none."""
        self.gradients = []
        return self

    def after_step(self, net, loss):
        """Keep the steps of a training, and the gradients of its first weight."""
        self.graphed = net._graphed_
        self.gradients.append(next(net.module_.parameters()).grad)


@pytest.fixture
def recording(monkeypatch):
    """Let nets on the CPU be replayed by the stand-in."""
    monkeypatch.setattr(_steps, "recorder_for", StandIn)


def net_of(module=Convolutional, **settings):
    given = {"batch_size": 16, "max_epochs": 12, "device": "cpu", "random_state": 0}
    return NetClassifier(module, **{"cuda_graph": "auto", **given, **settings})


def assert_same(one, other):
    second = other.module_.state_dict()
    for name, value in one.module_.state_dict().items():
        assert torch.equal(value, second[name]), name
    losses = [[row["train_loss"] for row in net.history] for net in (one, other)]
    assert losses[0] == losses[1]


WAYS = {
    "SGD": {},
    "Adam": {"optimizer": torch.optim.Adam, "lr": 0.01},
    "NAdam": {"optimizer": torch.optim.NAdam, "lr": 0.01},
    "clipped": {"max_grad_norm": 0.1},
    "channels_last": {"channels_last": True},
}


@pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS)
def test_replayed_steps_are_those_made_one_by_one(settings, recording, monkeypatch):
    net = net_of(callbacks=[("spy", Spy())], **settings).fit(X, Y)
    spy = dict(net.callbacks_)["spy"]
    graphed = spy.graphed
    # Six full batches of an epoch, and one of four rows.
    assert [kind[0][0][0] for kind in graphed.calls.recordings] == [16, 4]
    # They lie where a recording leaves them, of each kind of batch; 7 batches are an epoch.
    assert len({gradient.data_ptr() for gradient in spy.gradients[-14:]}) == 2
    monkeypatch.undo()
    assert_same(net, net_of(cuda_graph=False, **settings).fit(X, Y))
    assert net._graphed_ is None


def test_gradients_in_closed_form_are_replayed(recording, monkeypatch):
    flat, settings = X.reshape(100, -1), {"module__hidden_units": (8,)}
    given = {"batch_size": 16, "max_epochs": 12, "max_grad_norm": 0.5, "random_state": 0}
    net = NetClassifier(**given, **settings, callbacks=[Spy()], cuda_graph="auto").fit(flat, Y)
    assert len(net.callbacks_[-1][1].graphed.calls.recordings) == 2
    monkeypatch.undo()
    assert_same(net, NetClassifier(**given, **settings).fit(flat, Y))


def test_snapshots_and_their_rates_are_those_of_steps_made_one_by_one(recording, monkeypatch):
    fitted = []
    for graph in ("auto", False):
        ensemble = SnapshotEnsembleClassifier(net_of(cuda_graph=graph), M=3, random_state=0)
        fitted.append(ensemble.fit(X, Y).predict_proba(X))
        monkeypatch.undo()
    assert (fitted[0] == fitted[1]).all()


def test_a_module_that_draws_on_the_cpu_is_not_replayed(recording):
    net = net_of(DrawsFromPython).fit(X, Y)
    assert net.fast_report_.cuda_graph == "a step draws from a generator of the CPU"


def test_a_step_that_cannot_be_recorded_is_made_and_warned_of_once(monkeypatch):
    monkeypatch.setattr(_steps, "recorder_for", Refuses)
    with pytest.warns(UserWarning, match="RuntimeError: not now") as caught:
        net = net_of().fit(X, Y)
    assert len(caught) == 1
    assert net.fast_report_.cuda_graph.startswith("a step cannot be recorded")
    monkeypatch.undo()
    assert_same(net, net_of(cuda_graph=False).fit(X, Y))


class Changes(StepCallback):
    """Does something to the net before one of its steps."""

    def __init__(self, change, at):
        self.change, self.at = change, at

    def initialize(self):
        """Begin to count."""
        self.n_steps, self.n_kept = 0, []
        return self

    def before_step(self, net):
        """Count, and change the net at its time."""
        self.n_steps += 1
        if self.n_steps == self.at:
            self.change(net)

    def after_step(self, net, loss):
        """Note how many recordings there are."""
        graphed = net._graphed_
        self.n_kept.append(0 if graphed is None else len(graphed.calls.recordings))


def put_elsewhere(net):
    """Put the weights into other memory."""
    for p in net.module_.parameters():
        p.data = p.data.clone() * 2


def hold_normalisation(net):
    net.module_[1].eval()


def freeze(net):
    net.module_[0].weight.requires_grad_(False)


def clip(net):
    net.max_grad_norm = 0.01


def begin_again(net):
    net.optimizer_.state.clear()


CHANGES = [put_elsewhere, hold_normalisation, freeze, clip, begin_again]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("at", [40, 42])
def test_what_changes_between_steps_is_seen(change, at, recording, monkeypatch):
    net = net_of(callbacks=[Changes(change, at)]).fit(X, Y)
    n_kept = net.callbacks_[-1][1].n_kept
    # The optimizer is none of a recording's business.
    assert n_kept[at - 2 : at] == [1, change is begin_again]
    monkeypatch.undo()
    plain = net_of(callbacks=[Changes(change, at)], cuda_graph=False).fit(X, Y)
    assert_same(net, plain)


def test_a_hook_stands_against_it(recording):
    net = net_of().initialize()
    net.module_[0].register_forward_hook(lambda *args: None)
    assert net.partial_fit(X, Y).fast_report_.cuda_graph == "a hook looks into Conv2d"


def test_on_the_cpu_true_is_told_of_in_the_report_alone():
    assert net_of().fit(X, Y).fast_report_.cuda_graph is None
    net = net_of(cuda_graph=True).fit(X, Y)
    assert net.fast_report_.cuda_graph == "the device is cpu"
