"""Telling Ctrl-C from a skorch callback that raises KeyboardInterrupt to stop the training."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupts:
    """Whether the user has pressed Ctrl-C."""

    was_pressed = False

    def _on_signal(self, number: int, frame: FrameType | None) -> Any:
        self.was_pressed = True
        return signal.default_int_handler(number, frame)


@contextmanager
def watched_interrupts() -> Iterator[Interrupts]:
    """Note Ctrl-C inside the block; it still raises KeyboardInterrupt.

    Python delivers signals to the main thread alone, and a handler that is not Python's own
    belongs to somebody else: then nothing is watched.
    """
    interrupts = Interrupts()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupts
        return
    before = signal.signal(signal.SIGINT, interrupts._on_signal)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
