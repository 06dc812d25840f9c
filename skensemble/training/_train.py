"""One training of one net under a schedule, observed at moments."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from skorch import NeuralNet

from skensemble._interrupts import watched_interrupts
from skensemble._typing import Moment, Schedule
from skensemble.training._course import FollowSchedule, StopTraining
from skensemble.training._handover import Request, taker
from skensemble.training._observers import ignore
from skensemble.training._steps import Observer
from skensemble.training._trace import Data, Trace


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
    n_epochs: int | None = None,
    n_steps: int | None = None,
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
    n_epochs : int or None, default=None
        Epochs; None is the net's `max_epochs`.
    n_steps : int or None, default=None
        Optimizer steps instead, which may end within an epoch.

    Returns
    -------
    trace : Trace
        It says whether Ctrl-C or a callback ended the training early.

    Raises
    ------
    DivergenceError
        If the loss stops being finite.
    """
    take, request = taker.get(), Request(net, data, schedule, moment, observe, n_epochs, n_steps)
    trace = None if take is None else take(request)
    if trace is not None:
        return trace
    return _train_here(net, data, FollowSchedule(schedule, moment, observe, n_epochs, n_steps))


def _train_here(net: NeuralNet, data: Data, course: FollowSchedule) -> Trace:
    """Train a net that nobody has taken over."""
    fit_params = {} if data.sample_weight is None else {"sample_weight": data.sample_weight}
    # A training of some steps ends itself: it has at most an epoch for each.
    n_epochs = course.n_epochs if course.n_steps is None else course.n_steps
    stopped_by, y = None, data.targets_for(net)
    with _led_by(net, course), watched_interrupts() as interrupts:
        # skorch's fit would swallow a KeyboardInterrupt, whoever raised it.
        net.notify("on_train_begin", X=data.X, y=y)
        try:
            net.fit_loop(data.X, y, n_epochs, **fit_params)
        except StopTraining:
            stopped_by = None if course.is_over else "observer"
        except KeyboardInterrupt:
            stopped_by = interrupts.stopper
        net.notify("on_train_end", X=data.X, y=y)
    return course.trace(stopped_by)


@contextmanager
def _led_by(net: NeuralNet, course: FollowSchedule) -> Iterator[None]:
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
