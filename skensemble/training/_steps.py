"""The steps of a training: planned, counted, and their last losses kept.

`train` uses this for one net, `skensemble.lockstep` for several: nowhere else are steps counted or
rates looked up.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from skensemble._checks import InvalidParameterError
from skensemble._typing import Moment, Schedule
from skensemble.nets import LARGEST_LOSS, DivergenceError, divergence_error, loss_seen


@dataclass(frozen=True)
class Step:
    """What an observer is told at a moment.

    Attributes
    ----------
    t : int
        Optimizer steps made so far, this one included.
    T : int
        Optimizer steps in all.
    rate : float
        Learning rate of the step.
    module : torch.nn.Module
        The net's module in training: copy what is to be kept.
    mean_loss : callable
        Returns the mean training loss over the last steps, as many as an epoch has; calling it
        waits for the device.
    rates : sequence of float
        Learning rates of all steps made so far.
    """

    t: int
    T: int
    rate: float
    module: nn.Module
    mean_loss: Callable[[], float]
    rates: Sequence[float] = ()

    @property
    def loss(self) -> float:
        """Mean training loss over the last epoch of steps; an error if it is not finite."""
        return self.mean_loss()


class StepPlan(NamedTuple):
    """What is known of a training before its first step.

    Attributes
    ----------
    rates : list of float
        Learning rate of each step.
    moments : frozenset of int
        Steps that are moments, counted from 1.
    """

    rates: list[float]
    moments: frozenset[int]


def plan_steps(schedule: Schedule, moment: Moment, T: int) -> StepPlan:
    """Ask a schedule and a moment about all steps of a training.

    Raises
    ------
    InvalidParameterError
        If a rate is negative or not finite.

    Examples
    --------
    >>> plan_steps(lambda t, T: t / T, lambda t, T: t == T, 4)
    StepPlan(rates=[0.25, 0.5, 0.75, 1.0], moments=frozenset({4}))
    """
    moments = frozenset(t for t in range(1, T + 1) if moment(t, T))
    rates = [schedule(t, T) for t in range(1, T + 1)]
    _check_rates(np.asarray(rates, dtype=float))
    return StepPlan(rates, moments)


def _check_rates(rates: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(rates) | (rates < 0))
    if len(bad):
        rule = "a function that gives finite rates >= 0"
        got = f"{rates[bad[0]]} at step {bad[0] + 1}"
        raise InvalidParameterError(f"schedule must be {rule}, got {got}.")


class StepCounter:
    """Counts the steps of one training, or of several that go in lock-step.

    Parameters
    ----------
    plans : sequence of StepPlan
        Of each training; all have as many steps.

    Attributes
    ----------
    t : int
        Steps that were made.
    T : int
        Steps in all.

    Examples
    --------
    >>> counter = StepCounter([StepPlan([0.1, 0.2], frozenset({2}))])
    >>> counter.count(), counter.count()
    ((), [0])
    >>> counter.rates_made(0)
    [0.1, 0.2]
    """

    def __init__(self, plans: Sequence[StepPlan]) -> None:
        self.plans = plans
        self.t = 0
        self.T = len(plans[0].rates)
        self._due: dict[int, list[int]] = {}
        for k, plan in enumerate(plans):
            for t in plan.moments:
                self._due.setdefault(t, []).append(k)

    def next_rate(self, k: int) -> float:
        """Return the rate of the step to come in training k."""
        return self.plans[k].rates[self.t]

    def count(self) -> Sequence[int]:
        """Count a step that was made by all; return the trainings whose moment it is."""
        self.t += 1
        return self._due.get(self.t, ())

    def rates_made(self, k: int) -> list[float]:
        """Return the rates of the steps that were made in training k."""
        return self.plans[k].rates[: self.t]

    def step(self, k: int, module: nn.Module, losses: Callable[[], np.ndarray]) -> Step:
        """Return the last step that was made in training k, as observers are told of it.

        Parameters
        ----------
        k : int
            Training.
        module : torch.nn.Module
            Its module.
        losses : callable
            Returns the losses of the last steps, as `RecentLosses.values` does; called when
            somebody asks for the loss of the step.
        """
        rates = self.rates_made(k)

        def mean_loss() -> float:
            """Look at the losses now."""
            return finite_mean(losses()[:, k], rates)

        return Step(self.t, self.T, rates[-1], module, mean_loss, rates)


class RecentLosses:
    """The losses of the last steps, as many as an epoch has.

    Parameters
    ----------
    n_batches : int
        Steps of an epoch.
    """

    def __init__(self, n_batches: int) -> None:
        self._losses: deque[Tensor] = deque(maxlen=n_batches)
        self._fetched: np.ndarray | None = np.empty((0, 1))

    def add(self, losses: Tensor) -> None:
        """Add the loss of a step, of shape (), or those of several trainings, of shape (K,)."""
        self._losses.append(losses)
        self._fetched = None

    def values(self) -> np.ndarray:
        """Fetch the losses from the device, in one go and once for each step.

        Returns
        -------
        losses : ndarray of shape (n_losses, K)
            Oldest first; one training has K = 1.
        """
        if self._fetched is None:
            losses = torch.stack([*self._losses])
            # NumPy has no half precision of torch's kind.
            losses = losses if losses.dtype == torch.float64 else losses.float()
            self._fetched = losses.cpu().numpy().reshape(len(losses), -1)
        return self._fetched


def finite_mean(losses: np.ndarray, rates: Sequence[float]) -> float:
    """Return the mean of the last losses of a training.

    Parameters
    ----------
    losses : ndarray of shape (n_losses,)
        Of its last steps.
    rates : sequence of float
        Rates of all steps that it has made.

    Raises
    ------
    DivergenceError
        If a loss is not finite.
    """
    if np.abs(losses).max() <= LARGEST_LOSS:
        return float(losses.mean())
    at = int((~(np.abs(losses) <= LARGEST_LOSS)).argmax())
    t = len(rates) - len(losses) + 1 + at
    raise diverged(t, rates[t - 1], loss_seen(losses[at]))


def diverged(t: int, rate: float, what: str) -> DivergenceError:
    """Build the error that says where a training blew up and what to try."""
    return divergence_error(what, f"at step {t}", rate)


Observer = Callable[[Step], Any]
"""Called at each moment; training ends there if it returns True."""
