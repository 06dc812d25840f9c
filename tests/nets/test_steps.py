"""Steps of a net: what they leave as it was, and how often they look at the device."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skensemble import NetClassifier
from skensemble.nets import StepCallback, _steps
from skensemble.nets._steps import OF_A_TRAINING
from tests.nets.replays import StandIn, counting_looks

X = np.random.default_rng(0).normal(size=(96, 12)).astype(np.float32)
Y = np.arange(96) % 2


def net_of(module=None, **settings):
    given = {"batch_size": 16, "max_epochs": 3, "device": "cpu", "random_state": 0}
    return NetClassifier(*[] if module is None else [module], **{**given, **settings})


class Images(nn.Sequential):
    """A convolution with batch normalisation."""

    def __init__(self):
        layers = nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()
        super().__init__(nn.Unflatten(1, (3, 2, 2)), *layers, nn.Linear(4, 2))


class CountsLooks(StepCallback):
    """Counts looks from the first step of the second epoch to the first one of the third."""

    def __init__(self, counts, n_batches):
        self.counts, self.n_batches = counts, n_batches

    def initialize(self):
        """Begin to count."""
        self.n_steps, self.seen = 0, []
        return self

    def before_step(self, net):
        """Note what has been counted where an epoch begins."""
        if self.n_steps % self.n_batches == 0:
            self.seen.append(self.counts.copy())
        self.n_steps += 1


WAYS = {
    "closed form": {},
    "dropout": {"module__dropout": 0.5},
    "convolution": {"module": Images},
    "Adam": {"optimizer": torch.optim.Adam, "lr": 0.01},
}


@pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS)
def test_looks_at_the_device_are_as_many_however_many_batches_an_epoch_has(settings):
    found = []
    for batch_size in (32, 8):
        with counting_looks() as counts:
            spy = CountsLooks(counts, 96 // batch_size)
            net = net_of(batch_size=batch_size, callbacks=[spy], cuda_graph="auto", **settings)
            net.fit(X, Y)
        _, begin, end = net.callbacks_[-1][1].seen
        found.append(end - begin)
    assert found[0] == found[1]
    # The losses of the epoch.
    assert found[0]["tolist"] >= 1
    assert found[0]["item"] == found[0]["cpu"] == 0


def test_what_belongs_to_a_training_is_neither_pickled_nor_kept(monkeypatch):
    kept = []

    class Pickles(StepCallback):
        def after_step(self, net, loss):
            held = {name for name in OF_A_TRAINING if vars(net)[name] is not None}
            kept.append((held, net.__getstate__().keys() & OF_A_TRAINING))

    monkeypatch.setattr(_steps, "recorder_for", StandIn)
    net = net_of(max_epochs=1, callbacks=[Pickles()], cuda_graph="auto").fit(X, Y)
    assert kept == [({*OF_A_TRAINING} - {"_batch_size_"}, set())] * 6
    assert [vars(net)[name] for name in OF_A_TRAINING] == [None] * len(OF_A_TRAINING)


def test_autograd_is_off_in_an_update_after_gradients_in_closed_form():
    modes = []

    for module in (None, Images):
        net = net_of(module, optimizer=torch.optim.NAdam, lr=0.01, max_epochs=1).fit(X, Y)
        net.optimizer_.register_step_pre_hook(lambda *args: modes.append(torch.is_grad_enabled()))
        net.partial_fit(X, Y)
    assert modes == [False] * 6 + [True] * 6


class NotesClosedForm(Callback):
    """Keeps the closed form of each epoch; a callback that may change anything between them."""

    def initialize(self):
        """Begin with none."""
        self.kept = []
        return self

    def on_epoch_end(self, net, **kwargs):
        """Keep it."""
        self.kept.append(net._closed_form_)


@pytest.mark.parametrize(("graph", "n_made"), [(False, 3), ("auto", 1)])
def test_a_closed_form_is_kept_where_recordings_write_into_it(graph, n_made):
    net = net_of(cuda_graph=graph, callbacks=[("notes", NotesClosedForm())]).fit(X, Y)
    assert len({*map(id, dict(net.callbacks_)["notes"].kept)}) == n_made


def test_nothing_is_looked_for_where_nobody_asks(monkeypatch):
    def fail(*args):
        raise AssertionError("a net without the option is told apart")

    for name in ("recorder_for", "signature_of", "obstacle_to_graph"):
        monkeypatch.setattr(_steps, name, fail)
    assert net_of().fit(X, Y).fast_report_.cuda_graph is None


def compiled_sizes(monkeypatch, **settings):
    """Fit a compiled net on 92 rows, and give the sizes that its parts were compiled for."""
    sizes = []

    def backend(graph, inputs):
        sizes.append([x.shape[0] for x in inputs if isinstance(x, torch.Tensor) and x.ndim == 2])
        return graph.forward

    torch._dynamo.reset()
    monkeypatch.setattr(_steps, "recorder_for", StandIn)
    net = net_of(Images, compile=True, compile__backend=backend, max_epochs=12, **settings)
    return net.fit(X[:92], Y[:92]), sizes


@pytest.mark.parametrize("graph", [False, "auto"])
@pytest.mark.filterwarnings("default")  # torch's compiler warns of what it does itself
def test_module_and_criterion_are_compiled_for_full_batches_alone(graph, monkeypatch):
    net, sizes = compiled_sizes(monkeypatch, cuda_graph=graph)
    # Once each in all epochs, though the last batch of each is a short one.
    assert len(sizes) == 2
    assert all(16 in own and 12 not in own for own in sizes)
    parts = net.module_, net.criterion_
    assert all(isinstance(part, torch._dynamo.OptimizedModule) for part in parts)
    monkeypatch.undo()
    plain = net_of(Images, max_epochs=12).fit(X[:92], Y[:92])
    for own, other in zip(net.module_.parameters(), plain.module_.parameters(), strict=True):
        torch.testing.assert_close(own, other)
