import signal
import threading

import pytest

from skensemble._interrupts import interrupts_put_off, watched_interrupts

WAYS = [watched_interrupts, interrupts_put_off]


def test_ctrl_c_is_noted_and_raised():
    with watched_interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert interrupts.was_pressed
    assert interrupts.stopper == "ctrl-c"


def test_a_keyboard_interrupt_that_code_raises_is_no_ctrl_c():
    with watched_interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        raise KeyboardInterrupt
    assert not interrupts.was_pressed
    assert interrupts.stopper == "skorch callback"


def test_blocks_within_each_other_all_note_ctrl_c():
    with watched_interrupts() as outer:
        with watched_interrupts() as inner, pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert inner.was_pressed
    assert outer.was_pressed


@pytest.fixture
def somebody_elses():
    """Give what a handler of somebody else's was called with; it raises nothing."""
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    yield heard
    signal.signal(signal.SIGINT, before)


def test_a_handler_that_does_something_else_is_called_and_interrupts_nothing(somebody_elses):
    with watched_interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
    assert somebody_elses == [signal.SIGINT]
    assert not interrupts.was_pressed


def test_ctrl_c_that_is_put_off_is_noted_and_a_second_one_raised():
    with interrupts_put_off() as interrupts:
        signal.raise_signal(signal.SIGINT)
        assert interrupts.was_pressed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("way", WAYS)
def test_the_handler_is_put_back(way):
    before = signal.getsignal(signal.SIGINT)
    with way() as interrupts:
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    assert not interrupts.was_pressed


@pytest.mark.parametrize("way", WAYS)
def test_a_signal_that_is_ignored_stays_ignored(way):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with way() as interrupts:
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert not interrupts.was_pressed


@pytest.mark.parametrize("way", WAYS)
def test_other_threads_are_let_alone(way):
    handlers = []

    def run():
        with way():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]
