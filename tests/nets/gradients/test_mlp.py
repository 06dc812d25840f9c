"""Gradients in closed form, held against autograd with ``fast=False``."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from torch import nn
from torch.optim.lr_scheduler import StepLR

from skensemble import NetClassifier, NetRegressor, SnapshotEnsembleClassifier
from skensemble.nets import FastReport, StepCallback
from skensemble.nets.gradients import obstacle_to_closed_form
from tests.nets.conftest import Replacer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(37, 5))
LABELS, TARGETS = RNG.integers(0, 3, 37), RNG.normal(size=(37, 2))
WEIGHT = RNG.uniform(0.1, 3, 37)
SMALL = {"max_epochs": 4, "batch_size": 8, "random_state": 0, "device": "cpu"}


def weights_of(net):
    return np.concatenate([p.detach().numpy().ravel() for p in net.module_.parameters()])


def by_autograd(net, *data, **fit):
    """Give the weights of a training by skorch's epoch, autograd and the optimizer's own step."""
    slow = clone(net).set_params(fast=False).fit(*data, **fit)
    ways = "lean_epoch", "closed_form", "fused_step"
    assert vars(slow.fast_report_) == dict.fromkeys(ways, "fast=False") | {"cuda_graph": None}
    return weights_of(slow)


@pytest.mark.parametrize("kind", [NetClassifier, NetRegressor])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("activation", ["relu", "silu", "gelu", "tanh"])
@pytest.mark.parametrize("hidden_units", [(), (7,), (7, 4, 6)])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_training_is_that_of_autograd(kind, weight, activation, hidden_units, dropout):
    module = {"hidden_units": hidden_units, "activation": activation, "dropout": dropout}
    settings = {f"module__{name}": value for name, value in module.items()}
    y, fit = (LABELS if kind is NetClassifier else TARGETS), {"sample_weight": weight}
    # The last batch has five rows; a norm of 0.3 cuts some gradients and not others.
    for precision, tolerance in (("float64", 1e-12), ("float32", 1e-5)):
        net = kind(**settings, **SMALL, precision=precision, max_grad_norm=0.3)
        expected = by_autograd(net, X, y, **fit)
        net.fit(X, y, **fit)
        assert net.fast_report_ == FastReport()
        np.testing.assert_allclose(weights_of(net), expected, rtol=0, atol=tolerance)


def test_dropout_that_drops_all_leaves_the_last_bias_to_be_trained():
    net = NetClassifier(**SMALL, module__dropout=1.0, precision="float64")
    expected = by_autograd(net, X, LABELS)
    np.testing.assert_allclose(weights_of(net.fit(X, LABELS)), expected, rtol=0, atol=1e-12)
    assert net.fast_report_.closed_form is None


class HalvedRate(Callback):
    """A callback that halves the rate after each epoch, with a scheduler of torch."""

    def on_train_begin(self, net, **kwargs):
        """Make the scheduler, which wraps the optimizer's step."""
        self.scheduler_ = StepLR(net.optimizer_, step_size=1, gamma=0.5)

    def on_epoch_end(self, net, **kwargs):
        """Halve the rate."""
        self.scheduler_.step()


@pytest.mark.parametrize(
    "settings",
    [
        {"max_grad_norm": None},
        {"optimizer__nesterov": False},
        {"optimizer__momentum": 0.0},
        {"optimizer__dampening": 0.3, "optimizer__nesterov": False},
        {"optimizer__weight_decay": 0.0},
        {"optimizer__fused": False},
        {"optimizer": torch.optim.AdamW},
        {"optimizer__param_groups": [("*bias", {"lr": 0.01, "weight_decay": 0.0})]},
        {"callbacks": [HalvedRate()]},
    ],
)
def test_any_optimizer_takes_the_gradients(settings):
    net = NetClassifier(**SMALL, **settings, precision="float64")
    expected = by_autograd(net, X, LABELS)
    np.testing.assert_allclose(weights_of(net.fit(X, LABELS)), expected, rtol=0, atol=1e-12)
    assert net.fast_report_.closed_form is None


class Watcher(Callback):
    """A callback that looks into the steps."""

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Look at the gradients."""
        self.norm_ = sum(p.grad.norm() for _, p in named_parameters)


class OwnLoss(NetClassifier):
    """A net that changes the loss."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Give half of the loss."""
        return super().get_loss(y_pred, y_true, X=X, training=training) / 2


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (OwnLoss(), "OwnLoss is a subclass"),
        (NetClassifier(criterion__label_smoothing=0.1), "the criterion is"),
        (NetClassifier(criterion__weight=torch.ones(3)), "the criterion is"),
        (NetClassifier(nn.Linear(5, 3)), "the module is Linear"),
    ],
)
def test_what_has_no_closed_form_says_why(net, reason):
    net.set_params(max_epochs=1, device="cpu").fit(X, LABELS)
    assert reason in net.fast_report_.closed_form
    assert net.fast_report_.lean_epoch is None


MODULE_HOOKS = [
    "register_forward_pre_hook",
    "register_forward_hook",
    "register_full_backward_pre_hook",
    "register_full_backward_hook",
]


def add_hook(kind, part, module):
    """Add a hook of some kind to a part of a module, itself included."""
    getattr(module.get_submodule(part), kind)(lambda *args: None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m[0].register_forward_hook(lambda *args: None), "a hook"),
        (lambda m: m[0].weight.requires_grad_(False), "some weights are not trained"),
        (lambda m: setattr(m, "1", nn.GELU(approximate="tanh")), "an approximate GELU"),
        (lambda m: setattr(m, "1", nn.ELU()), "layers that MLP does not make"),
        (lambda m: setattr(m[2], "bias", None), "have no bias"),
        (lambda m: setattr(m, "2", m[0]), "share their weights"),
        (lambda m: m[0].weight.register_hook(lambda g: g / 2), "a hook"),
        (lambda m: m.insert(0, nn.Dropout(0.2)), "layers that MLP does not make"),
        (lambda m: m.insert(1, nn.Tanh()), "layers that MLP does not make"),
        (lambda m: m.insert(2, nn.Dropout(0.2).train(not m.training)), "in another mode"),
        (lambda m: setattr(m[0].weight, "data", m[0].weight.data.mT.contiguous().mT), "contiguous"),
        (lambda m: m[2].double(), "several types or devices"),
        (lambda m: setattr(m, "forward", lambda x: x), "a hook"),
        (lambda m: setattr(m[1], "forward", lambda x: x), "a hook"),
        *(
            (partial(add_hook, kind, part), "a hook")
            for kind in MODULE_HOOKS
            for part in ("", "0", "1")
        ),
        (lambda m: m[2].bias.register_post_accumulate_grad_hook(lambda p: None), "a hook"),
    ],
)
def test_a_module_that_was_changed_has_no_closed_form(change, reason):
    net = NetClassifier(module__hidden_units=(5,), device="cpu", max_epochs=1).fit(X, LABELS)
    assert net.fast_report_.closed_form is None
    change(net.module_)
    assert reason in obstacle_to_closed_form(net)


@pytest.mark.parametrize("kind", MODULE_HOOKS)
def test_a_hook_on_the_criterion_sees_autograd(kind):
    net = NetClassifier(**SMALL).fit(X, LABELS)
    getattr(net.criterion_, kind)(lambda *args: None)
    assert "a hook" in obstacle_to_closed_form(net)


def test_a_criterion_may_be_in_evaluation_mode():
    net = NetClassifier(**SMALL).fit(X, LABELS)
    net.criterion_.eval()
    assert obstacle_to_closed_form(net) is None


def test_a_callback_that_looks_into_steps_sees_autograd():
    watcher = Watcher()
    net = NetClassifier(**SMALL, callbacks=[("watcher", watcher)]).fit(X, LABELS)
    assert net.fast_report_.lean_epoch == "the callback 'watcher' looks into batches"
    assert watcher.norm_ > 0


@pytest.mark.parametrize("max_epochs", [12, 11])
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
@pytest.mark.filterwarnings("ignore:alpha_zero=.* is high for")
def test_a_cold_restart_in_the_middle_of_an_epoch_drops_the_momentum(max_epochs, optimizer):
    settings = SMALL | {"max_epochs": max_epochs, "optimizer": optimizer}
    net = NetClassifier(**settings, precision="float64")
    ensemble = SnapshotEnsembleClassifier(net, M=2, cold_restart=True, random_state=0)
    expected = clone(ensemble).set_params(estimator__fast=False).fit(X, LABELS).members_
    for state, other in zip(ensemble.fit(X, LABELS).members_, expected, strict=True):
        assert all(np.allclose(state[name], other[name], rtol=0, atol=1e-12) for name in other)


def test_an_epoch_may_be_run_by_itself():
    net = NetClassifier(**SMALL).fit(X, LABELS)
    before = weights_of(net)
    net.history.new_epoch()
    batches = net.get_iterator(net.get_dataset(X.astype(np.float32), LABELS), training=True)
    net.run_single_epoch(batches, training=True, prefix="train", step_fn=net.train_step)
    assert (weights_of(net) != before).any()


def test_images_are_flattened():
    images = RNG.normal(size=(20, 2, 3))
    net = NetClassifier(**SMALL, precision="float64")
    expected = by_autograd(net, images, LABELS[:20])
    np.testing.assert_allclose(weights_of(net.fit(images, LABELS[:20])), expected, atol=1e-12)


class Freezer(Callback):
    """A callback that freezes the first layer after two epochs."""

    def on_epoch_end(self, net, **kwargs):
        """Freeze it."""
        if len(net.history) == 2:
            net.module_[0].requires_grad_(False)


class Clearer(StepCallback):
    """A callback that takes the gradients away after each epoch."""

    def on_epoch_end(self, net, **kwargs):
        """Take them away."""
        net.optimizer_.zero_grad(set_to_none=True)


@pytest.mark.parametrize("callback", [Freezer, Clearer, Replacer])
@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
def test_what_callbacks_do_to_the_weights_is_heeded(callback, optimizer):
    settings = {"module__hidden_units": (5,), "precision": "float64", "optimizer": optimizer}
    net = NetClassifier(**SMALL, **settings, callbacks=[callback()])
    expected = by_autograd(net, X, LABELS)
    np.testing.assert_allclose(weights_of(net.fit(X, LABELS)), expected, rtol=0, atol=1e-12)


def test_a_second_training_looks_at_the_module_anew():
    net = NetClassifier(**SMALL).fit(X, LABELS)
    calls = []
    net.module_[0].register_forward_hook(lambda *args: calls.append(args))
    net.partial_fit(X, LABELS)
    assert calls
