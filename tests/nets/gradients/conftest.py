"""Two weights, always the same, and steps of them at given rates."""

import torch
from torch import nn

from skensemble.nets.gradients import obstacle_to_fused_step, step_of

RATES = (0.1, 0.3, 0.05, 0.2)


def weights():
    """Give two parameters, always the same."""
    values = torch.arange(1.0, 7.0, dtype=torch.float64)
    return [nn.Parameter(values[:4].clone().view(2, 2)), nn.Parameter(values[4:].clone())]


def gradient(parameter, t):
    """Give a gradient that changes in sign and size from step to step."""
    return torch.linspace(-1, 2, parameter.numel(), dtype=torch.float64).view_as(parameter) * (
        (-1) ** t * (1 + t)
    )


def fused_step(optimizer, **kwargs):
    """Give our step of an optimizer to which there is no obstacle."""
    assert obstacle_to_fused_step(optimizer) is None
    return step_of(optimizer, **kwargs)


def run(optimizer, step, rates=RATES, begin=0):
    """Make a step at each rate, on gradients that are written over in place.

    A second group has half the rate.
    """
    for t, rate in enumerate(rates, start=begin):
        for number, group in enumerate(optimizer.param_groups, start=1):
            group["lr"] = rate / number
            for parameter in group["params"]:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                parameter.grad.copy_(gradient(parameter, t))
        step()


def assert_same(ours, theirs, tolerance=1e-14):
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other, rtol=tolerance, atol=tolerance)
