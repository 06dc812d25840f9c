"""The course of one net's training: rates written, moments observed, losses noted."""

from math import isfinite, nan
from typing import Any

import numpy as np
from skorch import NeuralNet
from torch import Tensor

from skensemble._typing import Moment, Schedule
from skensemble.modules import unwrap_compiled
from skensemble.nets import StepCallback, mean_batch_loss
from skensemble.training._history import without_batches
from skensemble.training._steps import (
    Observer,
    RecentLosses,
    StepCounter,
    finite_mean,
    plan_steps,
)
from skensemble.training._trace import Trace


def _has_ended(row: dict[str, Any], first: dict[str, Any]) -> bool:
    """Say whether the history of an epoch holds its losses, as that of the first one does."""
    return "train_loss" in row and ("valid_loss" in row or "valid_loss" not in first)


def rate_ratios(optimizer: Any) -> list[float]:
    """Return the rate of each group of an optimizer, as a multiple of the optimizer's own.

    Examples
    --------
    >>> import torch
    >>> weights = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
    >>> groups = [{"params": weights[:1], "lr": 0.5}, {"params": weights[1:]}]
    >>> rate_ratios(torch.optim.SGD(groups, lr=0.25))
    [2.0, 1.0]
    """
    lr = optimizer.defaults.get("lr")
    return [group["lr"] / lr if lr else 1.0 for group in optimizer.param_groups]


class StopTraining(Exception):
    """An observer asks for the end of the training, or its last step has been made."""


class FollowSchedule(StepCallback):
    """Leads a net along a schedule and calls an observer at the moments.

    Parameters
    ----------
    schedule : callable
        ``schedule(t, T) -> rate``.
    moment : callable
        ``moment(t, T) -> bool``.
    observe : callable
        Gets a `Step` after each step that is a moment.
    n_epochs, n_steps : int or None, default=None
        Length of the training, as in `train`.
    """

    def __init__(
        self,
        schedule: Schedule,
        moment: Moment,
        observe: Observer,
        n_epochs: int | None = None,
        n_steps: int | None = None,
    ) -> None:
        self.schedule = schedule
        self.moment = moment
        self.observe = observe
        self.n_epochs = n_epochs
        self.n_steps = n_steps

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Begin; the length of the training is known when the first epoch begins."""
        self.counter_: StepCounter | None = None
        self.losses_ = RecentLosses(0)
        self.loss_curve_: list[float] = []
        self.rows_: list[dict[str, Any]] = []
        self.n_rows_before_ = len(net.history)
        self.reached_: list[int] = []
        self.groups_: list[tuple[dict[str, Any], float, float]] = []

    def on_epoch_begin(self, net: NeuralNet, dataset_train: Any = None, **kwargs: Any) -> None:
        """Plan all steps before the first one."""
        if self.counter_ is None:
            n_batches = len(net.get_iterator(dataset_train, training=True))
            T = (self.n_epochs or net.max_epochs) * n_batches
            plan = plan_steps(self.schedule, self.moment, self.n_steps or T)
            self.counter_ = StepCounter([plan])
            self.losses_, self.n_batches_ = RecentLosses(n_batches), n_batches
            # Groups that the user gave a rate of their own keep its ratio to the net's.
            ratios = rate_ratios(net.optimizer_)
            self.groups_ = [
                (group, ratio, group["lr"])
                for group, ratio in zip(net.optimizer_.param_groups, ratios, strict=True)
            ]

    def before_step(self, net: NeuralNet) -> None:
        """Write the rate of the step to come."""
        rate = self.counter_.next_rate(0)
        for group, ratio, _ in self.groups_:
            group["lr"] = rate * ratio

    def after_step(self, net: NeuralNet, loss: Tensor) -> None:
        """Count the step, and call the observer if it is a moment."""
        self.losses_.add(loss)
        if self.counter_.count():
            step = self.counter_.step(0, unwrap_compiled(net.module_), self.losses_.values)
            should_stop = self.observe(step)
            self.reached_.append(step.t)
            if should_stop:
                raise StopTraining
        if self.is_over and self.counter_.t % self.n_batches_:
            raise StopTraining

    @property
    def is_over(self) -> bool:
        """Whether a training of some number of steps has made them all."""
        return self.n_steps is not None and self.counter_.t == self.n_steps

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Note the mean loss of the epoch, or end the training if it is not finite."""
        self._note_epoch(net)
        if self.is_over:
            raise StopTraining

    def _note_epoch(self, net: NeuralNet) -> None:
        # A stock net may be set to note no mean of the epoch.
        mean = net.history[-1].get("train_loss")
        if mean is None:
            mean = mean_batch_loss(net.history, "train")
        if not isfinite(mean):
            finite_mean(self.losses_.values()[:, 0], self.counter_.rates_made(0))
        self.loss_curve_.append(mean)

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Give the groups their own rates back, for another training to begin with."""
        for group, _, own_rate in self.groups_:
            group["lr"] = own_rate
        rows = list(net.history)[self.n_rows_before_ :]
        n_noted = len(self.loss_curve_)
        if len(rows) > n_noted and _has_ended(rows[n_noted], rows[0]):
            # A callback that stops at the end of an epoch is called before this one.
            self._note_epoch(net)
        self.rows_ = without_batches(rows[: len(self.loss_curve_)])

    def trace(self, stopped_by: str | None) -> Trace:
        """Return what the training leaves behind."""
        counter, losses = self.counter_, self.losses_.values()
        return Trace(
            n_steps=counter.T if counter else 0,
            learning_rates=np.asarray(counter.rates_made(0) if counter else [], dtype=float),
            moments=np.asarray(self.reached_, dtype=int),
            loss_curve=np.asarray(self.loss_curve_),
            last_loss=float(losses.mean()) if len(losses) else nan,
            stopped_by=stopped_by,
            history=self.rows_,
        )
