"""Steps of several nets at once, held against `torch.optim.SGD` on each net alone."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch.nn.utils import clip_grad_norm_

from skensemble.lockstep._populations import ClosedFormPopulation, FunctionalPopulation
from skensemble.lockstep._stacked_sgd import StackedSGD
from tests.lockstep.conftest import initialized, paused, weights_of

POPULATIONS = [ClosedFormPopulation, FunctionalPopulation]
N_STEPS = 4
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
}


def nets_of(settings):
    # A layer of more outputs than inputs, one of fewer, and as many.
    layers = {"module__hidden_units": (7, 4, 4)}
    return [initialized(seed=k, **(layers | own)) for k, own in enumerate(settings)]


def begin_with_momentum(nets):
    for k, net in enumerate(nets):
        for parameter in net.module_.parameters():
            velocity = torch.full_like(parameter, 0.1 + k)
            net.optimizer_.state[parameter]["momentum_buffer"] = velocity


def stacked(kind, nets):
    population = kind([paused(net) for net in nets])
    return population, StackedSGD(population, nets)


def gradients_of(nets, t):
    """Give gradients of step t for each net, of norms from 0.2 to 9."""
    generator = torch.Generator().manual_seed(t)
    return [
        [torch.randn(p.shape, generator=generator, dtype=p.dtype) * 3.0 ** (k + t - 5)
         for p in net.module_.parameters()]
        for k, net in enumerate(nets)
    ]  # fmt: skip


def step_alone(net, gradients, rate):
    parameters = list(net.module_.parameters())
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    if net.max_grad_norm is not None:
        clip_grad_norm_(parameters, net.max_grad_norm)
    net.optimizer_.param_groups[0]["lr"] = rate
    net.optimizer_.step()


def momentum_of(net):
    states = [net.optimizer_.state[p] for p in net.module_.parameters()]
    return [state.get("momentum_buffer") for state in states]


def run_both(kind, nets):
    """Step the nets as one population and alone; give those alone."""
    alone = deepcopy(nets)
    population, optimizer = stacked(kind, nets)
    for t in range(N_STEPS):
        gradients, rates = gradients_of(nets, t), torch.tensor([0.1, 0.2, 0.05]).double() / (t + 1)
        for own, value in zip(population.gradients, population.stack(gradients), strict=True):
            own.copy_(value)
        optimizer.step(rates)
        for net, own, rate in zip(alone, gradients, rates.tolist(), strict=True):
            step_alone(net, own, rate)
    for k, net in enumerate(nets):
        population.write(k, population.weights, list(net.module_.parameters()))
        optimizer.write_buffers(k, net)
    return alone


@pytest.mark.parametrize("kind", POPULATIONS)
@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize("what", SETTINGS)
def test_steps_are_those_of_torch(kind, goes_on, what):
    nets = nets_of(SETTINGS[what])
    if goes_on and nets[0].optimizer__momentum:
        begin_with_momentum(nets)
    for net, alone in zip(nets, run_both(kind, nets), strict=True):
        # The sums of a norm are made in another order.
        np.testing.assert_allclose(weights_of(net), weights_of(alone), rtol=1e-12, atol=1e-12)
        for found, expected in zip(momentum_of(net), momentum_of(alone), strict=True):
            assert (found is None) == (expected is None)
            if found is not None:
                torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", POPULATIONS)
def test_momentum_is_not_shared_between_nets(kind):
    nets = nets_of([{}] * 3)
    run_both(kind, nets)
    pointers = [buffer.data_ptr() for net in nets for buffer in momentum_of(net)]
    assert len(set(pointers)) == 3 * 8


def test_without_a_step_the_momentum_is_left_as_it_was():
    fresh, going_on = nets_of([{}] * 2), nets_of([{}] * 2)
    begin_with_momentum(going_on)
    for nets in (fresh, going_on):
        _, optimizer = stacked(ClosedFormPopulation, nets)
        for k, net in enumerate(nets):
            optimizer.write_buffers(k, net)
    assert all(buffer is None for net in fresh for buffer in momentum_of(net))
    for k, net in enumerate(going_on):
        assert all((buffer == 0.1 + k).all() for buffer in momentum_of(net))
