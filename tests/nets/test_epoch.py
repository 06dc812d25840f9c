"""The lean epoch, held against that of skorch with ``fast=False``."""

import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from skorch.dataset import ValidSplit
from torch import nn
from torch.utils.data import DataLoader

from skensemble import NetClassifier
from skensemble._checks import InvalidParameterError
from skensemble.nets._epoch import StepCallback
from tests.nets.conftest import Replacer

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(37, 5)), RNG.integers(0, 3, 37)
SMALL = {"max_epochs": 6, "batch_size": 8, "random_state": 0, "device": "cpu"}
SMALL |= {"module__hidden_units": (7,), "precision": "float64"}


class Normed(nn.Sequential):
    """A module whose output in training depends on the mode of two layers."""

    def __init__(self, n_features, n_outputs):
        super().__init__(
            nn.Linear(n_features, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, n_outputs)
        )


def fitted(**settings):
    return NetClassifier(**(SMALL | settings)).fit(X, Y)


def state_of(net):
    return {name: value.numpy() for name, value in net.module_.state_dict().items()}


def assert_same_training(one, other, atol=1e-12):
    assert one.fast_report_.lean_epoch is None
    assert other.fast_report_.lean_epoch == "fast=False"
    for name, value in state_of(other).items():
        np.testing.assert_allclose(state_of(one)[name], value, rtol=0, atol=atol)
    np.testing.assert_allclose(one.history[:, "train_loss"], other.history[:, "train_loss"])
    assert one.history[:, "train_loss_best"] == other.history[:, "train_loss_best"]
    assert one.history[:, "train_batch_count"] == other.history[:, "train_batch_count"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"max_grad_norm": 0.3},
        {"module__dropout": 0.3},
        {"train_split": ValidSplit(4)},
        {"optimizer": torch.optim.AdamW, "lr": 0.01},
        {"criterion__label_smoothing": 0.1},
    ],
)
def test_it_trains_as_the_epoch_of_skorch_does(settings):
    assert_same_training(fitted(**settings), fitted(**settings, fast=False))


def test_an_epoch_after_a_validation_pass_trains_in_training_mode():
    # skorch leaves the module in evaluation mode after the rows that it holds out.
    settings = {"module": Normed, "train_split": ValidSplit(4), "precision": "float64"}
    settings = {name: v for name, v in SMALL.items() if not name.startswith("module")} | settings
    lean, slow = (NetClassifier(**settings, fast=fast).fit(X, Y) for fast in (True, False))
    assert_same_training(lean, slow)
    # 27 or 28 rows to train on in batches of 8: batch statistics move at all of 6 * 4 steps.
    assert state_of(lean)["1.num_batches_tracked"] == 6 * 4


def test_a_module_in_evaluation_mode_is_put_into_training_mode():
    net = fitted(module__dropout=0.5)
    net.module_.eval()
    net.history.new_epoch()
    batches = net.get_iterator(net.get_dataset(X, Y), training=True)
    net.run_single_epoch(batches, training=True, prefix="train", step_fn=net.train_step)
    assert all(part.training for part in net.module_.modules())


def test_the_loss_is_the_mean_over_rows_and_not_over_batches():
    # 37 rows in batches of 8, 8, 8, 8 and 5; a rate of 1e-300 leaves the weights as they are.
    net = fitted(lr=1e-300, max_epochs=1)
    proba = net.predict_proba(X)
    expected = -np.log(proba[np.arange(37), Y]).mean()
    assert net.history[-1, "train_loss"] == pytest.approx(expected, rel=1e-12)


def test_a_second_training_does_not_know_the_best_loss_of_the_first():
    net = fitted()
    first = net.history[:, "train_loss"]
    # A rate of 1e-300 stays at the loss of fresh weights, which is above that of the first.
    net.set_params(lr=1e-300).fit(X, Y)
    assert min(first) < net.history[0, "train_loss"]
    assert net.history[0, "train_loss_best"]


def test_the_best_loss_is_known_within_a_training_that_goes_on():
    net = fitted()
    net.set_params(lr=1e-300).partial_fit(X, Y)
    losses, best = net.history[:, "train_loss"], net.history[:, "train_loss_best"]
    assert best == [loss < min(losses[:k], default=np.inf) for k, loss in enumerate(losses)]


class Recorder(StepCallback):
    """Notes what it sees before and after each step."""

    def __init__(self):
        self.seen = []

    def before_step(self, net):
        self.seen.append(("before", net.module_[0].weight.detach().clone()))

    def after_step(self, net, loss):
        self.seen.append(("after", net.module_[0].weight.detach().clone(), float(loss)))


@pytest.mark.parametrize("fast", [True, False])
def test_step_callbacks_see_each_training_step_and_no_validation_batch(fast):
    recorder = Recorder()
    net = NetClassifier(
        **SMALL, fast=fast, train_split=ValidSplit(4), callbacks=[("recorder", recorder)]
    ).fit(X, Y)
    seen = dict(net.callbacks_)["recorder"].seen
    assert [what for what, *_ in seen] == ["before", "after"] * (6 * 4)
    for (_, before), (_, after, loss) in zip(seen[::2], seen[1::2], strict=True):
        assert not torch.equal(before, after)
        assert loss > 0
    for (_, after, _), (_, before) in zip(seen[1:-1:2], seen[2::2], strict=True):
        assert torch.equal(before, after)


def test_losses_of_step_callbacks_are_those_before_the_step():
    recorder = Recorder()
    settings = SMALL | {"batch_size": -1, "max_epochs": 2}
    net = NetClassifier(**settings, callbacks=[("recorder", recorder)]).fit(X, Y)
    losses = [loss for _, _, loss in dict(net.callbacks_)["recorder"].seen[1::2]]
    assert losses == pytest.approx(net.history[:, "train_loss"])


class BatchWatcher(Callback):
    """A skorch callback that looks into batches."""

    def on_batch_begin(self, net, **kwargs):
        """Look on."""


class GradientWatcher(Callback):
    """A skorch callback that looks at gradients."""

    def on_grad_computed(self, net, **kwargs):
        """Look on."""


def own(name):
    """Make a subclass that overrides a method of skorch without changing what it does."""

    def method(self, *args, **kwargs):
        return getattr(NetClassifier, name)(self, *args, **kwargs)

    return type("Own", (NetClassifier,), {name: method})


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (NetClassifier(fast=False), "fast=False"),
        (NetClassifier(iterator_train=DataLoader), "the iterator is DataLoader, not RowBatches"),
        (NetClassifier(optimizer=torch.optim.LBFGS, batch_size=-1), "LBFGS may ask for the loss"),
        (NetClassifier(callbacks=[("w", BatchWatcher())]), "the callback 'w' looks into batches"),
        (NetClassifier(callbacks=[("g", GradientWatcher())]), "the callback 'g' looks into"),
        *(
            (own(name)(), f"Own has a {name} of its own")
            for name in (
                "run_single_epoch",
                "train_step_single",
                "train_step",
                "_step_optimizer",
                "_zero_grad_optimizer",
                "on_batch_begin",
                "on_batch_end",
                "on_grad_computed",
            )
        ),
    ],
)
def test_a_net_says_why_it_left_the_lean_epoch(net, reason):
    net.set_params(max_epochs=1, device="cpu").fit(X, Y)
    assert reason in net.fast_report_.lean_epoch
    others = "the epoch is skorch's" if net.fast else "fast=False"
    assert net.fast_report_.closed_form == net.fast_report_.fused_step == others


def test_arguments_for_the_module_leave_the_lean_epoch():
    class Scaled(nn.Linear):
        def forward(self, x, scale=1.0):
            return scale * super().forward(x)

    net = NetClassifier(Scaled(5, 3), max_epochs=1, device="cpu").fit(X, Y, scale=2.0)
    assert net.fast_report_.lean_epoch == "fit got ['scale'] for the module"


def test_the_first_epoch_says_why_gradients_come_from_autograd():
    net = NetClassifier(nn.Linear(5, 3), max_epochs=1, device="cpu").fit(X, Y)
    assert net.fast_report_.closed_form == "the module is Linear, not MLP"
    assert net.fast_report_.lean_epoch is net.fast_report_.fused_step is None


class Smoother(Callback):
    """A skorch callback that changes the criterion after two epochs."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            net.criterion_.label_smoothing = 0.3


@pytest.mark.parametrize("callback", [Smoother, Replacer])
@pytest.mark.parametrize("settings", [{}, {"callbacks__epoch_timer": None}])
def test_what_callbacks_change_is_heeded(callback, settings):
    lean, slow = (
        fitted(**settings, callbacks=[("own", callback())], fast=fast) for fast in (True, False)
    )
    assert_same_training(lean, slow)


def test_a_loss_of_ones_own_hears_that_the_net_is_in_training():
    heard = []

    class OwnLoss(NetClassifier):
        def get_loss(self, y_pred, y_true, X=None, training=False):
            heard.append((len(X), training))
            return super().get_loss(y_pred, y_true, X=X, training=training)

    net = OwnLoss(**SMALL | {"max_epochs": 1}).fit(X, Y)
    assert net.fast_report_.lean_epoch is None
    assert heard == [(n, True) for n in (8, 8, 8, 8, 5)]


class Saver(StepCallback):
    """Pickles the net in the middle of its second epoch, and after it."""

    def after_step(self, net, loss):
        if len(net.history) == 2 and not hasattr(self, "blob"):
            self.weight = net.module_[0].weight.detach().clone()
            self.blob = pickle.dumps(net)


def test_a_net_pickles_in_the_middle_of_its_training():
    net = fitted(callbacks=[("saver", Saver())])
    assert_same_training(net, fitted(fast=False))
    saver = dict(net.callbacks_)["saver"]
    loaded = pickle.loads(saver.blob)
    assert torch.equal(loaded.module_[0].weight, saver.weight)
    assert loaded.get_params()["max_epochs"] == 6
    loaded.partial_fit(X, Y)
    assert loaded.fast_report_.closed_form is None
    assert not torch.equal(loaded.module_[0].weight, saver.weight)


@pytest.mark.parametrize("fast", [True, False])
def test_a_net_without_a_trained_weight_is_refused(fast):
    module = nn.Linear(5, 3).requires_grad_(False)
    with pytest.raises(InvalidParameterError, match="got Linear, whose weights are all frozen"):
        NetClassifier(module, fast=fast).fit(X, Y)
