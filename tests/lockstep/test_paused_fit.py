"""Fits that wait in the middle: what they are told, what they find, and how they end."""

import signal
import threading
import warnings
from contextvars import ContextVar, copy_context
from functools import partial

import numpy as np
import pytest
import torch
from sklearn import config_context, get_config

from skensemble.lockstep import PausedFit, run_together
from skensemble.lockstep._paused_fit import Cancelled, Outcome, resume_in_turn
from skensemble.training import Data, Step, Trace, copying, train
from tests.lockstep.conftest import LABELS, X, initialized, net, snapshots

TRACE = Trace(2, np.array([0.1, 0.2]), np.array([], dtype=int), np.array([0.7]), 0.6, None)


def train_one(observe=lambda step: None, one=None):
    one = initialized() if one is None else one
    settings = {"schedule": lambda t, T: 0.1, "moment": lambda t, T: True}
    return train(one, Data(X, LABELS), observe=observe, **settings)


def started(task):
    fit = PausedFit(task)
    fit.start()
    return fit


def step_at(t):
    return Step(t, 10, 0.1, torch.nn.Linear(1, 1), lambda: 0.5)


@pytest.mark.parametrize("begin", [PausedFit.start, PausedFit.run_here])
def test_a_task_that_trains_nothing_runs_to_its_end(begin):
    fit = PausedFit(lambda: 7)
    begin(fit)
    assert (fit.result, fit.error, fit.has_ended, fit.training) == (7, None, True, None)


def test_a_task_waits_where_its_training_begins():
    one = initialized()
    fit = started(partial(train_one, one=one))
    assert fit.training.net is one
    assert not fit.has_ended
    fit.resume(Outcome(TRACE))
    assert fit.has_ended
    assert fit.training is None
    assert fit.result is TRACE


def test_a_fit_that_waits_for_ever_does_not_keep_python_from_ending():
    before = threading.enumerate()
    fit = started(train_one)
    assert [thread.daemon for thread in threading.enumerate() if thread not in before] == [True]
    fit.cancel()


def test_a_fit_is_told_of_steps_before_it_gets_its_outcome():
    seen = []

    def observe(step):
        seen.append(step.t)
        return step.t == 2

    fit = started(partial(train_one, observe))
    assert [fit.resume(step_at(t)) for t in (1, 2, 3)] == [False, True, False]
    assert seen == [1, 2, 3]
    fit.resume(Outcome(TRACE))
    assert fit.result is TRACE


def test_a_fit_that_fails_over_a_step_has_ended():
    def fail(step):
        raise ValueError("not this one")

    fit = started(partial(train_one, fail))
    assert fit.resume(step_at(1)) is True
    assert fit.has_ended
    assert str(fit.error) == "not this one"


def test_copies_are_handed_over_before_the_training_returns():
    seen = []
    copies = [({"weight": np.full(1, t)}, step_at(t)) for t in (1, 2)]
    collect = copying(lambda state, step: seen.append((state["weight"].item(), step.t)))
    fit = started(partial(train_one, collect))
    fit.resume(Outcome(TRACE, copies))
    assert seen == [(1, 1), (2, 2)]
    assert fit.result is TRACE


@pytest.mark.parametrize("wrap", [lambda error: error, Outcome])
def test_an_error_is_raised_where_the_training_was_asked_for(wrap):
    def careful():
        try:
            return train_one()
        except FloatingPointError as error:
            return f"caught {error}"

    fit = started(careful)
    fit.resume(wrap(FloatingPointError("it blew up")))
    assert fit.result == "caught it blew up"


def test_a_fit_that_is_told_nothing_trains_alone():
    fit = started(train_one)
    fit.resume(None)
    assert fit.result.learning_rates.tolist() == [0.1] * 48
    assert fit.result.moments.tolist() == list(range(1, 49))


def test_a_second_training_alone_has_one_callback_to_stop_it():
    one = initialized()
    before = [name for name, _ in one.callbacks_]

    def twice():
        train_one(one=one)
        train_one(one=one)

    fit = started(twice)
    fit.resume(None)
    fit.resume(None)
    assert fit.has_ended
    assert [name for name, _ in one.callbacks_] == ["stop_if_cancelled", *before]


def test_fits_are_resumed_one_after_another():
    order = []

    def fit(k):
        train_one()
        order.append(k)
        train_one()

    fits = [started(partial(fit, k)) for k in range(3)]
    resume_in_turn([(one, Outcome(TRACE)) for one in (fits[2], fits[0], fits[1])])
    assert order == [2, 0, 1]
    assert not any(one.has_ended for one in fits)
    resume_in_turn([(one, Outcome(TRACE)) for one in fits])
    assert all(one.has_ended for one in fits)


def test_each_fit_finds_the_generator_of_torch_as_it_left_it():
    def draw(seed):
        torch.manual_seed(seed)
        first = torch.rand(1)
        train_one()
        return torch.cat([first, torch.rand(1)]).tolist()

    with torch.random.fork_rng():
        fits = [started(partial(draw, seed)) for seed in range(3)]
        for fit in fits:
            fit.resume(Outcome(TRACE))
        for seed, fit in enumerate(fits):
            torch.manual_seed(seed)
            assert fit.result == torch.rand(2).tolist()


COLOUR = ContextVar("COLOUR", default="grey")


def test_a_fit_has_the_settings_of_the_thread_that_began_it():
    def settings():
        threads = torch.get_num_threads()
        return get_config()["assume_finite"], np.geterr()["divide"], COLOUR.get(), threads

    before, token = torch.get_num_threads(), COLOUR.set("red")
    torch.set_num_threads(3)
    try:
        with config_context(assume_finite=True), np.errstate(divide="raise"):
            (ended,) = run_together([settings])
    finally:
        torch.set_num_threads(before)
        COLOUR.reset(token)
    assert ended.result == (True, "raise", "red", 3)


def test_a_thread_of_the_task_trains_by_itself():
    """Nobody waits for it, even where it has got the context of the task."""

    def task():
        traces = []
        run = partial(copy_context().run, lambda: traces.append(train_one()))
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return traces

    fit = started(task)
    assert fit.has_ended
    assert len(fit.result[0].learning_rates) == 48


def test_filters_of_warnings_are_those_of_each_fit():
    def strict():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            snapshots(net()).fit(X, LABELS)

    def plain():
        snapshots(net(), random_state=1).fit(X, LABELS)
        warnings.warn("a word", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="a word"):
        first, second = run_together([strict, plain])
    assert first.error is None
    assert second.error is None


def test_a_fit_that_is_cancelled_cleans_up_and_ends():
    cleaned = []

    def task():
        try:
            train_one()
        finally:
            cleaned.append(True)

    fit = started(task)
    fit.cancel()
    assert cleaned == [True]
    assert fit.has_ended
    assert isinstance(fit.error, Cancelled)


def test_a_fit_that_is_cancelled_begins_no_other_training():
    def stubborn():
        try:
            train_one()
        except Cancelled:
            train_one()

    fit = started(stubborn)
    fit.cancel()
    assert isinstance(fit.error, Cancelled)


def test_fits_that_were_not_begun_or_have_ended_can_be_cancelled():
    ended, idle = started(lambda: 7), PausedFit(lambda: 7)
    ended.cancel()
    idle.cancel()
    assert (ended.result, idle.result) == (7, None)


def test_a_thread_that_cannot_be_started_ends_the_others(monkeypatch):
    begun, start = [], threading.Thread.start

    def refuse_the_third(thread):
        begun.append(thread)
        if len(begun) == 3:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_the_third)
    tasks = [partial(snapshots(net(), random_state=k).fit, X, LABELS) for k in range(4)]
    with pytest.raises(RuntimeError, match="can't start"):
        run_together(tasks)
    assert len(begun) == 3
    assert not any(thread.is_alive() for thread in begun)


def test_ctrl_c_ends_a_fit_that_trains_alone():
    steps = []

    def press(step):
        steps.append(step.t)
        if step.t == 3:
            # As the signal does: the thread that waits is interrupted, this one trains on.
            fit.is_cancelled = True

    fit = started(partial(train_one, press))
    fit.resume(None)
    assert steps == [1, 2, 3]
    assert fit.has_ended
    assert isinstance(fit.error, Cancelled)


@pytest.mark.parametrize("at", [0, 1, 3])
def test_ctrl_c_after_the_training_ends_the_fits_that_are_still_to_go_on(at):
    went_on = []

    def fit(seed):
        ensemble = snapshots(net(), random_state=seed).fit(X, LABELS)
        if seed == at:
            # Python raises KeyboardInterrupt in the main thread, which waits for these fits.
            signal.raise_signal(signal.SIGINT)
        went_on.append(seed)
        return ensemble

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        run_together([partial(fit, seed) for seed in range(4)])
    assert threading.active_count() == before
    assert went_on[: at + 1] == list(range(at + 1))
