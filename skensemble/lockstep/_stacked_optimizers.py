"""The steps of K nets at once, by the optimizer that all of them have."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch

from skensemble.lockstep._paused_training import PausedTraining
from skensemble.lockstep._populations import Population
from skensemble.lockstep._stacked_adam import StackedAdam
from skensemble.lockstep._stacked_sgd import StackedSGD


class StackedOptimizer(Protocol):
    """What the optimizers of K nets do, each with settings and rates of its own."""

    def begin(self, t: int) -> None:
        """Begin step t, counted from 0.

        A step has three parts, of which `make` alone may be replayed: it reads and writes the same
        memory each time, and depends on t by that alone. To be called where autograd is off.
        """

    def make(self) -> None:
        """Clip the gradients of a population, and make of the step what may be replayed."""

    def end(self, t: int) -> None:
        """Make the rest of step t."""

    def write_memory(self, k: int) -> None:
        """Give the optimizer of net k what it would remember after the same steps alone."""


STACKED: dict[type[torch.optim.Optimizer], Callable[..., StackedOptimizer]] = {
    torch.optim.SGD: StackedSGD,
    torch.optim.Adam: StackedAdam,
    torch.optim.AdamW: StackedAdam,
}
"""What makes the steps of each kind of optimizer."""


def stack_optimizers(
    population: Population, trainings: Sequence[PausedTraining], rates: np.ndarray
) -> StackedOptimizer:
    """Return what makes the steps of the optimizers of several nets.

    Parameters
    ----------
    population : Population
        Of the nets; its weights will be updated.
    trainings : sequence of PausedTraining
        Of the nets, which can be one population.
    rates : ndarray of shape (n_steps, K)
        Of the steps to come.

    Returns
    -------
    optimizer : StackedOptimizer
    """
    return STACKED[type(trainings[0].net.optimizer_)](population, trainings, rates)
