"""Rates that begin small, written out."""

import pickle
from functools import partial

import numpy as np
import pytest

from skensemble.schedules import cyclic_cosine, linear_warmup, step_decay, warmup_steps


def one(t, T):
    """Give the same rate at each step."""
    return 1.0


@pytest.mark.parametrize("warmup", [4, np.int64(4), 0.4, 0.31])
def test_the_rate_rises_along_a_straight_line_to_that_of_the_schedule(warmup):
    rates = [linear_warmup(t, 10, schedule=one, warmup=warmup) for t in range(1, 11)]
    assert rates == [1 / 4, 2 / 4, 3 / 4, 1, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("warmup", [0, 0.0, 1, 0.1])
def test_without_a_warmup_or_with_one_of_a_step_rates_are_those_of_the_schedule(warmup):
    schedule = partial(cyclic_cosine, M=2, alpha_zero=0.1)
    rates = [linear_warmup(t, 10, schedule=schedule, warmup=warmup) for t in range(1, 11)]
    assert rates == [schedule(t, 10) for t in range(1, 11)]


def test_cycles_do_not_wait_for_the_warmup():
    schedule = partial(cyclic_cosine, M=2, alpha_zero=0.1)
    rates = [linear_warmup(t, 8, schedule=schedule, warmup=6) for t in range(1, 9)]
    # Half a cosine over four steps, twice, and six steps of warm-up.
    cosine = [0.1 / 2 * (np.cos(np.pi * j / 4) + 1) for j in range(4)]
    factors = [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1, 1]
    assert rates == pytest.approx([f * rate for f, rate in zip(factors, 2 * cosine, strict=True)])


def test_a_warmup_that_an_earlier_training_has_begun_goes_on():
    rates = [linear_warmup(t, 5, schedule=one, warmup=6, n_before=3) for t in range(1, 6)]
    assert rates == [4 / 6, 5 / 6, 1, 1, 1]
    rates = [linear_warmup(t, 5, schedule=one, warmup=3, n_before=3) for t in range(1, 6)]
    assert rates == [1] * 5


@pytest.mark.parametrize(
    ("warmup", "n_steps"), [(0, 0), (150, 150), (0.05, 155), (0.0001, 1), (1.0, 3100), (1, 1)]
)
def test_a_fraction_is_of_all_steps_and_rounded_up(warmup, n_steps):
    # 3100 / 20 = 155.
    assert warmup_steps(3100, warmup) == n_steps


def test_a_fraction_is_the_decimal_that_was_typed():
    assert 0.07 * 100 > 7
    assert warmup_steps(100, 0.07) == 7
    assert warmup_steps(100, np.float32(0.07)) == 7


@pytest.mark.parametrize("warmup", [-1, -0.1, 1.5, True, "5%", None, np.nan])
def test_a_warmup_that_is_no_length_is_refused(warmup):
    message = r"warmup must be a number of steps, an int >= 0, or a fraction of them, a float >= 0 "
    with pytest.raises(ValueError, match=message + "and <= 1, got "):
        linear_warmup(1, 10, schedule=one, warmup=warmup)


def test_a_bound_warmup_pickles():
    schedule = partial(linear_warmup, schedule=partial(step_decay, alpha_zero=0.1), warmup=2)
    assert pickle.loads(pickle.dumps(schedule))(1, 10) == 0.1 / 2
