"""Steps of several nets at once, held against torch's Adam and AdamW on each net alone."""

import pytest
import torch

from skensemble.lockstep._populations import ClosedFormPopulation, FunctionalPopulation
from tests.lockstep.stacked_steps import (
    GROUPS,
    RATES,
    SAME_RATES,
    assert_same_nets,
    nets_of,
    run_both,
    stacked,
    states_of,
)

POPULATIONS = [ClosedFormPopulation, FunctionalPopulation]
KINDS = [torch.optim.Adam, torch.optim.AdamW]

# What each net has of its own.
SETTINGS = {
    "defaults": [{}] * 3,
    "weight decay": [{"optimizer__weight_decay": 0.3}] * 3,
    "betas": [{"optimizer__betas": (0.5, 0.6)}] * 3,
    "eps": [{"optimizer__eps": 0.1}] * 3,
    "clipping": [{"max_grad_norm": 0.5}] * 3,
    "plain steps": [{"optimizer__fused": False}] * 3,
    "groups": [{"optimizer__param_groups": GROUPS}] * 3,
    "weight decay of each": [{"optimizer__weight_decay": decay} for decay in (0.0, 0.3, 0.0)],
    "clipping of each": [{"max_grad_norm": norm} for norm in (0.5, None, 3.0)],
    "groups of each": [
        {"optimizer__param_groups": [("*.bias", {"weight_decay": decay, "lr": lr})]}
        for decay, lr in ((0.0, 0.01), (0.1, 0.01), (0.0, 0.6))
    ],
}


def adam_nets(kind, settings):
    return nets_of([{"optimizer": kind} | own for own in settings])


def begin_with_memory(nets, n_steps=5):
    for k, net in enumerate(nets):
        for parameter in net.module_.parameters():
            net.optimizer_.state[parameter] = {
                "step": torch.tensor(float(n_steps)),
                "exp_avg": torch.full_like(parameter, 0.1 + k),
                "exp_avg_sq": torch.full_like(parameter, 0.2 + k),
            }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rates", [RATES, SAME_RATES], ids=["rates of each", "one rate"])
@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize("what", SETTINGS)
def test_steps_are_those_of_torch(kind, rates, goes_on, what):
    nets = adam_nets(kind, SETTINGS[what])
    if goes_on:
        begin_with_memory(nets)
    assert_same_nets(nets, run_both(ClosedFormPopulation, nets, rates))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rates", [RATES, SAME_RATES], ids=["rates of each", "one rate"])
def test_steps_of_any_module_are_those_of_torch(kind, rates):
    nets = adam_nets(kind, [{"optimizer__param_groups": GROUPS}] * 3)
    assert_same_nets(nets, run_both(FunctionalPopulation, nets, rates))


@pytest.mark.parametrize("is_fused", [True, False])
def test_steps_are_counted_in_the_type_of_torch(is_fused):
    nets = adam_nets(torch.optim.AdamW, [{"optimizer__fused": is_fused}] * 3)
    alone = run_both(ClosedFormPopulation, nets)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        doubled = adam_nets(torch.optim.AdamW, [{"optimizer__fused": is_fused}] * 3)
        run_both(ClosedFormPopulation, doubled)
    finally:
        torch.set_default_dtype(default)
    for net, dtype in ((alone[0], torch.float32), (nets[0], torch.float32)):
        assert all(state["step"].dtype == dtype for state in states_of(net))
    dtype = torch.float32 if is_fused else torch.float64
    assert all(state["step"].dtype == dtype for state in states_of(doubled[0]))


@pytest.mark.parametrize("kind", POPULATIONS)
def test_what_is_remembered_is_not_shared_between_nets(kind):
    nets = adam_nets(torch.optim.AdamW, [{}] * 3)
    run_both(kind, nets)
    pointers = [t.data_ptr() for net in nets for s in states_of(net) for t in s.values()]
    assert len(set(pointers)) == 3 * 8 * 3


def test_without_a_step_the_memory_is_left_as_it_was():
    fresh, going_on = (adam_nets(torch.optim.Adam, [{}] * 3) for _ in range(2))
    begin_with_memory(going_on)
    for nets in (fresh, going_on):
        _, optimizer = stacked(ClosedFormPopulation, nets)
        for k in range(3):
            optimizer.write_memory(k)
    assert all(state == {} for net in fresh for state in states_of(net))
    for k, net in enumerate(going_on):
        for state in states_of(net):
            assert state["step"] == 5
            assert (state["exp_avg"] == 0.1 + k).all()
            assert (state["exp_avg_sq"] == 0.2 + k).all()


def test_a_net_that_is_not_finite_leaves_the_others():
    nets = adam_nets(torch.optim.AdamW, [{"max_grad_norm": 1.0}] * 3)
    for parameter in nets[1].module_.parameters():
        parameter.data.fill_(torch.nan)
    alone = run_both(ClosedFormPopulation, nets)
    assert_same_nets(nets[::2], alone[::2])
