"""Steps of several nets at once, held against `torch.optim.SGD` on each net alone."""

import pytest
import torch

from skensemble.lockstep._populations import ClosedFormPopulation, FunctionalPopulation
from tests.lockstep.stacked_steps import (
    GROUPS,
    assert_same_nets,
    nets_of,
    run_both,
    stacked,
    states_of,
)

POPULATIONS = [ClosedFormPopulation, FunctionalPopulation]
PLAIN = {"optimizer__nesterov": False}

# What each net has of its own; three where one is named.
SETTINGS = {
    "Nesterov's momentum": [{}] * 3,
    "plain momentum": [PLAIN] * 3,
    "dampened momentum": [PLAIN | {"optimizer__dampening": 0.3}] * 3,
    "no momentum": [{"optimizer__momentum": 0.0}] * 3,
    "no weight decay": [{"optimizer__weight_decay": 0.0}] * 3,
    "clipping": [{"max_grad_norm": 0.5}] * 3,
    "no clipping": [{"max_grad_norm": None}] * 3,
    "momentum of each": [{"optimizer__momentum": momentum} for momentum in (0.5, 0.9, 0.5)],
    "plain momentum of each": [PLAIN | {"optimizer__momentum": m} for m in (0.5, 0.9, 0.1)],
    "weight decay of each": [{"optimizer__weight_decay": decay} for decay in (0.0, 0.3, 0.0)],
    "clipping of each": [{"max_grad_norm": norm} for norm in (0.5, None, 3.0)],
    "groups": [{"optimizer__param_groups": GROUPS}] * 3,
    "momentum of groups": [{"optimizer__param_groups": [("*.bias", {"momentum": 0.5})]}] * 3,
    "groups of each": [
        {"optimizer__param_groups": [("*.bias", {"weight_decay": decay, "lr": lr})]}
        for decay, lr in ((0.0, 0.01), (0.1, 0.01), (0.0, 0.6))
    ],
}


def begin_with_momentum(nets):
    for k, net in enumerate(nets):
        for parameter in net.module_.parameters():
            velocity = torch.full_like(parameter, 0.1 + k)
            net.optimizer_.state[parameter]["momentum_buffer"] = velocity


@pytest.mark.parametrize("kind", POPULATIONS)
@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize("what", SETTINGS)
def test_steps_are_those_of_torch(kind, goes_on, what):
    nets = nets_of(SETTINGS[what])
    if goes_on and nets[0].optimizer__momentum:
        begin_with_momentum(nets)
    assert_same_nets(nets, run_both(kind, nets))


@pytest.mark.parametrize("kind", POPULATIONS)
def test_momentum_is_not_shared_between_nets(kind):
    nets = nets_of([{}] * 3)
    run_both(kind, nets)
    pointers = [s["momentum_buffer"].data_ptr() for net in nets for s in states_of(net)]
    assert len(set(pointers)) == 3 * 8


def test_without_a_step_the_momentum_is_left_as_it_was():
    fresh, going_on = nets_of([{}] * 3), nets_of([{}] * 3)
    begin_with_momentum(going_on)
    for nets in (fresh, going_on):
        _, optimizer = stacked(ClosedFormPopulation, nets)
        for k in range(3):
            optimizer.write_memory(k)
    assert all(state == {} for net in fresh for state in states_of(net))
    for k, net in enumerate(going_on):
        assert all((state["momentum_buffer"] == 0.1 + k).all() for state in states_of(net))
