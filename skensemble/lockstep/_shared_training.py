"""One training of a population, for one fit or for several whose training is the same."""

from copy import deepcopy
from dataclasses import replace
from math import nan
from typing import Any

import torch
from torch import nn

from skensemble._typing import State
from skensemble.lockstep._paused_fit import Outcome, PausedFit
from skensemble.lockstep._paused_training import PausedTraining
from skensemble.training import Step, StepPlan, Trace


class SharedTraining:
    """A training that is made once, for one fit or for several that ask for the same.

    Parameters
    ----------
    plan : StepPlan
        Its rates and moments.
    """

    def __init__(self, plan: StepPlan) -> None:
        self.plan = plan
        # A fit that has left may wait for something else already.
        self.trainings: dict[PausedFit, PausedTraining] = {}
        self.stopped: dict[PausedFit, _Stop] = {}
        self.left: set[PausedFit] = set()
        self.copies: list[tuple[State, Step]] = []

    @property
    def first(self) -> PausedTraining:
        """The training that is made; the others get copies."""
        return next(iter(self.trainings.values()))

    def add(self, fit: PausedFit) -> None:
        """Let a fit have what the others here get."""
        self.trainings[fit] = fit.training

    @property
    def observers_can_wait(self) -> bool:
        """Whether all that goes on wants of a moment is a copy of the weights, later."""
        return all(self.trainings[fit].observer_can_wait for fit in self._active())

    def keep(self, state: State, step: Step) -> None:
        """Keep a copy of the weights for all fits that go on, until the training is over."""
        self.copies.append((state, step))

    def observe(self, step: Step) -> bool:
        """Let all fits observe a step of the first net; True if none goes on."""
        for fit in self._active():
            module = self._hand_over(fit)
            stops = fit.resume(replace(step, module=module))
            if fit.training is not self.trainings[fit]:
                # Its task has failed over the step, and may have asked for another training.
                self.left.add(fit)
            elif stops:
                self.stopped[fit] = _Stop(step, module)
        return not self._active()

    def outcomes(self, end: Trace | Exception) -> list[tuple[PausedFit, Outcome]]:
        """Leave each net as its own training would, and return what each fit is to be told."""
        active = self._active()
        # The first that goes on may change its weights.
        for fit in active:
            self._hand_over(fit)
            self._hand_over_state(fit)
        outcomes = []
        for fit in active:
            # An ensemble may change its members; those of another must not follow.
            copies = self.copies if fit is active[-1] else [*map(_copy_again, self.copies)]
            outcomes.append((fit, Outcome(end, copies)))
        for fit, stop in self.stopped.items():
            training = self.trainings[fit]
            stop.put_back(training.module)
            n_batches = len(training.batch_sizes)
            # A stop at the last step of an epoch comes before its end.
            n_epochs = (stop.t - 1) // n_batches
            outcomes.append((fit, Outcome(_cut(end, stop.t, n_epochs, stop.loss))))
        return outcomes

    def _active(self) -> list[PausedFit]:
        return [fit for fit in self.trainings if fit not in self.left and fit not in self.stopped]

    def _hand_over(self, fit: PausedFit) -> nn.Module:
        """Copy the weights of the first net to that of a fit."""
        first, own = self.first.module, self.trainings[fit].module
        if own is not first:
            own.load_state_dict(first.state_dict())
        return own

    def _hand_over_state(self, fit: PausedFit) -> None:
        """Copy what another training would begin with: momentum, orders and draws."""
        first, own = self.first, self.trainings[fit]
        if own is not first:
            own.net.order_seed_ = first.net.order_seed_
            _load_memory(own.net.optimizer_, deepcopy(first.net.optimizer_.state_dict()))
            own.generator_state = first.drawn_state


class _Stop:
    """Where one of several fits has ended a training that goes on for others."""

    def __init__(self, step: Step, module: nn.Module) -> None:
        self.t, self.T = step.t, step.T
        try:
            self.loss = step.loss
        except FloatingPointError:
            self.loss = nan
        self.state = deepcopy(module.state_dict())

    def put_back(self, module: nn.Module) -> None:
        """Give a module the weights that it had at the stop."""
        module.load_state_dict(self.state)


def _load_memory(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Let an optimizer remember what another does, and keep the rates of its groups."""
    rates = [group["lr"] for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate


def _copy_again(copy: tuple[State, Step]) -> tuple[State, Step]:
    state, step = copy
    return {name: array.copy() for name, array in state.items()}, step


def _cut(trace: Any, t: int, n_epochs: int, loss: float) -> Any:
    """Return the trace of a training that ended at an earlier step."""
    if isinstance(trace, BaseException):
        return trace
    return replace(
        trace,
        learning_rates=trace.learning_rates[:t],
        moments=trace.moments[trace.moments <= t],
        loss_curve=trace.loss_curve[:n_epochs],
        last_loss=loss,
        stopped_by="observer",
        history=trace.history[:n_epochs],
    )
