"""Trainings of two stages, held against formulas written out step by step."""

import pickle
from functools import partial
from math import cos, pi

import pytest

from skensemble import InvalidParameterError
from skensemble.schedules import (
    constant_tail,
    fast_geometric,
    has_pretrained,
    is_low_rate,
    is_tail_point,
    plateau_then_linear,
    two_cosines,
)

RATES = {"alpha_zero": 0.1, "alpha_1": 0.05, "alpha_2": 0.001}


def rates_of(schedule, T, **keywords):
    return [schedule(t, T, **keywords) for t in range(1, T + 1)]


def moments_of(moment, T, **keywords):
    return [t for t in range(1, T + 1) if moment(t, T, **keywords)]


def paper_cycle_rate(i, c, alpha_1, alpha_2):
    """Equation 4 of Garipov et al., 2018, as printed: step i of cycles of c steps."""
    t = ((i - 1) % c + 1) / c
    if t <= 1 / 2:
        return (1 - 2 * t) * alpha_1 + 2 * t * alpha_2
    return (2 - 2 * t) * alpha_2 + (2 * t - 1) * alpha_1


def test_a_constant_tail_follows_a_pretraining_that_falls_to_it():
    rates = rates_of(constant_tail, 40, alpha_zero=0.1, tail_lr=0.02, pretrain_fraction=0.75)
    before = rates_of(plateau_then_linear, 30, alpha_zero=0.1, end_lr=0.02)
    assert rates == before + [0.02] * 10


def test_without_pretraining_all_is_tail():
    rates = rates_of(constant_tail, 5, alpha_zero=0.1, tail_lr=0.02, pretrain_fraction=0)
    assert rates == [0.02] * 5


def test_the_share_is_that_of_the_decimal_that_was_typed():
    # 0.7 * 10 is 6.999... in floats and 0.29 * 100 is 28.999...
    for share, T, n_before in ((0.7, 10, 7), (0.29, 100, 29), (0.57, 100, 57)):
        rates = rates_of(constant_tail, T, alpha_zero=9.0, tail_lr=1.0, pretrain_fraction=share)
        tail = [t for t in range(1, T + 1) if has_pretrained(t, T, pretrain_fraction=share)]
        assert len(tail) == T - n_before + 1
        assert rates[n_before:] == [1.0] * (T - n_before)


def test_two_half_cosines_from_two_rates():
    rates = rates_of(two_cosines, 10, alpha_zero=0.1, tail_lr=0.02, pretrain_fraction=0.6)
    first = [0.1 / 2 * (1 + cos(pi * j / 6)) for j in range(6)]
    second = [0.02 / 2 * (1 + cos(pi * j / 4)) for j in range(4)]
    assert rates == pytest.approx(first + second)


def test_pretraining_is_over_with_its_last_step():
    assert moments_of(has_pretrained, 10, pretrain_fraction=0.6) == [6, 7, 8, 9, 10]


@pytest.mark.parametrize(("share", "T", "n_tail"), [(0, 10, 10), (0.05, 10, 10), (1, 10, 0)])
def test_a_stage_without_a_step_is_refused(share, T, n_tail):
    message = rf"pretrain in one and go on in another, got {share}, which leaves {n_tail} of T={T}"
    with pytest.raises(InvalidParameterError, match=message):
        has_pretrained(1, T, pretrain_fraction=share)


@pytest.mark.parametrize("c", [2, 4, 6, 20])
@pytest.mark.parametrize("M", [1, 2, 5])
def test_cycles_of_even_length_are_those_of_the_paper(c, M):
    # The last cycle ends at its low point, half way; the tail is half of the steps.
    n_tail = M * c - c // 2
    rates = rates_of(fast_geometric, 2 * n_tail, M=M, pretrain_fraction=0.5, **RATES)
    expected = [paper_cycle_rate(i, c, 0.05, 0.001) for i in range(1, n_tail + 1)]
    assert rates[n_tail:] == pytest.approx(expected, rel=1e-12)


def test_pretraining_falls_from_alpha_zero_to_alpha_1():
    rates = rates_of(fast_geometric, 50, M=2, pretrain_fraction=0.8, **RATES)
    assert rates[:40] == rates_of(plateau_then_linear, 40, alpha_zero=0.1, end_lr=0.05)
    assert rates[39] == pytest.approx(0.05)


@pytest.mark.parametrize(("M", "T"), [(1, 1), (1, 7), (2, 3), (3, 11), (3, 13), (5, 10), (4, 29)])
def test_members_are_taken_exactly_where_the_rate_is_lowest(M, T):
    cycles = {"M": M, "pretrain_fraction": 0}
    rates = rates_of(fast_geometric, T, **cycles, **RATES)
    lowest = [t for t, rate in enumerate(rates, start=1) if rate == pytest.approx(0.001)]
    assert moments_of(is_low_rate, T, **cycles) == lowest
    assert len(lowest) == M
    assert lowest[-1] == T


def test_no_member_is_taken_in_pretraining():
    # Cycles of 4 steps in the last 10 of 50: low after 2, 6 and 10 of them.
    assert moments_of(is_low_rate, 50, M=3, pretrain_fraction=0.8) == [40 + 2, 40 + 6, 40 + 10]


def test_half_cycles_that_do_not_divide_the_tail_differ_by_one_step():
    # 7 steps in 3 half cycles end at 3, 5 and 7.
    rates = rates_of(
        fast_geometric, 7, M=2, pretrain_fraction=0, alpha_zero=1, alpha_1=6, alpha_2=0
    )
    assert rates == pytest.approx([4, 2, 0, 3, 6, 3, 0])


@pytest.mark.parametrize("function", [partial(fast_geometric, **RATES), is_low_rate])
def test_a_half_cycle_without_a_step_is_refused(function):
    # A tail of 4 steps, where three cycles have 5 half cycles.
    message = r"hold the 5 half cycles of M=3, got 0\.8, which leaves 4 of T=20 steps"
    with pytest.raises(InvalidParameterError, match=message):
        function(17, 20, M=3, pretrain_fraction=0.8)


def test_a_tail_without_a_step_is_refused():
    message = r"pretrain_fraction must .* got 1, which leaves 0 of T=20 steps"
    with pytest.raises(InvalidParameterError, match=message):
        is_tail_point(1, 20, n_averaged=1, pretrain_fraction=1)


def test_points_are_equally_spaced_in_the_tail_and_end_with_it():
    points = moments_of(is_tail_point, 40, n_averaged=4, pretrain_fraction=0.5)
    assert points == [25, 30, 35, 40]
    # 10 steps in four parts end at 3, 5, 8 and 10.
    points = moments_of(is_tail_point, 20, n_averaged=4, pretrain_fraction=0.5)
    assert points == [10 + 3, 10 + 5, 10 + 8, 10 + 10]


def test_a_tail_of_fewer_steps_than_points_has_a_point_each():
    assert moments_of(is_tail_point, 10, n_averaged=6, pretrain_fraction=0.5) == [6, 7, 8, 9, 10]


def test_bound_schedules_and_moments_pickle():
    cycles = {"M": 2, "pretrain_fraction": 0.5}
    for bound in (partial(fast_geometric, **cycles, **RATES), partial(is_low_rate, **cycles)):
        copy = pickle.loads(pickle.dumps(bound))
        assert [copy(t, 30) for t in range(1, 31)] == [bound(t, 30) for t in range(1, 31)]
