"""The fused step of SGD, held against `torch.optim.SGD` and against the rule written out."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import NetClassifier
from skensemble.nets import FastReport
from skensemble.nets.gradients import obstacle_to_fused_step
from tests.nets.gradients.conftest import RATES, assert_same, fused_step, gradient, run, weights

SETTINGS = [
    {"momentum": momentum, "dampening": dampening, "nesterov": nesterov, "weight_decay": decay}
    for momentum, dampening, nesterov, decay in product(
        (0.0, 0.5, 0.9), (0.0, 0.3), (False, True), (0.0, 0.1)
    )
    # torch refuses Nesterov's momentum without a momentum, or with dampening.
    if not nesterov or (momentum and not dampening)
]


def sgd(parameters, **settings):
    return torch.optim.SGD(parameters, lr=1.0, fused=True, **settings)


def torch_sgd(parameters, **settings):
    """Give torch's optimizer in its plainest form: a loop over the parameters."""
    return torch.optim.SGD(parameters, lr=1.0, foreach=False, fused=False, **settings)


@pytest.mark.parametrize("keeps_gradients", [False, True])
@pytest.mark.parametrize("settings", SETTINGS)
def test_steps_are_those_of_torch(settings, keeps_gradients):
    ours, theirs = weights(), weights()
    optimizer, reference = sgd(ours, **settings), torch_sgd(theirs, **settings)
    run(optimizer, fused_step(optimizer, keeps_gradients=keeps_gradients))
    run(reference, reference.step)
    assert_same(ours, theirs)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # w = 1, gradients 1, 2, rates .1, .1; v is the velocity.
        ({}, 1 - 0.1 * 1 - 0.1 * 2),
        # v = 1, then .5 * 1 + 2 = 2.5: the first step takes the gradient as it is.
        ({"momentum": 0.5}, 1 - 0.1 * 1 - 0.1 * 2.5),
        # The first step is not dampened; then v = .5 * 1 + .7 * 2 = 1.9.
        ({"momentum": 0.5, "dampening": 0.3}, 1 - 0.1 * 1 - 0.1 * 1.9),
        # Nesterov: g + .5 v, with v = 1 and then 2.5.
        ({"momentum": 0.5, "nesterov": True}, 1 - 0.1 * 1.5 - 0.1 * (2 + 0.5 * 2.5)),
        # w = 1 - .1 * (1 + .2 * 1) = .88, then - .1 * (2 + .2 * .88).
        ({"weight_decay": 0.2}, 0.88 - 0.1 * (2 + 0.2 * 0.88)),
    ],
)
def test_two_steps_written_out(settings, expected):
    weight = nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = sgd([weight], **settings)
    optimizer.param_groups[0]["lr"] = 0.1
    step = fused_step(optimizer)
    for value in (1.0, 2.0):
        weight.grad = torch.full_like(weight, value)
        step()
    assert weight.item() == pytest.approx(expected, rel=1e-14)


def test_groups_have_settings_of_their_own():
    ours, theirs = weights(), weights()
    groups = [
        [{"params": [a], "weight_decay": 0.1}, {"params": [b], "momentum": 0.5}]
        for a, b in (ours, theirs)
    ]
    optimizer, reference = sgd(groups[0], momentum=0.9), torch_sgd(groups[1], momentum=0.9)
    run(optimizer, fused_step(optimizer, keeps_gradients=True))
    run(reference, reference.step)
    assert_same(ours, theirs)


def test_a_step_begins_with_the_momentum_that_is_there():
    ours, theirs = weights(), weights()
    optimizer, reference = sgd(ours, momentum=0.9), torch_sgd(theirs, momentum=0.9)
    # A new function each, as each epoch makes one.
    run(optimizer, fused_step(optimizer), RATES[:2])
    run(optimizer, fused_step(optimizer), RATES[2:], begin=2)
    run(reference, reference.step)
    assert_same(ours, theirs)


@pytest.mark.parametrize("keeps_gradients", [False, True])
def test_a_restart_that_drops_the_state_begins_without_momentum(keeps_gradients):
    ours, theirs = weights(), weights()
    optimizer, reference = sgd(ours, momentum=0.9), torch_sgd(theirs, momentum=0.9)
    step = fused_step(optimizer, keeps_gradients=keeps_gradients)
    run(optimizer, step)
    optimizer.state.clear()
    run(optimizer, step)
    run(reference, reference.step)
    again = torch_sgd(theirs, momentum=0.9)
    run(again, again.step)
    assert_same(ours, theirs)


@pytest.mark.parametrize("keeps_gradients", [False, True])
def test_a_weight_joins_in_with_its_first_gradient(keeps_gradients):
    ours, theirs = weights(), weights()
    settings = {"momentum": 0.9, "dampening": 0.2, "weight_decay": 0.1}
    optimizer, reference = sgd(ours, **settings), torch_sgd(theirs, **settings)
    step = fused_step(optimizer, keeps_gradients=keeps_gradients)
    for parameters, make in ((ours, step), (theirs, reference.step)):
        # The first step of the second weight, which torch's own fused step refuses, is undampened.
        parameters[0].grad = gradient(parameters[0], 0)
        make()
        if keeps_gradients and parameters is ours:
            make = fused_step(optimizer, keeps_gradients=True)
        parameters[1].grad = gradient(parameters[1], 1)
        make()
        make()
    assert_same(ours, theirs)


def test_gradients_that_are_replaced_are_seen():
    weight = nn.Parameter(torch.zeros(1))
    optimizer = sgd([weight], momentum=0.5)
    step = fused_step(optimizer)
    for value in (1.0, 2.0, 3.0):
        weight.grad = torch.full_like(weight, value)
        step()
    # The velocities are 1, 0.5 * 1 + 2 = 2.5 and 0.5 * 2.5 + 3.
    assert weight.item() == -(1 + 2.5 + (0.5 * 2.5 + 3))


def test_a_rate_that_changes_between_steps_is_read_anew():
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = sgd([weight])
    step = fused_step(optimizer, keeps_gradients=True)
    weight.grad = torch.ones_like(weight)
    for rate in (0.1, 0.02):
        optimizer.param_groups[0]["lr"] = rate
        step()
    assert weight.item() == pytest.approx(-(0.1 + 0.02), rel=1e-14)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"maximize": True}, "the optimizer maximises"),
        ({"differentiable": True}, "the optimizer is differentiable"),
        ({"sharpness": 0.1}, "the optimizer has settings ['sharpness']"),
    ],
)
def test_what_only_torch_itself_can_do_is_an_obstacle(settings, reason):
    first, second = weights()
    # The second group counts too.
    optimizer = sgd([{"params": [first]}, {"params": [second]}])
    optimizer.param_groups[1].update(settings)
    assert obstacle_to_fused_step(optimizer) == reason


def test_groups_of_a_net_take_the_fast_ways():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(37, 5)), rng.integers(0, 3, 37)
    own = [("*.bias", {"weight_decay": 0.0}), ("0.weight", {"lr": 0.05, "momentum": 0.5})]
    settings = {"max_epochs": 4, "batch_size": 8, "random_state": 0, "device": "cpu"}
    fast, slow = (
        NetClassifier(optimizer__param_groups=own, precision="float64", fast=fast, **settings)
        for fast in (True, False)
    )
    assert fast.fit(X, y).fast_report_ == FastReport()
    expected = [*slow.fit(X, y).module_.parameters()]
    assert_same([*fast.module_.parameters()], expected, tolerance=1e-12)
