"""Fits that stop where their training begins, so that several can be trained as one."""

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn import config_context, get_config
from skorch import NeuralNet

from skensemble._typing import State
from skensemble.lockstep._paused_training import PausedTraining, torch_backend
from skensemble.nets import StepCallback
from skensemble.training import Request, Step, Trace, taker


class Cancelled(BaseException):
    """The fits are given up: Ctrl-C was pressed, or running them has failed."""


class Outcome(NamedTuple):
    """What became of a training that was made for a fit.

    Attributes
    ----------
    end : Trace or BaseException
        What `train` is to return or to raise.
    copies : list of tuple
        Copied states and their steps, for an observer that can wait.
    """

    end: Trace | BaseException
    copies: Sequence[tuple[State, Step]] = ()


Message = Step | Outcome | BaseException | None


class PausedFit:
    """A fit in a thread of its own, which runs only while the others wait.

    Nothing runs at the same time, so that nothing depends on the order of threads: a thread is
    only the stack of a fit that waits in the middle of it. Each fit finds torch's global
    generators as it left them.

    Parameters
    ----------
    task : callable
        The fit, without arguments.

    Attributes
    ----------
    training : PausedTraining or None
        What the fit waits for.
    result : object
        What the task has returned.
    error : BaseException or None
        What it has raised.
    """

    def __init__(self, task: Callable[[], Any]) -> None:
        self.task = task
        self.training: PausedTraining | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.has_ended = self.is_cancelled = False
        # Two locks pass control back and forth: `_mine` wakes this fit, `_others` wakes the thread
        # that waits for it. `_next` is the lock that is released when this fit waits or ends.
        self._mine, self._others = threading.Lock(), threading.Lock()
        self._mine.acquire()
        self._others.acquire()
        self._next = self._others
        self._message: Any = None
        self._answer: Any = None
        # A new thread would begin with the defaults of all of these.
        self._n_threads, self._config = torch.get_num_threads(), get_config()
        self._context = copy_context()
        # NumPy 2 has them in the context.
        self._errors = np.geterr()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Run the task until it asks for a training or ends."""
        with keeping_warning_filters():
            self._thread.start()
            self._others.acquire()

    def run_here(self) -> None:
        """Run the task in the thread of the caller."""
        try:
            self.result = self.task()
        except Exception as error:
            # As in a thread, an error is kept for the caller; Ctrl-C goes on.
            self.error = error
        self.has_ended = True

    def cancel(self) -> None:
        """End a task that waits or was left running, and wait for its end."""
        self.is_cancelled = True
        if not self._thread.is_alive():
            return
        # It must wake nobody else.
        self._message, self._next = Cancelled(), threading.Lock()
        self._next.acquire()
        with suppress(RuntimeError):
            # Another fit may have woken it a moment ago.
            self._mine.release()
        self._thread.join()

    def resume(self, message: Message) -> Any:
        """Let the task go on with a message, until it waits again.

        Parameters
        ----------
        message : Step, Outcome, BaseException or None
            A step to observe, what has come of the training, an error, or None: train alone.

        Returns
        -------
        answer : object
            What the observer has returned for a step; True if the task has ended over it.
        """
        resume_in_turn([(self, message)])
        return self._answer

    def _take(self, request: Request) -> Trace | None:
        """Wait for a training, from inside the task; None if the fit is to train itself."""
        if threading.current_thread() is not self._thread:
            # A thread of the task's own, which may have got the task's context.
            return None
        if self.is_cancelled:
            raise Cancelled
        self.training = PausedTraining(request)
        message = self._wait()
        while isinstance(message, Step):
            self._answer = request.observe(message)
            message = self._wait()
        training, self.training = self.training, None
        if isinstance(message, BaseException):
            raise message
        if message is None:
            stop = ("stop_if_cancelled", StopIfCancelled(self))
            request.net.callbacks_[:] = [stop, *_without_stop(request.net.callbacks_)]
            return None
        for state, step in message.copies:
            request.observe.collect(state, step)
        if isinstance(message.end, BaseException):
            raise message.end
        # As if the training had drawn its dropout from torch's own.
        torch_backend(training.device).set_rng_state(training.drawn_state)
        return message.end

    def _wait(self) -> Any:
        state = _generator_states()
        with keeping_warning_filters():
            self._next.release()
            self._mine.acquire()
        _set_generator_states(state)
        return self._message

    def _run(self) -> None:
        torch.set_num_threads(self._n_threads)
        try:
            with config_context(**self._config):
                self.result = self._context.run(self._run_task)
        except BaseException as error:
            # Nothing may leave the thread: the caller reads the error.
            self.error = error
        finally:
            self.training, self.has_ended = None, True
            self._next.release()

    def _run_task(self) -> Any:
        taker.set(self._take)
        with np.errstate(**self._errors):
            return self.task()


def resume_in_turn(messages: Sequence[tuple[PausedFit, Message]]) -> None:
    """Let tasks go on one after another, each with its message, until the last waits again.

    Each wakes the next: waking the caller in between would take as long as some tasks have left to
    do.
    """
    for (fit, message), (follower, _) in pairwise([*messages, messages[-1]]):
        fit._message, fit._answer, fit._next = message, True, follower._mine
    last = messages[-1][0]
    last._next = last._others
    with keeping_warning_filters():
        messages[0][0]._mine.release()
        last._others.acquire()


class StopIfCancelled(StepCallback):
    """Ends a training in a thread at its next step, once its fit is given up."""

    def __init__(self, fit: PausedFit | None) -> None:
        self.fit = fit

    def __getstate__(self) -> dict[str, Any]:
        # Whoever copies the net, in this process or for another, does so outside of the fit.
        return {"fit": None}

    def before_step(self, net: NeuralNet) -> None:
        """Raise if the fit is given up."""
        if self.fit is not None and self.fit.is_cancelled:
            raise Cancelled


def _without_stop(callbacks: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(name, cb) for name, cb in callbacks if not isinstance(cb, StopIfCancelled)]


@contextmanager
def keeping_warning_filters() -> Iterator[None]:
    """Let other threads run, and find the filters of warnings as they were left."""
    filters = warnings.filters
    yield
    warnings.filters = filters
    # Leaving this makes Python read the filters again.
    with warnings.catch_warnings():
        pass


def _generator_states() -> list[torch.Tensor]:
    states = [torch.get_rng_state()]
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states.append(torch.cuda.get_rng_state())
    return states


def _set_generator_states(states: list[torch.Tensor]) -> None:
    torch.set_rng_state(states[0])
    for state in states[1:]:
        torch.cuda.set_rng_state(state)
