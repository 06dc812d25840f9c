"""What makes the steps of an optimizer, and what leaves them to the optimizer itself."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from skensemble.nets.gradients import obstacle_to_fused_step, obstacle_to_optimizer
from tests.nets.gradients.conftest import RATES, assert_same, fused_step, gradient, run, weights

OPTIMIZERS = [
    partial(torch.optim.SGD, momentum=0.9),
    torch.optim.Adam,
    partial(torch.optim.AdamW, betas=(0.5, 0.7)),
]

pytestmark = pytest.mark.parametrize("make", OPTIMIZERS, ids=["SGD", "Adam", "AdamW"])


def pair(make):
    """Give an optimizer for our steps, the same for those of torch, and their weights."""
    ours, theirs = weights(), weights()
    return make(ours, lr=1.0, fused=True), make(theirs, lr=1.0, fused=True), ours, theirs


@pytest.mark.parametrize("keeps_gradients", [False, True])
def test_steps_have_the_bits_of_torch(make, keeps_gradients):
    optimizer, reference, ours, theirs = pair(make)
    run(optimizer, fused_step(optimizer, keeps_gradients=keeps_gradients))
    run(reference, reference.step)
    assert_same(ours, theirs, tolerance=0)
    for own, other in zip(ours, theirs, strict=True):
        state, expected = optimizer.state[own], reference.state[other]
        assert state.keys() == expected.keys()
        assert_same(state.values(), expected.values(), tolerance=0)


@pytest.mark.parametrize("keeps_gradients", [False, True])
def test_a_restart_that_drops_the_state_begins_anew(make, keeps_gradients):
    optimizer, reference, ours, theirs = pair(make)
    step = fused_step(optimizer, keeps_gradients=keeps_gradients)
    for own, steps in ((optimizer, step), (reference, reference.step)):
        run(own, steps)
        own.state.clear()
        run(own, steps)
    assert_same(ours, theirs, tolerance=0)


def test_torch_goes_on_from_where_our_steps_ended(make):
    optimizer, reference, ours, theirs = pair(make)
    run(optimizer, fused_step(optimizer, keeps_gradients=True), RATES[:2])
    again = make(ours, lr=1.0, fused=True)
    again.load_state_dict(optimizer.state_dict())
    run(again, again.step, RATES[2:], begin=2)
    run(reference, reference.step)
    assert_same(ours, theirs, tolerance=0)


def test_our_steps_go_on_from_where_torch_ended(make):
    optimizer, reference, ours, theirs = pair(make)
    run(optimizer, optimizer.step, RATES[:2])
    run(optimizer, fused_step(optimizer), RATES[2:], begin=2)
    run(reference, reference.step)
    assert_same(ours, theirs, tolerance=0)


@pytest.mark.parametrize("keeps_gradients", [False, True])
def test_weights_without_a_gradient_stay(make, keeps_gradients):
    optimizer, _, ours, _ = pair(make)
    step = fused_step(optimizer, keeps_gradients=keeps_gradients)
    step()
    assert_same(ours, weights(), tolerance=0)
    ours[1].grad = gradient(ours[1], 0)
    step()
    assert_same(ours[:1], weights()[:1], tolerance=0)
    assert (ours[1] != weights()[1]).any()


def wrap_step(optimizer):
    """Wrap the method of the instance, as learning rate schedulers do."""
    step = optimizer.step
    optimizer.step = lambda *args: step(*args)


@pytest.mark.parametrize(
    "change",
    [
        wrap_step,
        lambda o: torch.optim.lr_scheduler.StepLR(o, 1),
        lambda o: o.register_step_post_hook(lambda *args: None),
        lambda o: o.register_step_pre_hook(lambda *args: None),
    ],
)
def test_whoever_looks_into_the_steps_is_an_obstacle(make, change):
    optimizer, *_ = pair(make)
    change(optimizer)
    reason = "a hook or a scheduler looks into the steps of the optimizer"
    assert obstacle_to_fused_step(optimizer) == obstacle_to_optimizer(optimizer) == reason


@pytest.mark.parametrize(
    "register", [register_optimizer_step_pre_hook, register_optimizer_step_post_hook]
)
def test_a_hook_on_all_optimizers_is_an_obstacle(make, register):
    handle = register(lambda *args: None)
    try:
        assert "a hook" in obstacle_to_fused_step(pair(make)[0])
    finally:
        handle.remove()


@pytest.mark.parametrize("fused", [False, None])
def test_the_fused_step_is_only_made_where_it_is_asked_for(make, fused):
    optimizer = make(weights(), lr=1.0, fused=fused)
    assert obstacle_to_fused_step(optimizer) == f"the optimizer has fused={fused}"
    assert obstacle_to_optimizer(optimizer) is None


def test_a_subclass_steps_itself(make):
    kind = type("Own", (getattr(make, "func", make),), {})
    reason = "the optimizer is Own, not SGD, Adam or AdamW"
    assert obstacle_to_fused_step(kind(weights(), lr=1.0, fused=True)) == reason


def test_weights_of_several_types_are_an_obstacle(make):
    mixed = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2, dtype=torch.float64))]
    optimizer = make(mixed, lr=1.0, fused=True)
    assert obstacle_to_fused_step(optimizer) == "the weights have several types or devices"
