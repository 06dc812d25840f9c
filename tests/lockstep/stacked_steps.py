"""Steps of three nets at once, and of each alone by torch's own optimizer."""

from copy import deepcopy

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from skensemble.lockstep._stacked_optimizers import stack_optimizers
from tests.lockstep.conftest import initialized, paused, weights_of

N_STEPS = 4
RATES = np.array([[0.1, 0.2, 0.05]]) / np.arange(1, N_STEPS + 1)[:, None]
SAME_RATES = RATES[:, :1].repeat(3, axis=1)
GROUPS = [("*.bias", {"weight_decay": 0.0}), ("2.weight", {"lr": 0.02, "weight_decay": 0.2})]


def nets_of(settings):
    # A layer of more outputs than inputs, one of fewer, and as many.
    layers = {"module__hidden_units": (7, 4, 4)}
    return [initialized(seed=k, **(layers | own)) for k, own in enumerate(settings)]


def stacked(kind, nets, rates=RATES):
    trainings = [paused(net) for net in nets]
    population = kind(trainings)
    return population, stack_optimizers(population, trainings, rates)


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
    groups = net.optimizer_.param_groups
    own_rates = [group["lr"] for group in groups]
    for group, own_rate in zip(groups, own_rates, strict=True):
        group["lr"] = rate * own_rate / net.lr
    net.optimizer_.step()
    for group, own_rate in zip(groups, own_rates, strict=True):
        group["lr"] = own_rate


def run_both(kind, nets, rates=RATES):
    """Step the nets as one population and alone; give those alone."""
    alone = deepcopy(nets)
    for net in alone:
        for group in net.optimizer_.param_groups:
            # torch's plainest form: a loop over the parameters.
            group.update(fused=False, foreach=False)
    population, optimizer = stacked(kind, nets, rates)
    for t, row in enumerate(rates.tolist()):
        gradients = gradients_of(nets, t)
        for own, value in zip(population.gradients, population.stack(gradients), strict=True):
            own.copy_(value)
        optimizer.begin(t)
        optimizer.make()
        optimizer.end(t)
        for net, own, rate in zip(alone, gradients, row, strict=True):
            step_alone(net, own, rate)
    for k, net in enumerate(nets):
        population.write(k, population.weights, list(net.module_.parameters()))
        optimizer.write_memory(k)
    return alone


def states_of(net):
    """Give what the optimizer remembers of each parameter."""
    return [dict(net.optimizer_.state.get(p, {})) for p in net.module_.parameters()]


def assert_same_nets(nets, alone):
    for net, expected in zip(nets, alone, strict=True):
        # The sums of a norm are made in another order.
        np.testing.assert_allclose(weights_of(net), weights_of(expected), rtol=1e-12, atol=1e-12)
        for own, other in zip(states_of(net), states_of(expected), strict=True):
            assert own.keys() == other.keys()
            for name in own:
                torch.testing.assert_close(own[name], other[name], rtol=1e-12, atol=1e-12)
