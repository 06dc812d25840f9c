"""Gradients of K nets cut to norms, each net's to its own."""

from collections.abc import Sequence

import torch
from skorch import NeuralNet

from skensemble.lockstep._populations import Population
from skensemble.nets.gradients import clip_factor


class StackedClipping:
    """What `clip_gradients` does to each of K nets.

    Parameters
    ----------
    population : Population
        Its gradients are cut in place.
    nets : sequence of NeuralNet
        Their `max_grad_norm` may differ, or be None.
    """

    def __init__(self, population: Population, nets: Sequence[NeuralNet]) -> None:
        self.population = population
        norms = [torch.inf if net.max_grad_norm is None else net.max_grad_norm for net in nets]
        self.clips = min(norms) < torch.inf
        self.max_norms = population.all_weights.new_tensor(norms)

    def cut(self) -> None:
        """Cut the gradients where they are too long."""
        if not self.clips:
            return
        gradients = self.population.gradients
        norms = [torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients]
        norm = torch.linalg.vector_norm(torch.stack(norms), dim=0)
        factor = clip_factor(norm, self.max_norms)
        if factor is not None:
            for gradient in gradients:
                gradient.mul_(factor.view(-1, *(1,) * (gradient.ndim - 1)))
