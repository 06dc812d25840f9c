"""What the optimizer of a net does to its weights, and when it goes with those of others."""

import pytest
import torch
from torch import nn

from skensemble.lockstep._net_optimizer import (
    memory_of,
    obstacle_to_stacking,
    settings_of,
    steps_made,
)
from tests.lockstep.conftest import initialized, paused

ADAMW = {"optimizer": torch.optim.AdamW, "lr": 0.1}
GROUPS = [("2.*", {"lr": 0.3, "weight_decay": 0.2}), ("*.bias", {"weight_decay": 0.0})]


def test_settings_follow_the_weights_of_the_module_through_all_groups():
    training = paused(initialized(**ADAMW, optimizer__param_groups=GROUPS))
    # The groups hold the second layer, the first bias, and the first weight.
    assert [len(group["params"]) for group in training.net.optimizer_.param_groups] == [2, 1, 1]
    last = (0.3 / 0.1, 0.2, 0.0)
    assert settings_of(training) == [(1.0, 1e-4, 0.0), (1.0, 0.0, 0.0), last, last]


def test_momentum_is_a_setting_of_sgd():
    groups = [("*.bias", {"momentum": 0.5})]
    settings = settings_of(paused(initialized(optimizer__param_groups=groups)))
    assert [own.momentum for own in settings] == [0.9, 0.5, 0.9, 0.5]


def remember(net, **values):
    for k, parameter in enumerate(net.module_.parameters()):
        state = {name: torch.full_like(parameter, v + k) for name, v in values.items()}
        net.optimizer_.state[parameter] = state


@pytest.mark.parametrize(
    ("optimizer", "values"),
    [
        (torch.optim.SGD, {"momentum_buffer": 1.0}),
        (torch.optim.Adam, {"exp_avg": 1.0, "exp_avg_sq": 2.0}),
    ],
)
def test_memory_follows_the_weights_of_the_module(optimizer, values):
    net = initialized(optimizer=optimizer, optimizer__param_groups=GROUPS)
    assert memory_of(paused(net)) == {}
    assert steps_made(paused(net)) == 0
    remember(net, **values)
    memory = memory_of(paused(net))
    assert memory.keys() == values.keys()
    for name, value in values.items():
        assert [t.mean().item() for t in memory[name]] == [value + k for k in range(4)]


def test_steps_are_those_that_adam_has_counted():
    net = initialized(**ADAMW)
    remember(net, exp_avg=0.0, exp_avg_sq=0.0)
    for state in net.optimizer_.state.values():
        state["step"] = torch.tensor(7.0)
    assert steps_made(paused(net)) == 7
    assert obstacle_to_stacking(paused(net)) is None


def set_groups(*settings):
    """Give a function that changes settings of the groups of a net's optimizer."""

    def change(net):
        for group, own in zip(net.optimizer_.param_groups, settings, strict=True):
            group.update(own)

    return change


def keep(*states):
    """Give a function that lets an optimizer remember something of each weight."""

    def change(net):
        for parameter, state in zip(net.module_.parameters(), states, strict=True):
            own = {name: torch.as_tensor(value) for name, value in state.items()}
            net.optimizer_.state[parameter] = own

    return change


MOMENTS = {"exp_avg": 0.0, "exp_avg_sq": 0.0}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (set_groups({}, {"eps": 0.1}, {}), "groups of the optimizer differ in ['eps']"),
        (
            set_groups({}, {"betas": (0.1, 0.2)}, {"fused": False}),
            "groups of the optimizer differ in ['betas', 'fused']",
        ),
        (set_groups({"lr": torch.tensor(0.1)}, {}, {}), "has tensors among its settings"),
        (set_groups({"amsgrad": True}, {}, {}), "the optimizer has amsgrad=True"),
        (set_groups({}, {"params": []}, {}), "trains other weights than those of the module"),
        (
            set_groups({}, {"params": [nn.Parameter(torch.zeros(7))]}, {}),
            "trains other weights than those of the module",
        ),
        (
            keep(*[MOMENTS | {"average": 1.0}] * 4),
            "the optimizer keeps ['average'] beside exp_avg and exp_avg_sq",
        ),
        (keep({}, MOMENTS, MOMENTS, MOMENTS), "remembers some weights, and others not"),
        (keep(*[{"exp_avg": 0.0}] * 4), "remembers some weights, and others not"),
        (
            keep(*[MOMENTS | {"step": float(k > 0)} for k in range(4)]),
            "has counted other steps of some weights than of others",
        ),
    ],
)
def test_what_cannot_go_with_others_says_why(change, reason):
    net = initialized(**ADAMW, optimizer__param_groups=GROUPS)
    assert obstacle_to_stacking(paused(net)) is None
    change(net)
    assert reason in obstacle_to_stacking(paused(net))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (set_groups({"momentum": 0.0, "nesterov": False}, {}, {}), "differ in ['nesterov']"),
        (set_groups({"momentum": 0.0}, {}, {}), "some groups of the optimizer have a momentum"),
        (set_groups({"lr": torch.tensor(0.1)}, {}, {}), "the rate of the optimizer is a tensor"),
    ],
)
def test_what_cannot_go_with_others_under_sgd_says_why(change, reason):
    net = initialized(optimizer__param_groups=GROUPS)
    assert obstacle_to_stacking(paused(net)) is None
    change(net)
    assert reason in obstacle_to_stacking(paused(net))


def test_there_is_a_fused_adam_for_some_devices_only():
    for kind, reason in ((torch.optim.Adam, "no fused Adam for mps"), (torch.optim.SGD, None)):
        training = paused(initialized(optimizer=kind))
        training.device = torch.device("mps")
        found = obstacle_to_stacking(training)
        assert found == reason if reason is None else reason in found
