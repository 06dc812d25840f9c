"""Adam and AdamW of K nets at once, each with numbers of its own."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from skensemble.lockstep._net_optimizer import (
    MOMENTS,
    WeightSettings,
    memory_of,
    settings_of,
    steps_made,
)
from skensemble.lockstep._paused_training import PausedTraining
from skensemble.lockstep._populations import Population, packed
from skensemble.lockstep._stacked_clipping import StackedClipping
from skensemble.nets.gradients import AdamTensors, fresh_state, is_decoupled


class StackedAdam:
    """What torch's Adam or AdamW and gradient clipping do to each of K nets.

    Steps are torch's fused updates, of all nets at once where they have the same settings and the
    same rate, and else net by net, on their parts of the stacked weights.

    Parameters
    ----------
    population : Population
        Its weights are updated in place.
    trainings : sequence of PausedTraining
        Rates, weight decay of each weight, and clipping may differ.
    rates : ndarray of shape (n_steps, K)
    """

    def __init__(
        self, population: Population, trainings: Sequence[PausedTraining], rates: np.ndarray
    ) -> None:
        self.population, self.trainings = population, trainings
        self.clipping = StackedClipping(population, [training.net for training in trainings])
        self.rates = rates.tolist()
        memories = [memory_of(training) for training in trainings]
        self.moments = [
            packed(population.stack([memory[name] for memory in memories]))[1]
            if memories[0]
            else packed([torch.zeros_like(weight) for weight in population.weights])[1]
            for name in MOMENTS
        ]
        count = steps_made(trainings[0])
        self.count = torch.full((), count, dtype=torch.float32, device=trainings[0].device)
        self.one = torch.ones_like(self.count)
        settings = [settings_of(training) for training in trainings]
        self.of_each = [self._updates(own, k) for k, own in enumerate(settings)]
        is_alike = all(own == settings[0] for own in settings)
        self.of_all = self._updates(settings[0]) if is_alike else None

    def _updates(self, settings: Sequence[WeightSettings], k: int | None = None) -> list["_Update"]:
        """List the updates of the weights of net k, or of those of all nets."""
        optimizer = self.trainings[0].net.optimizer_
        group = optimizer.param_groups[0]
        stacked = (self.population.weights, self.population.gradients, *self.moments)
        updates = []
        for own in dict.fromkeys(settings):
            places = [i for i, other in enumerate(settings) if other == own]
            tensors = [[part[i] if k is None else part[i][k] for i in places] for part in stacked]
            updates.append(
                _Update(
                    AdamTensors(*tensors, [self.count] * len(places)),
                    own.ratio,
                    {**group, "weight_decay": own.weight_decay},
                    is_decoupled(optimizer, group),
                )
            )
        return updates

    def begin(self, t: int) -> None:
        """Do nothing: rates are numbers, which are handed over in the end."""

    def make(self) -> None:
        """Clip the gradients and count the step, as in `StackedOptimizer`."""
        self.clipping.cut()
        self.count.add_(self.one)

    def end(self, t: int) -> None:
        """Update the weights at the rates of step t, as in `StackedOptimizer`."""
        rates = self.rates[t]
        if self.of_all is not None and rates.count(rates[0]) == len(rates):
            for update in self.of_all:
                update.make(rates[0])
            return
        for rate, updates in zip(rates, self.of_each, strict=True):
            for update in updates:
                update.make(rate)

    def write_memory(self, k: int) -> None:
        """Give net k's own optimizer the moments that it has here, as in `StackedOptimizer`."""
        count = float(self.count)
        if not count:
            return
        training = self.trainings[k]
        optimizer = training.net.optimizer_
        is_fused = bool(optimizer.param_groups[0]["fused"])
        states = [fresh_state(p.detach(), is_fused=is_fused) for p in training.parameters]
        for name, values in zip(MOMENTS, self.moments, strict=True):
            self.population.write(k, values, [state[name] for state in states])
        for parameter, state in zip(training.parameters, states, strict=True):
            state["step"].fill_(count)
            optimizer.state[parameter] = state


class _Update(NamedTuple):
    """One fused call, for weights that are updated alike."""

    tensors: AdamTensors
    ratio: float
    settings: dict[str, Any]
    is_decoupled: bool

    def make(self, rate: float) -> None:
        """Update the weights, at a rate of their net."""
        self.tensors.update(rate * self.ratio, self.settings, is_decoupled=self.is_decoupled)
