"""Which trainings are one population, and which of them are one training.

Each test trains two nets that differ in one thing alone, together and apart: they must come out as
apart, and the report must tell how they were trained.
"""

from functools import partial

import pytest
import torch
from scipy.sparse import csr_array
from sklearn.base import clone
from skorch.callbacks import EarlyStopping
from torch import nn

from skensemble import CyclicalSGLDClassifier
from skensemble.lockstep import Report, run_together
from skensemble.lockstep._compatibility import engine_for
from skensemble.training import Data, ReadOnly, copying, ignore
from tests.lockstep.conftest import (
    Branches,
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
    Tied,
    assert_gives_what_separate_fits_give,
    assert_same_trainings,
    halved_loss,
    initialized,
    net,
    paused,
    snapshots,
    tasks_of,
    train_one,
)
from tests.lockstep.pairs import (
    ADAM,
    ALIKE,
    LABELS,
    TWO_POPULATIONS,
    TWO_TRAININGS,
    X,
    grouped,
    set_group,
    with_order,
)


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


@pytest.mark.parametrize("what", TWO_TRAININGS)
def test_nets_that_differ_in_one_thing_are_two_trainings_of_one_population(what):
    one, instead = TWO_TRAININGS[what]
    report = train_both(one, one | instead)
    assert [(g["n_nets"], g["n_fits"]) for g in report.groups] == [(2, 2)]
    assert not report.alone


@pytest.mark.parametrize("what", TWO_POPULATIONS)
def test_nets_that_differ_in_one_thing_are_two_populations(what):
    one, instead = TWO_POPULATIONS[what]
    report = train_both(one, one | instead)
    assert not report.groups
    assert trainings(report) == 2


@pytest.mark.parametrize("what", ALIKE)
def test_nets_that_are_alike_are_one_training(what):
    report = train_both(ALIKE[what], ALIKE[what])
    assert [(g["n_nets"], g["n_fits"]) for g in report.groups] == [(1, 2)]


@pytest.mark.parametrize("settings", [{}, ADAM | grouped(weight_decay=0.1)])
def test_two_trainings_of_nets_that_are_alike_are_one_each(settings):
    two = settings | {"n_trainings": 2}
    report = train_both(two, two)
    assert [(g["n_nets"], g["n_fits"]) for g in report.groups] == [(1, 2)] * 2


@pytest.mark.parametrize("settings", [{}, ADAM | grouped(lr=0.03)])
def test_a_second_training_goes_on_with_what_the_optimizers_remember(settings):
    two = settings | {"n_trainings": 2}
    report = train_both(two, two | {"rate": 0.2, "seed": 1})
    assert [(g["n_nets"], g["n_fits"]) for g in report.groups] == [(2, 2)] * 2


GOES_ALONE = [
    ("OwnNet is neither NetClassifier nor NetRegressor", net(kind=OwnNet)),
    ("the net has fast=False", net(fast=False)),
    ("the net is verbose", net(verbose=1)),
    ("a skorch callback watches", net(callbacks=[EarlyStopping("train_loss")])),
    ("autocast", net(Own, precision="bf16")),
    ("an iterator of its own", net(iterator_train=OwnBatches)),
    ("a dataset or an", net(dataset=OwnDataset)),
    ("arguments for its iterator", net(iterator_train__generator=None)),
    ("the optimizer is NAdam, not SGD, Adam or AdamW", net(optimizer=torch.optim.NAdam)),
    ("has amsgrad=True", net(**ADAM, optimizer__amsgrad=True)),
    ("groups of the optimizer differ in ['betas']", net(**ADAM, **grouped(betas=(0.5, 0.9)))),
    ("the optimizer maximises", net(optimizer__maximize=True, module__activation="silu")),
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
@pytest.mark.filterwarnings("ignore:alpha_zero=.* is high for")
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
        ("keeps ['average'] beside momentum_buffer", averaged),
        ("the optimizer has settings", set_group("lookahead", True)),
        ("other weights than those", set_group("params", [nn.Parameter(torch.zeros(1))])),
        ("arguments for its iterator", with_order(None)),
        ("skorch holds rows out", lambda net: net.set_params(train_split=lambda *args: args)),
        ("the optimizer is differentiable", set_group("differentiable", True)),
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
