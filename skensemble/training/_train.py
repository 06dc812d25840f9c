"""One training of one net under a schedule, observed at moments."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import nan
from typing import Any, NamedTuple

import numpy as np
from skorch import NeuralNet
from torch import nn

from skensemble._typing import Moment, Schedule
from skensemble.training._course import Course, Observer, Step, StopTraining
from skensemble.training._interrupts import watched_interrupts
from skensemble.training._observers import ignore
from skensemble.training._participants import (
    Cancelled,
    Request,
    StopIfCancelled,
    copy_generator,
    current_participant,
)


class Data(NamedTuple):
    """Validated rows, encoded targets and weights, as a net's training takes them."""

    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None = None


@dataclass(frozen=True)
class Trace:
    """What a training leaves behind beside the members.

    Attributes
    ----------
    n_steps : int
        Optimizer steps that were to be made.
    learning_rates : ndarray of shape (n_steps,)
        Rate of each step that was made.
    moments : ndarray of int
        Moments that were reached.
    loss_curve : ndarray of shape (n_epochs,)
        Mean training loss of each epoch that was finished.
    last_loss : float
        Mean training loss over the last steps, as many as an epoch has.
    stopped_by : {"ctrl-c", "skorch callback", "observer"} or None
        What ended the training early.
    """

    n_steps: int
    learning_rates: np.ndarray
    moments: np.ndarray
    loss_curve: np.ndarray
    last_loss: float
    stopped_by: str | None

    @property
    def was_interrupted(self) -> bool:
        """Whether Ctrl-C cut the training short, so that its weights are not those of its end."""
        return self.stopped_by == "ctrl-c"

    def last_step(self, module: nn.Module) -> Step:
        """Give the last step that was made, for members that are made after the training."""
        t, rate = len(self.learning_rates), float(self.learning_rates[-1])
        return Step(t, self.n_steps, rate, module, lambda: self.last_loss)


def never(t: int, T: int) -> bool:
    """Say that no step is a moment."""
    return False


def train(
    net: NeuralNet,
    data: Data,
    *,
    schedule: Schedule,
    moment: Moment = never,
    observe: Observer = ignore,
) -> Trace:
    """Train an initialised net under a schedule.

    Parameters
    ----------
    net : NeuralNet
        Any skorch net, initialised; it is trained in place.
    data : Data
        Weights of rows need one of our own nets.
    schedule : callable
        ``schedule(t, T) -> rate`` for step t of T, from 1.
    moment : callable, default=never
        ``moment(t, T) -> bool``.
    observe : callable, default=ignore
        Gets a `Step` after each step that is a moment; returns True to end the training.

    Returns
    -------
    trace : Trace
        It says whether Ctrl-C or a callback ended the training early.

    Raises
    ------
    DivergenceError
        If the loss stops being finite.
    """
    participant = current_participant()
    if participant is not None:
        generator = copy_generator(next(net.module_.parameters()).device)
        request = Request(net, data, schedule, moment, observe, generator)
        trace = participant.train(request)
        if trace is not None:
            return trace
        net.callbacks_.append(("stop_if_cancelled", StopIfCancelled(participant)))
    course = Course(schedule, moment, observe)
    fit_params = {} if data.sample_weight is None else {"sample_weight": data.sample_weight}
    stopped_by = None
    with _led_by(net, course), watched_interrupts() as interrupts:
        # skorch's fit would swallow a KeyboardInterrupt, whoever raised it.
        net.notify("on_train_begin", X=data.X, y=data.y)
        try:
            net.fit_loop(data.X, data.y, **fit_params)
        except StopTraining:
            stopped_by = "observer"
        except Cancelled:
            raise
        except KeyboardInterrupt:
            stopped_by = "ctrl-c" if interrupts.was_pressed else "skorch callback"
        net.notify("on_train_end", X=data.X, y=data.y)
    losses = course.last_losses()
    return Trace(
        n_steps=course.T_ or 0,
        learning_rates=np.asarray(course.rates_),
        moments=np.asarray(course.reached_, dtype=int),
        loss_curve=np.asarray(course.loss_curve_),
        last_loss=float(losses.mean()) if len(losses) else nan,
        stopped_by=stopped_by,
    )


@contextmanager
def _led_by(net: NeuralNet, course: Course) -> Iterator[None]:
    """Let a net follow a course inside the block; the next training has one of its own."""
    net.callbacks_.append(("course", course))
    try:
        yield
    finally:
        net.callbacks_.remove(("course", course))


def train_to_end(net: NeuralNet, data: Data, schedule: Schedule) -> Trace:
    """Train a net for the weights at its end, which a skorch callback may bring early.

    Parameters
    ----------
    net : NeuralNet
        Initialised; it is trained in place.
    data : Data
    schedule : callable
        As in `train`.

    Returns
    -------
    trace : Trace
        `stopped_by` is set if there is no end: after Ctrl-C, or where no step was made.
    """
    trace = train(net, data, schedule=schedule)
    has_end = not trace.was_interrupted and len(trace.learning_rates)
    return replace(trace, stopped_by=None) if has_end else trace


def join(traces: Sequence[Trace]) -> Trace:
    """Join the traces of trainings without moments that were made one after another."""
    return Trace(
        n_steps=sum(trace.n_steps for trace in traces),
        learning_rates=np.concatenate([trace.learning_rates for trace in traces]),
        moments=np.asarray([], dtype=int),
        loss_curve=np.concatenate([trace.loss_curve for trace in traces]),
        last_loss=traces[-1].last_loss,
        stopped_by=traces[-1].stopped_by,
    )
