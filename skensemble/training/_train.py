"""One training of one net under a schedule, observed at moments."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from skorch import NeuralNet

from skensemble._typing import Moment, Schedule
from skensemble.training._course import Course, Observer, StopTraining
from skensemble.training._interrupts import watched_interrupts


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
    snapshot_steps : ndarray of int
        Moments that were reached.
    loss_curve : ndarray of shape (n_epochs,)
        Mean training loss of each epoch that was finished.
    stopped_by : {"ctrl-c", "skorch callback", "observer"} or None
        What ended the training early.
    """

    n_steps: int
    learning_rates: np.ndarray
    snapshot_steps: np.ndarray
    loss_curve: np.ndarray
    stopped_by: str | None


def train(
    net: NeuralNet, data: Data, *, schedule: Schedule, moment: Moment, observe: Observer
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
    moment : callable
        ``moment(t, T) -> bool``.
    observe : callable
        Gets a `Step` after each step that is a moment; returns True to end the training.

    Returns
    -------
    trace : Trace

    Raises
    ------
    DivergenceError
        If the loss stops being finite.
    KeyboardInterrupt
        If the user pressed Ctrl-C before the first moment.
    """
    course = Course(schedule, moment, observe)
    net.callbacks_.append(("course", course))
    fit_params = {} if data.sample_weight is None else {"sample_weight": data.sample_weight}
    stopped_by = None
    with watched_interrupts() as interrupts:
        # skorch's fit would swallow a KeyboardInterrupt, whoever raised it.
        net.notify("on_train_begin", X=data.X, y=data.y)
        try:
            net.fit_loop(data.X, data.y, **fit_params)
        except StopTraining:
            stopped_by = "observer"
        except KeyboardInterrupt:
            stopped_by = "ctrl-c" if interrupts.was_pressed else "skorch callback"
            if interrupts.was_pressed and not course.snapshot_steps_:
                raise
        net.notify("on_train_end", X=data.X, y=data.y)
    return Trace(
        n_steps=course.T_ or 0,
        learning_rates=np.asarray(course.rates_),
        snapshot_steps=np.asarray(course.snapshot_steps_, dtype=int),
        loss_curve=np.asarray(course.loss_curve_),
        stopped_by=stopped_by,
    )
