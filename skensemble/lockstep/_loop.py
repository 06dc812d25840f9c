"""Trainings of several nets in lock-step: one loop, each step a step of all of them."""

from collections.abc import Sequence
from itertools import islice
from math import ceil, nan
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skensemble._typing import State
from skensemble.lockstep._population_steps import PopulationSteps
from skensemble.lockstep._populations import Population
from skensemble.lockstep._shared_training import SharedTraining
from skensemble.lockstep._stacked_batches import StackedBatches
from skensemble.lockstep._stacked_optimizers import stack_optimizers
from skensemble.members import fetched
from skensemble.training import RecentLosses, StepCounter, Trace, finite_mean, rows_of


def train_in_lockstep(trainings: Sequence[SharedTraining], population: Population) -> list[Any]:
    """Make several trainings as those of one population.

    Parameters
    ----------
    trainings : sequence of SharedTraining
        All can be one population: the same architecture, batches per epoch and epochs.
    population : Population
        Of their first nets.

    Returns
    -------
    outcomes : list of Trace or Exception
        What `train` would have returned or raised for each.
    """
    firsts = [training.first for training in trainings]
    batches = StackedBatches(firsts)
    rates = np.array([training.plan.rates for training in trainings]).T
    optimizer = stack_optimizers(population, firsts, rates)
    course = LockstepCourse(trainings, population, batches.sizes)
    n_epochs = ceil(course.counter.T / batches.sizes.shape[1])
    steps = PopulationSteps(population, optimizer, batches.sizes, firsts[0])
    for batch in islice(batches.epochs(n_epochs), course.counter.T):
        course.end_step(steps.make(batch, course.counter.t))
        if not course.is_on.any():
            break
    for k in np.flatnonzero(course.is_on):
        # Others have their weights from the moment at which they ended.
        course.end(k, stopped_by=None)
        course.write_weights(k)
        optimizer.write_memory(k)
    return course.outcomes


class LockstepCourse:
    """The course of all trainings: calls the observers at each one's moments, notes losses.

    Parameters
    ----------
    trainings : sequence of SharedTraining
    population : Population
    sizes : Tensor of shape (K, n_batches)
        Rows of each batch of each net.
    """

    def __init__(
        self, trainings: Sequence[SharedTraining], population: Population, sizes: Tensor
    ) -> None:
        self.trainings = trainings
        self.population = population
        self.n_batches = sizes.shape[1]
        # Listing them takes longer than copying those of a small net.
        self.parameters = [dict(t.first.module.named_parameters()) for t in trainings]
        self.counter = StepCounter([training.plan for training in trainings])
        self.losses = RecentLosses(self.n_batches)
        rows_of_batch = sizes.T.numpy()
        self.batch_weights = rows_of_batch / rows_of_batch.sum(0)
        self.is_on = np.ones(len(trainings), dtype=bool)
        self.outcomes: list[Any] = [None] * len(trainings)
        self.reached: list[list[int]] = [[] for _ in trainings]
        self.curves: list[np.ndarray] = []
        self.epoch_ends = [perf_counter()]

    def end_step(self, losses: Tensor) -> None:
        """Count a step, and an epoch that ends with it; call the observers whose moment it is."""
        self.losses.add(losses)
        due = [k for k in self.counter.count() if self.is_on[k]]
        waiting = [k for k in due if self.trainings[k].observers_can_wait]
        states = dict(zip(waiting, self._copy_states(waiting), strict=True))
        for k in due:
            self._observe(k, states.get(k))
        if self.counter.t % self.n_batches == 0:
            self._end_epoch()

    def _observe(self, k: int, state: State | None) -> None:
        """Call the observer of a net; a copied state is kept for one that can wait."""
        training = self.trainings[k]
        module = training.first.module
        if state is not None:
            # The losses at this moment, whenever they are asked for.
            values = self.losses.values()
            step = self.counter.step(k, module, lambda: values)
            training.keep(state, step)
            self.reached[k].append(step.t)
            return
        self.write_weights(k)
        step = self.counter.step(k, module, self.losses.values)
        try:
            should_stop = training.observe(step)
        except Exception as error:
            # Whatever a user's callback raises fails this fit alone.
            self.outcomes[k], self.is_on[k] = error, False
            return
        self.reached[k].append(step.t)
        if should_stop:
            self.end(k, stopped_by="observer")

    def _end_epoch(self) -> None:
        """Note the mean losses of an epoch; a net whose loss is not finite has failed."""
        means = self._mean_losses()
        self.curves.append(means)
        self.epoch_ends.append(perf_counter())
        if np.isfinite(means).all():
            return
        for k in np.flatnonzero(self.is_on & ~np.isfinite(means)):
            try:
                finite_mean(self.losses.values()[:, k], self.counter.rates_made(k))
            except FloatingPointError as error:
                self.outcomes[k], self.is_on[k] = error, False

    def _mean_losses(self) -> np.ndarray:
        """Return the mean loss of the rows of the last epoch of each net."""
        return (self.losses.values() * self.batch_weights).sum(0)

    def end(self, k: int, stopped_by: str | None) -> None:
        """Note what a net's training leaves behind."""
        losses = self.losses.values()[:, k]
        n_epochs = self.counter.t // self.n_batches
        curve = [float(means[k]) for means in self.curves[:n_epochs]]
        # All nets are trained together, each epoch in the same time.
        seconds = np.diff(self.epoch_ends).tolist()[: len(curve)]
        self.outcomes[k] = Trace(
            n_steps=self.counter.T,
            learning_rates=np.array(self.counter.rates_made(k)),
            moments=np.asarray(self.reached[k], dtype=int),
            loss_curve=np.array(curve),
            last_loss=float(losses.mean()) if len(losses) else nan,
            stopped_by=stopped_by,
            history=rows_of(curve, seconds, self.n_batches),
        )
        self.is_on[k] = False

    def write_weights(self, k: int) -> None:
        """Give a net the weights that it has in the population."""
        self.population.write(k, self.population.weights, [*self.parameters[k].values()])

    def _copy_states(self, nets: Sequence[int]) -> list[State]:
        """Copy the weights that nets have in the population; they hold no other tensors."""
        if not nets:
            return []
        weights, places = self.population.weights, list(nets)
        if not weights[0].is_cpu:
            # Those of all these nets leave the device at once.
            index = torch.tensor(places).to(weights[0].device, non_blocking=True)
            weights = fetched([weight[index] for weight in weights])
            places = [*range(len(nets))]
        states = []
        for k, place in zip(nets, places, strict=True):
            own = {
                name: torch.empty_like(p, device="cpu", requires_grad=False)
                for name, p in self.parameters[k].items()
            }
            self.population.write(place, weights, [*own.values()])
            states.append({name: tensor.numpy() for name, tensor in own.items()})
        return states
