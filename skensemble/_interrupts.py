"""Ctrl-C: told from a callback that raises KeyboardInterrupt to stop a training, or put off."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]


class Interrupts:
    """Whether the user has pressed Ctrl-C."""

    was_pressed = False

    @property
    def stopper(self) -> str:
        """Who has raised a KeyboardInterrupt, as traces and warnings name them."""
        return "ctrl-c" if self.was_pressed else "skorch callback"


@contextmanager
def watched_interrupts() -> Iterator[Interrupts]:
    """Note Ctrl-C inside the block; it still raises KeyboardInterrupt.

    Python delivers signals to the main thread alone: in others nothing is watched. A handler of
    somebody else's is called as before, and may do something else with the signal.
    """
    interrupts = Interrupts()

    def note(before: Handler) -> Handler:
        """Make a handler that calls the one before, and notes what it raises."""

        def on_signal(number: int, frame: FrameType | None) -> Any:
            """Handle a signal."""
            try:
                return before(number, frame)
            except KeyboardInterrupt:
                interrupts.was_pressed = True
                raise

        return on_signal

    with _handled_by(note):
        yield interrupts


@contextmanager
def interrupts_put_off() -> Iterator[Interrupts]:
    """Note Ctrl-C inside the block, and let the block end; a second one goes on at once.

    The caller reads `was_pressed`, and raises KeyboardInterrupt itself.
    """
    interrupts = Interrupts()

    def note(before: Handler) -> Handler:
        """Make a handler that notes the first signal, and leaves others to the one before."""

        def on_signal(number: int, frame: FrameType | None) -> Any:
            """Handle a signal."""
            if interrupts.was_pressed:
                return before(number, frame)
            interrupts.was_pressed = True
            return None

        return on_signal

    with _handled_by(note):
        yield interrupts


@contextmanager
def _handled_by(make_handler: Callable[[Handler], Handler]) -> Iterator[None]:
    """Handle SIGINT inside the block, where there is a handler and this thread gets signals."""
    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    # Who ignores the signal, or has the system end the process, has no handler to be called.
    if not is_main or not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, make_handler(before))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
