"""Stochastic gradient descent of K nets at once, each with numbers of its own."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from skensemble.lockstep._net_optimizer import memory_of, settings_of
from skensemble.lockstep._paused_training import PausedTraining
from skensemble.lockstep._populations import Population, packed
from skensemble.lockstep._stacked_clipping import StackedClipping

Coefficient = float | Tensor
"""One number for all nets, or one for each weight of each net."""


class StackedSGD:
    """What `torch.optim.SGD` and gradient clipping do to each of K nets.

    Parameters
    ----------
    population : Population
        Its weights are updated in place.
    trainings : sequence of PausedTraining
        Rates, momentum and weight decay of each weight, and clipping may differ.
    rates : ndarray of shape (n_steps, K)
    """

    def __init__(
        self, population: Population, trainings: Sequence[PausedTraining], rates: np.ndarray
    ) -> None:
        self.population, self.trainings = population, trainings
        self.clipping = StackedClipping(population, [training.net for training in trainings])
        group = trainings[0].net.optimizer_.param_groups[0]
        self.nesterov, self.dampening = group["nesterov"], group["dampening"]
        # Of each weight, those of all nets.
        settings = [*zip(*map(settings_of, trainings), strict=True)]
        self.ratios = [tuple(s.ratio for s in own) for own in settings]
        self.rates = {
            own: torch.as_tensor(rates * own).to(population.all_weights).unbind()
            for own in dict.fromkeys(self.ratios)
        }
        # A replay reads the rates where they lay when it was recorded.
        self.copies_rates = trainings[0].net.cuda_graph is not False
        self.rates_now = {own: table[0].clone() for own, table in self.rates.items()}
        self.momentum = self._coefficient([[s.momentum for s in own] for own in settings])
        self.weight_decay = self._coefficient([[s.weight_decay for s in own] for own in settings])
        self.has_momentum = bool(group["momentum"])
        memories = [memory_of(training) for training in trainings]
        self.is_first = not memories[0]
        stacked = (
            population.gradients
            if self.is_first
            else population.stack([memory["momentum_buffer"] for memory in memories])
        )
        self.velocity, self.buffers = packed(stacked)

    def begin(self, t: int) -> None:
        """Set the rates of step t, as in `StackedOptimizer`."""
        for own, table in self.rates.items():
            if self.copies_rates:
                self.rates_now[own].copy_(table[t])
            else:
                self.rates_now[own] = table[t]

    def end(self, t: int) -> None:
        """Do nothing: the step is made."""

    def make(self) -> None:
        """Clip the gradients and update the weights, as in `StackedOptimizer`."""
        self.clipping.cut()
        g = self.population.all_gradients
        _add(g, self.population.all_weights, self.weight_decay)
        if self.has_momentum:
            v = self.velocity
            if self.is_first:
                v.copy_(g)
            else:
                v.mul_(self.momentum).add_(g, alpha=1 - self.dampening)
            self.is_first = False
            if self.nesterov:
                _add(g, v, self.momentum)
            else:
                g.copy_(v)
        for weight, gradient, ratios in zip(
            self.population.weights, self.population.gradients, self.ratios, strict=True
        ):
            down = self.rates_now[ratios].view(-1, *(1,) * (weight.ndim - 1))
            weight.addcmul_(gradient, down, value=-1)

    def write_memory(self, k: int) -> None:
        """Give net k's own optimizer the momentum that it has here, as in `StackedOptimizer`."""
        if not self.has_momentum or self.is_first:
            return
        training = self.trainings[k]
        buffers = [torch.empty_like(p) for p in training.parameters]
        self.population.write(k, self.buffers, buffers)
        for parameter, buffer in zip(training.parameters, buffers, strict=True):
            training.net.optimizer_.state[parameter]["momentum_buffer"] = buffer.detach()

    def _coefficient(self, values: Sequence[Sequence[float]]) -> Coefficient:
        """Return numbers of the weights of the nets, of which each has a list, as a coefficient."""
        if len({value for own in values for value in own}) == 1:
            return values[0][0]
        spread = [
            weight.new_tensor(own).view(-1, *(1,) * (weight.ndim - 1)).expand_as(weight).flatten()
            for weight, own in zip(self.population.weights, values, strict=True)
        ]
        return torch.cat(spread)


def _add(to: Tensor, what: Tensor, times: Coefficient) -> None:
    if isinstance(times, Tensor):
        to.addcmul_(what, times)
    elif times:
        to.add_(what, alpha=times)
