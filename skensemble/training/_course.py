"""The course of a training: the step counter, the write of the rate, the moments, the losses."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble._checks import InvalidParameterError
from skensemble._typing import Moment, Schedule
from skensemble.members import bare
from skensemble.nets._lean import StepCallback, mean_batch_loss


class DivergenceError(FloatingPointError, ValueError):
    """The loss or the weights are no longer finite."""


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
        Gives the mean training loss over the last steps, as many as an epoch has; looking waits
        for the device.
    """

    t: int
    T: int
    rate: float
    module: nn.Module
    mean_loss: Callable[[], float]

    @property
    def loss(self) -> float:
        """Mean training loss over the last epoch of steps; an error if it is not finite."""
        return self.mean_loss()


Observer = Callable[[Step], Any]
"""Called at each moment; training ends there if it returns True."""


class StopTraining(Exception):
    """An observer asks for the end of the training."""


class Course(StepCallback):
    """Leads a net along a schedule and calls an observer at the moments.

    This is the one place where steps are counted and rates are written.

    Parameters
    ----------
    schedule : callable
        ``schedule(t, T) -> rate``.
    moment : callable
        ``moment(t, T) -> bool``.
    observe : callable
        Gets a `Step` after each step that is a moment.
    """

    def __init__(self, schedule: Schedule, moment: Moment, observe: Observer) -> None:
        self.schedule = schedule
        self.moment = moment
        self.observe = observe

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Begin a course; its length is known when the first epoch begins."""
        self.t_ = 0
        self.rates_: list[float] = []
        self.loss_curve_: list[float] = []
        self.reached_: list[int] = []
        self.losses_: deque[Tensor] = deque()
        self.T_: int | None = None
        self.groups_: list[tuple[dict[str, Any], float]] = []
        self.own_rates_: list[float] = []

    def on_epoch_begin(self, net: NeuralNet, dataset_train: Any = None, **kwargs: Any) -> None:
        """Lay out all rates and moments before the first step."""
        if self.T_ is None:
            n_batches = len(net.get_iterator(dataset_train, training=True))
            self.losses_ = deque(maxlen=n_batches)
            self.T_ = T = net.max_epochs * n_batches
            self.table_, self.moments_ = lay_out(self.schedule, self.moment, T)
            # Groups that the user gave a rate of their own keep its ratio to the net's.
            lr = net.optimizer_.defaults.get("lr")
            groups = net.optimizer_.param_groups
            self.groups_ = [(group, group["lr"] / lr if lr else 1.0) for group in groups]
            self.own_rates_ = [group["lr"] for group in groups]

    def before_step(self, net: NeuralNet) -> None:
        """Write the rate of the step to come."""
        rate = self.table_[self.t_]
        for group, ratio in self.groups_:
            group["lr"] = rate * ratio

    def after_step(self, net: NeuralNet, loss: Tensor) -> None:
        """Count the step, and call the observer if it is a moment."""
        self.rates_.append(self.table_[self.t_])
        self.t_ += 1
        self.losses_.append(loss)
        if self.t_ in self.moments_:
            module = bare(net.module_)
            step = Step(self.t_, self.T_, self.rates_[-1], module, self._finite_mean_loss)
            should_stop = self.observe(step)
            self.reached_.append(self.t_)
            if should_stop:
                raise StopTraining

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Note the mean loss of the epoch, or end the training if it is not finite."""
        # A stock net may be set to note no mean of the epoch.
        mean = net.history[-1].get("train_loss")
        if mean is None:
            mean = mean_batch_loss(net.history, "train")
        if not isfinite(mean):
            self._finite_mean_loss()
        self.loss_curve_.append(mean)

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Give the groups their own rates back, for another training to begin with."""
        for (group, _), rate in zip(self.groups_, self.own_rates_, strict=True):
            group["lr"] = rate

    def last_losses(self) -> np.ndarray:
        """Give the losses of the last epoch of steps, fetched from the device at once."""
        return torch.stack([*self.losses_]).float().cpu().numpy() if self.losses_ else np.empty(0)

    def _finite_mean_loss(self) -> float:
        """Mean of the losses of the last epoch of steps."""
        losses = self.last_losses()
        is_bad = ~np.isfinite(losses)
        if is_bad.any():
            t = self.t_ - len(losses) + 1 + int(is_bad.argmax())
            raise diverged(t, self.rates_[t - 1], f"the training loss is {losses[is_bad][0]}")
        return float(losses.mean())


Plan = tuple[list[float], set[int]]
"""Rates of all steps of a training, and the steps that are moments."""


def lay_out(schedule: Schedule, moment: Moment, T: int) -> Plan:
    """Give the rates of all steps of a training, and the steps that are moments."""
    moments = {t for t in range(1, T + 1) if moment(t, T)}
    table = [schedule(t, T) for t in range(1, T + 1)]
    _check_rates(np.asarray(table, dtype=float))
    return table, moments


def diverged(t: int, rate: float, what: str) -> DivergenceError:
    """Build the error that says where a training blew up and what to try."""
    return DivergenceError(
        f"Training diverged: {what} at step {t}, learning rate {rate:.4g}. "
        "Scale the inputs (StandardScaler in a Pipeline), lower alpha_zero, "
        "or set max_grad_norm on the net."
    )


def _check_rates(rates: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(rates) | (rates < 0))
    if len(bad):
        rule = "a function that gives finite rates >= 0"
        got = f"{rates[bad[0]]} at step {bad[0] + 1}"
        raise InvalidParameterError(f"schedule must be {rule}, got {got}.")
