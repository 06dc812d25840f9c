"""Trainings of several nets in lock-step: one loop, each step a step of all of them."""

from collections import deque
from collections.abc import Sequence
from math import nan
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skensemble.members import bare
from skensemble.training._course import Plan, Step, diverged
from skensemble.training._participants import Request
from skensemble.training._populations import Population
from skensemble.training._stacked_batches import StackedBatches
from skensemble.training._stacked_sgd import StackedSGD
from skensemble.training._train import Trace


def train_in_lockstep(
    requests: Sequence[Request], plans: Sequence[Plan], population: Population
) -> list[Any]:
    """Train the nets of several requests as one population.

    Parameters
    ----------
    requests : sequence of Request
        Of one group: the same architecture, batches per epoch and epochs.
    plans : sequence of tuple
        Rates of all steps and moments of each, from `lay_out`.
    population : Population
        Of their nets.

    Returns
    -------
    outcomes : list of Trace or Exception
        What `train` would have returned or raised for each.
    """
    batches = StackedBatches([r.net for r in requests], [r.data for r in requests])
    optimizer = StackedSGD(population, [r.net for r in requests])
    course = _Courses(requests, plans, population, batches.sizes)
    rates = torch.as_tensor(course.tables.T.copy()).to(population.all_weights).unbind()
    for t, batch in enumerate(batches.epochs(requests[0].net.max_epochs), start=1):
        with torch.no_grad():
            losses = population.backward(batch)
            optimizer.step(rates[t - 1])
        course.end_step(t, losses)
        if not course.is_on.any():
            break
    for k, request in enumerate(requests):
        # Others have their weights from the moment at which they ended.
        if course.is_on[k]:
            course.end(k, t, stopped_by=None)
            course.write(k)
            optimizer.write_buffers(k, request.net)
    return course.outcomes


class _Courses:
    """Counts the steps of all nets, calls the observers at each one's moments, keeps losses."""

    def __init__(
        self,
        requests: Sequence[Request],
        plans: Sequence[Plan],
        population: Population,
        sizes: Tensor,
    ) -> None:
        self.requests = requests
        self.population = population
        self.sizes = sizes.T.numpy()
        self.shares = self.sizes / self.sizes.sum(0)
        self.T = requests[0].net.max_epochs * len(self.sizes)
        self.tables = np.array([table for table, _ in plans])
        self.due: dict[int, list[int]] = {}
        for k, (_, moments) in enumerate(plans):
            for t in moments:
                self.due.setdefault(t, []).append(k)
        self.is_on = np.ones(len(requests), dtype=bool)
        self.outcomes: list[Any] = [None] * len(requests)
        self.reached: list[list[int]] = [[] for _ in requests]
        self.losses: deque[Tensor] = deque(maxlen=len(self.sizes))
        self.curves: list[np.ndarray] = []

    def end_step(self, t: int, losses: Tensor) -> None:
        """Count a step, and an epoch that ends with it; call the observers whose moment it is."""
        self.losses.append(losses)
        for k in self.due.get(t, ()):
            if self.is_on[k]:
                self._observe(k, t)
        if t % len(self.sizes) == 0:
            self._end_epoch(t)

    def _observe(self, k: int, t: int) -> None:
        request = self.requests[k]
        self.write(k)
        rate, module = float(self.tables[k, t - 1]), bare(request.net.module_)
        step = Step(t, self.T, rate, module, lambda: self._finite_mean_loss(k, t))
        try:
            should_stop = request.observe(step)
        except Exception as error:
            self.outcomes[k], self.is_on[k] = error, False
            return
        self.reached[k].append(t)
        if should_stop:
            self.end(k, t, stopped_by="observer")

    def _end_epoch(self, t: int) -> None:
        """Note the mean losses of an epoch; a net whose loss is not finite has failed."""
        means = (torch.stack([*self.losses]).cpu().numpy() * self.shares).sum(0)
        self.curves.append(means)
        if np.isfinite(means).all():
            return
        for k in np.flatnonzero(self.is_on & ~np.isfinite(means)):
            try:
                self._finite_mean_loss(k, t)
            except FloatingPointError as error:
                self.outcomes[k], self.is_on[k] = error, False

    def end(self, k: int, t: int, stopped_by: str | None) -> None:
        """Note what a net's training leaves behind."""
        losses = self._last_losses(k)
        n_epochs = t // len(self.sizes)
        self.outcomes[k] = Trace(
            n_steps=self.T,
            learning_rates=self.tables[k, :t].copy(),
            moments=np.asarray(self.reached[k], dtype=int),
            loss_curve=np.array([curve[k] for curve in self.curves[:n_epochs]]),
            last_loss=float(losses.mean()) if len(losses) else nan,
            stopped_by=stopped_by,
        )
        self.is_on[k] = False

    def write(self, k: int) -> None:
        """Give a net the weights that it has in the population."""
        parameters = list(bare(self.requests[k].net.module_).parameters())
        self.population.write(k, self.population.weights, parameters)

    def _last_losses(self, k: int) -> np.ndarray:
        return torch.stack([losses[k] for losses in self.losses]).float().cpu().numpy()

    def _finite_mean_loss(self, k: int, t: int) -> float:
        losses = self._last_losses(k)
        is_bad = ~np.isfinite(losses)
        if is_bad.any():
            at = t - len(losses) + 1 + int(is_bad.argmax())
            rate = float(self.tables[k, at - 1])
            raise diverged(at, rate, f"the training loss is {losses[is_bad][0]}")
        return float(losses.mean())
