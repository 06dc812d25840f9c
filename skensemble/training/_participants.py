"""Fits that stop where their training begins, so that several can train as one."""

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import torch
from sklearn import config_context, get_config
from skorch import NeuralNet

from skensemble._typing import Moment, Schedule
from skensemble.nets._lean import StepCallback
from skensemble.training._course import Observer, Step

_HERE = threading.local()


@dataclass(frozen=True)
class Request:
    """A training that is asked for: the arguments of `train`."""

    net: NeuralNet
    data: Any
    schedule: Schedule
    moment: Moment
    observe: Observer
    generator: torch.Generator


class Cancelled(KeyboardInterrupt):
    """Ctrl-C was pressed while a fit waited for others."""


class Participant:
    """A fit in a thread of its own, which runs only while the others wait.

    Nothing runs at the same time, so that nothing depends on the order of threads: a thread is
    only the stack of a fit that waits in the middle of it. Each finds torch's global generators
    as it left them.

    Parameters
    ----------
    task : callable
        The fit, without arguments.

    Attributes
    ----------
    request : Request or None
        What the fit waits for.
    result : object
        What the task has returned.
    error : BaseException or None
        What it has raised.
    """

    def __init__(self, task: Callable[[], Any]) -> None:
        self.task = task
        self.request: Request | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.has_ended = self.is_cancelled = False
        # Each is released by the thread that the other one waits for.
        self._mine, self._others = threading.Lock(), threading.Lock()
        self._mine.acquire()
        self._others.acquire()
        self._message: Any = None
        self._answer: Any = None
        # A new thread would begin with the defaults of all of these.
        self._n_threads, self._config = torch.get_num_threads(), get_config()
        self._context = copy_context()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Run the task until it asks for a training or ends."""
        with _own_filters():
            self._thread.start()
            self._others.acquire()

    def run_here(self) -> None:
        """Run the task in the thread of the caller."""
        try:
            self.result = self.task()
        except Exception as error:
            self.error = error
        self.has_ended = True

    def cancel(self) -> None:
        """End a task that waits, or that was left running in a training of its own."""
        self.is_cancelled = True
        if self._thread.is_alive() and not self.has_ended:
            self.tell(Cancelled())

    def tell(self, message: Any) -> Any:
        """Hand over a `Step`, a `Trace`, None (train alone) or an error, and wait for the answer.

        The answer to a step is that of the observer; it is True if the fit has ended over it.
        """
        self._message, self._answer = message, True
        with _own_filters():
            self._mine.release()
            self._others.acquire()
        return self._answer

    def train(self, request: Request) -> Any:
        """Wait for a training, from inside the task.

        Returns
        -------
        trace : Trace or None
            None if the fit is to train itself.
        """
        self.request = request
        message = self._wait()
        while isinstance(message, Step):
            self._answer = request.observe(message)
            message = self._wait()
        self.request = None
        if isinstance(message, BaseException):
            raise message
        if message is not None:
            # As if the training had drawn its dropout from torch's own.
            _module_of(request.generator.device).set_rng_state(request.generator.get_state())
        return message

    def _wait(self) -> Any:
        state = _generator_states()
        with _own_filters():
            self._others.release()
            self._mine.acquire()
        _set_generator_states(state)
        return self._message

    def _run(self) -> None:
        _HERE.participant = self
        torch.set_num_threads(self._n_threads)
        try:
            with config_context(**self._config):
                self.result = self._context.run(self.task)
        except BaseException as error:
            self.error = error
        finally:
            self.request, self.has_ended = None, True
            self._others.release()


def copy_generator(device: torch.device) -> torch.Generator:
    """Copy torch's global generator of a kind of device, with what it would draw next."""
    return torch.Generator(device).set_state(_module_of(device).get_rng_state())


def _module_of(device: torch.device) -> Any:
    return {"cuda": torch.cuda, "mps": torch.mps}.get(device.type, torch)


@contextmanager
def _own_filters() -> Iterator[None]:
    """Let other threads run, and find the filters of warnings as they were left."""
    filters = warnings.filters
    yield
    warnings.filters = filters
    # Its end makes Python look at the filters anew.
    with warnings.catch_warnings():
        pass


class StopIfCancelled(StepCallback):
    """Ends a training in a thread, which no Ctrl-C reaches, at the next step."""

    def __init__(self, participant: Participant) -> None:
        self.participant = participant

    def before_step(self, net: NeuralNet) -> None:
        """Raise if Ctrl-C was pressed."""
        if self.participant.is_cancelled:
            raise Cancelled


def current_participant() -> Participant | None:
    """Give the participant whose thread this is, if any."""
    return getattr(_HERE, "participant", None)


def _generator_states() -> list[torch.Tensor]:
    states = [torch.get_rng_state()]
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states.append(torch.cuda.get_rng_state())
    return states


def _set_generator_states(states: list[torch.Tensor]) -> None:
    torch.set_rng_state(states[0])
    for state in states[1:]:
        torch.cuda.set_rng_state(state)
