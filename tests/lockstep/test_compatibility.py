"""Which trainings are one population, and which of them are one training.

Each test trains two nets that differ in one thing alone, together and apart: they must come out as
apart, and the report must tell how they were trained.
"""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.base import clone
from skorch.callbacks import EarlyStopping
from torch import nn

from skensemble import CyclicalSGLDClassifier, NetRegressor
from skensemble.lockstep import Report, run_together
from skensemble.lockstep._compatibility import engine_for
from skensemble.training import Data, ReadOnly, copying, ignore
from tests.lockstep import conftest
from tests.lockstep.conftest import (
    Averaging,
    Branches,
    Centred,
    Counting,
    Dropping,
    Held,
    Hooked,
    Normed,
    Own,
    OwnBatches,
    OwnDataset,
    OwnLoss,
    OwnNet,
    Scaled,
    Tied,
    assert_gives_what_separate_fits_give,
    assert_same_trainings,
    halved_loss,
    initialized,
    moved,
    net,
    nudge,
    paused,
    snapshots,
    swapped,
    tasks_of,
    train_one,
)

X, LABELS = conftest.X[:37], conftest.LABELS[:37]
TARGETS, WEIGHT = conftest.TARGETS[:37], conftest.WEIGHT[:37]
HALF, ALL = (lambda t, T: t in (T // 2, T)), (lambda t, T: True)


def train_both(one, other):
    """Train two nets together, hold them against the same apart, and give the report."""
    report = Report()
    ended = run_together([partial(train_one, **one), partial(train_one, **other)], report=report)
    for participant, settings in zip(ended, (one, other), strict=True):
        if participant.error is not None:
            raise participant.error
        assert_same_trainings(participant.result, train_one(**settings))
    return report


def trainings(report):
    return sum(group["n_nets"] for group in report.groups) + sum(report.alone.values())


def with_momentum(value):
    """Give a function that lets a net begin with a momentum."""

    def change(net):
        for parameter in net.optimizer_.param_groups[0]["params"]:
            buffer = torch.full_like(parameter, value)
            net.optimizer_.state[parameter]["momentum_buffer"] = buffer

    return change


def with_order(seed):
    """Give a function that lets a net draw its orders from another seed."""
    return lambda net: setattr(net, "order_seed_", seed)


def set_group(name, value):
    """Give a function that changes a setting of a net's optimizer behind the net's back."""
    return lambda net: net.optimizer_.param_groups[0].update({name: value})


def smoothed(net):
    net.criterion_.label_smoothing = 0.3


PLAIN = {"optimizer__nesterov": False}

# What the first has, and what the second has instead.
TWO_TRAININGS = {
    "weights": ({}, {"change": nudge(1e-9)}),
    "rows": ({}, {"X": moved(X, 1e-9)}),
    "number of rows": ({}, {"X": X[:-1], "y": LABELS[:-1]}),
    "labels": ({}, {"y": swapped(LABELS)}),
    "targets": ({"kind": NetRegressor}, {"y": moved(TARGETS, 1e-9)}),
    "weights of rows": ({"weight": WEIGHT}, {"weight": np.r_[WEIGHT[:-1], 9.0]}),
    "weights of rows or none": ({}, {"weight": WEIGHT}),
    # 33 rows are batches of 8, 8, 8 and 9, or of 9, 9, 9 and 6.
    "batch size": ({"X": X[:33], "y": LABELS[:33]}, {"batch_size": 9}),
    "order": ({}, {"change": with_order(7)}),
    "shuffling": ({}, {"iterator_train__shuffle": False}),
    "rates": ({}, {"rate": 0.2}),
    "moments": ({"moment": HALF}, {"moment": ALL}),
    "momentum": ({}, {"optimizer__momentum": 0.5}),
    "momentum of the optimizer": ({}, {"change": set_group("momentum", 0.5)}),
    "weight decay": ({}, {"optimizer__weight_decay": 0.1}),
    "clipping": ({"max_grad_norm": 0.1}, {"max_grad_norm": 0.2}),
    "clipping or none": ({"max_grad_norm": 0.1}, {"max_grad_norm": None}),
    "velocity": ({"change": with_momentum(0.1)}, {"change": with_momentum(0.2)}),
    "dropout draws": ({"module__dropout": 0.3}, {"torch_seed": 5}),
}


@pytest.mark.parametrize("what", TWO_TRAININGS)
def test_nets_that_differ_in_one_thing_are_two_trainings_of_one_population(what):
    one, instead = TWO_TRAININGS[what]
    report = train_both(one, one | instead)
    assert [(g["n_nets"], g["n_fits"]) for g in report.groups] == [(2, 2)]
    assert not report.alone


TWO_POPULATIONS = {
    "architecture": ({}, {"module__hidden_units": (8,)}),
    "depth": ({}, {"module__hidden_units": (7, 7)}),
    "activation": ({}, {"module__activation": "tanh"}),
    "probability of dropout": ({"module__dropout": 0.3}, {"module__dropout": 0.4}),
    "dropout or none": ({"module__dropout": 0.3}, {"module__dropout": 0.0}),
    "axes of rows": ({"module__n_features": 4, "X": X[:, :4]}, {"X": X[:, :4].reshape(-1, 2, 2)}),
    "precision": ({}, {"precision": "float32", "X": X.astype(np.float32)}),
    "epochs": ({}, {"max_epochs": 7}),
    "number of batches": ({}, {"batch_size": 18}),
    "label smoothing": ({"criterion__label_smoothing": 0.1}, {"criterion__label_smoothing": 0.3}),
    "label smoothing or none": (
        {"module": Own, "criterion__label_smoothing": 0.0},
        {"criterion__label_smoothing": 0.3},
    ),
    "criterion": ({"module": Own}, {"kind": NetRegressor}),
    "criterion of the closed form": ({}, {"kind": NetRegressor, "module__activation": "silu"}),
    "Nesterov's momentum": ({}, PLAIN),
    "momentum or none": (PLAIN, {"optimizer__momentum": 0.0}),
    "dampening": (PLAIN, {"optimizer__dampening": 0.5}),
    "dampening of the optimizer": (PLAIN, {"change": set_group("dampening", 0.5)}),
    "a setting of the criterion": ({"module": Own}, {"change": smoothed}),
    "velocity or none": ({}, {"change": with_momentum(0.1)}),
    "class of the module": ({"module": Own}, {"module": Centred}),
    "attribute of the module": ({"module": Scaled}, {"module__scale": 2.0}),
    "what a dict of the module holds": (
        {"module": Scaled, "module__factor": 2.0},
        {"change": lambda net: net.module_.held.update(factor=3.0)},
    ),
    "how often a layer stands there": (
        {"module": Tied, "module__n_times": 1},
        {"change": lambda net: net.module_.append(net.module_[0])},
    ),
    "length of rows": (
        {"module": Averaging, "module__n_features": 1, "X": X[:, :, None]},
        {"X": X[:, :4, None]},
    ),
    "a setting of the net that nobody knows": (
        {},
        {"change": lambda net: setattr(net, "patience", 3)},
    ),
    "last batch of another module": (
        {"module": Own, "X": X[:36], "y": LABELS[:36]},
        {"X": X[:35], "y": LABELS[:35]},
    ),
}


@pytest.mark.parametrize("what", TWO_POPULATIONS)
def test_nets_that_differ_in_one_thing_are_two_populations(what):
    one, instead = TWO_POPULATIONS[what]
    report = train_both(one, one | instead)
    assert not report.groups
    assert trainings(report) == 2


ALIKE = {
    "the closed form": {},
    "torch.func": {"module": Own},
    "torch.func, of a regressor": {"module": Own, "kind": NetRegressor},
    "dropout of probability 0": {"module": Dropping, "module__p": 0.0},
    "a module that holds an array": {"module": Scaled},
    "dropout": {"module__dropout": 0.3},
    "weights of rows": {"weight": WEIGHT},
    "clipping": {"max_grad_norm": 0.1},
    "a velocity": {"change": with_momentum(0.1)},
}


@pytest.mark.parametrize("what", ALIKE)
def test_nets_that_are_alike_are_one_training(what):
    report = train_both(ALIKE[what], ALIKE[what])
    assert [(g["n_nets"], g["n_fits"]) for g in report.groups] == [(1, 2)]


def test_two_trainings_of_nets_that_are_alike_are_one_each():
    report = train_both({"n_trainings": 2}, {"n_trainings": 2})
    assert [(g["n_nets"], g["n_fits"]) for g in report.groups] == [(1, 2)] * 2


GOES_ALONE = [
    ("OwnNet is neither NetClassifier nor NetRegressor", net(kind=OwnNet)),
    ("the net has fast=False", net(fast=False)),
    ("the net is verbose", net(verbose=1)),
    ("a skorch callback watches", net(callbacks=[EarlyStopping("train_loss")])),
    ("autocast", net(precision="bf16")),
    ("an iterator of its own", net(iterator_train=OwnBatches)),
    ("a dataset or an", net(dataset=OwnDataset)),
    ("arguments for its iterator", net(iterator_train__generator=None)),
    ("the optimizer is Adam, not SGD", net(optimizer=torch.optim.Adam)),
    ("several groups", net(optimizer__param_groups=[("*bias", {"lr": 0.1})])),
    ("a rate of its own", net(optimizer__param_groups=[("*", {"lr": 0.02})])),
    ("maximises or is", net(optimizer__maximize=True, module__activation="silu")),
    ("the criterion is OwnLoss", net(Own, criterion=OwnLoss)),
    ("the criterion is Cross", net(Own, criterion__reduction="sum", max_grad_norm=1.0)),
    ("weighs or ignores classes", net(criterion__weight=torch.ones(3).double())),
    ("weighs or ignores classes", net(Own, criterion__ignore_index=1)),
    ("a hook looks into the module", net(Hooked)),
    ("a hook looks into the module or the criterion", net(Own, criterion=halved_loss())),
    ("the module has buffers", net(Normed)),
    ("whose masks would differ", net(Dropping)),
    ("layers of the module share weights", net(Tied, module__layer=nn.Linear)),
    ("holds what cannot be compared", net(Held)),
    ("torch.func refuses the module: vmap", net(Branches)),
    ("it keeps something of what it has seen", net(Counting)),
]
ENSEMBLES_GO_ALONE = [
    *((reason, snapshots(one)) for reason, one in GOES_ALONE),
    ("changes the weights in mid-training", snapshots(net(), cold_restart=True)),
    ("changes the weights", CyclicalSGLDClassifier(net(), M=2, random_state=0)),
]


@pytest.mark.parametrize(("reason", "ensemble"), ENSEMBLES_GO_ALONE)
def test_what_cannot_go_together_goes_alone_and_says_why(reason, ensemble):
    ensembles = [clone(ensemble).set_params(alpha_zero=rate) for rate in (0.05, 0.1)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), 1e-6)
    assert not report.groups
    ((said, n_fits),) = report.alone.items()
    assert reason in said
    assert n_fits == 2


def obstacle(net, data=None, **settings):
    return engine_for(paused(net, data, **settings)).obstacle


def frozen(net):
    next(net.module_.parameters()).requires_grad_(False)


def watched(net):
    net.optimizer_.register_step_post_hook(lambda *args: None)


def averaged(net):
    net.optimizer_.state[next(net.module_.parameters())]["average"] = 0.0


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("some weights are not trained", frozen),
        ("a hook or a scheduler looks into the steps", watched),
        ("keeps more than a momentum", averaged),
        ("the optimizer has settings", set_group("lookahead", True)),
        ("other weights than those", set_group("params", [nn.Parameter(torch.zeros(1))])),
        ("arguments for its iterator", with_order(None)),
        ("skorch holds rows out", lambda net: net.set_params(train_split=lambda *args: args)),
        ("maximises or is differentiable", set_group("differentiable", True)),
        ("the module is compiled", lambda net: setattr(net, "compile", True)),
    ],
)
def test_a_net_that_was_changed_by_hand_goes_alone(reason, change):
    made = initialized()
    assert obstacle(made) is None
    change(made)
    assert reason in obstacle(made)


def test_sparse_rows_go_alone():
    assert obstacle(initialized(), Data(csr_array(X), LABELS)) == "the rows are sparse"


@pytest.mark.parametrize("observe", [ignore, ReadOnly(print), copying(print)])
def test_observers_that_only_look_go_together(observe):
    assert obstacle(initialized(), observe=observe) is None
    assert "mid-training" in obstacle(initialized(), observe=print)
