"""Norms of several nets' gradients at once, held against `clip_grad_norm_` on each."""

import pytest
import torch
from torch.nn.utils import clip_grad_norm_

from skensemble.lockstep._populations import ClosedFormPopulation, FunctionalPopulation
from skensemble.lockstep._stacked_clipping import StackedClipping
from tests.lockstep.conftest import paused
from tests.lockstep.stacked_steps import gradients_of, nets_of


@pytest.mark.parametrize("kind", [ClosedFormPopulation, FunctionalPopulation])
@pytest.mark.parametrize("norms", [(0.5, None, 3.0), (None,) * 3, (0.1,) * 3])
def test_each_net_is_cut_to_its_own_norm(kind, norms):
    nets = nets_of([{"max_grad_norm": norm} for norm in norms])
    population = kind([paused(net) for net in nets])
    clipping = StackedClipping(population, nets)
    assert clipping.clips == (norms != (None,) * 3)
    gradients = gradients_of(nets, 3)
    for own, value in zip(population.gradients, population.stack(gradients), strict=True):
        own.copy_(value)
    clipping.cut()
    for k, (net, norm, own) in enumerate(zip(nets, norms, gradients, strict=True)):
        parameters = [*net.module_.parameters()]
        for parameter, gradient in zip(parameters, own, strict=True):
            parameter.grad = gradient
        clip_grad_norm_(parameters, torch.inf if norm is None else norm)
        found = [torch.empty_like(p) for p in parameters]
        population.write(k, population.gradients, found)
        for one, parameter in zip(found, parameters, strict=True):
            torch.testing.assert_close(one, parameter.grad, rtol=1e-12, atol=0)
