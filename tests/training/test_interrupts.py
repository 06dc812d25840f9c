import signal
import threading

import pytest

from skensemble.training._interrupts import watched_interrupts


def test_ctrl_c_is_noted_and_raised():
    with watched_interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert interrupts.was_pressed


def test_a_keyboard_interrupt_that_code_raises_is_no_ctrl_c():
    with watched_interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        raise KeyboardInterrupt
    assert not interrupts.was_pressed


def test_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with watched_interrupts():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_are_let_alone():
    handlers = []

    def run():
        with watched_interrupts():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]
