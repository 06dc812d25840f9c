"""Rates that rise again in each cycle, held against formulas as printed."""

import pickle
from functools import partial
from math import ceil, cos, pi

import pytest

from skensemble.schedules import cycle_ends, cyclic_cosine, cyclic_triangular


def paper_rate(t, T, M, alpha_zero):
    """Equation 2 of Huang et al., 2017, as printed."""
    length = ceil(T / M)
    return alpha_zero / 2 * (cos(pi * ((t - 1) % length) / length) + 1)


def test_rates_of_ten_steps_in_four_cycles():
    three = [0.1, 0.05 * (cos(pi / 3) + 1), 0.05 * (cos(2 * pi / 3) + 1)]
    two = [0.1, 0.05 * (cos(pi / 2) + 1)]
    rates = [cyclic_cosine(t, 10, M=4, alpha_zero=0.1) for t in range(1, 11)]
    assert rates == pytest.approx(three + two + three + two, rel=1e-15)


@pytest.mark.parametrize(("T", "M"), [(8, 2), (60, 6), (250, 5), (7, 7), (9, 1)])
def test_cosine_is_the_formula_of_the_paper_where_cycles_divide_the_steps(T, M):
    for t in range(1, T + 1):
        expected = paper_rate(t, T, M, 0.2)
        assert cyclic_cosine(t, T, M=M, alpha_zero=0.2) == pytest.approx(expected, abs=1e-15)


def test_each_cycle_starts_at_alpha_zero():
    starts = [1, *(end + 1 for end in cycle_ends(103, 4)[:-1])]
    assert [cyclic_cosine(t, 103, M=4, alpha_zero=0.3) for t in starts] == [0.3] * 4


def test_the_last_rate_of_a_cycle_is_one_step_short_of_lr_min():
    last = 0.01 + (0.1 - 0.01) / 2 * (1 + cos(pi * 9 / 10))
    assert cyclic_cosine(10, 20, M=2, alpha_zero=0.1, lr_min=0.01) == pytest.approx(last)


def test_the_peak_decays_from_cycle_to_cycle():
    peaks = [cyclic_cosine(t, 30, M=3, alpha_zero=0.1, alpha_mult=0.5) for t in (1, 11, 21)]
    assert peaks == [0.1, 0.1 * 0.5, 0.1 * 0.5 * 0.5]


def test_triangular_peaks_at_half_the_cycle_and_ends_at_lr_min():
    rates = [cyclic_triangular(t, 20, M=2, alpha_zero=0.1, lr_min=0.02) for t in range(1, 21)]
    assert rates[4] == rates[14] == pytest.approx(0.1)
    assert rates[9] == rates[19] == pytest.approx(0.02)
    assert rates[1] == pytest.approx(0.02 + (0.1 - 0.02) * 2 / 5)


def test_the_triangles_shrink_and_grow_with_their_cycles():
    # Cycles of 4 and 8 steps, the second half as high.
    bound = {"M": 2, "alpha_zero": 0.4, "cycle_mult": 2, "alpha_mult": 0.5}
    rates = [cyclic_triangular(t, 12, **bound) for t in range(1, 13)]
    assert rates[:4] == pytest.approx([0.2, 0.4, 0.2, 0])
    assert rates[4:] == pytest.approx([0.05, 0.1, 0.15, 0.2, 0.15, 0.1, 0.05, 0])


def test_the_cosine_falls_along_each_cycle_by_its_own_length():
    bound = {"M": 2, "alpha_zero": 0.4, "cycle_mult": 2, "alpha_mult": 0.5}
    rates = [cyclic_cosine(t, 6, **bound) for t in range(1, 7)]
    second = [0.1 * (1 + cos(pi * j / 4)) for j in range(4)]
    assert rates == pytest.approx([0.4, 0.2, *second])


@pytest.mark.parametrize("function", [cyclic_cosine, cyclic_triangular])
def test_a_decayed_peak_stays_at_lr_min_at_least(function):
    rates = [
        function(t, 30, M=3, alpha_zero=0.1, lr_min=0.01, alpha_mult=0.1) for t in range(21, 31)
    ]
    assert rates == pytest.approx([0.01] * 10)


@pytest.mark.parametrize("function", [cyclic_cosine, cyclic_triangular])
def test_bound_schedules_pickle(function):
    bound = partial(function, M=3, alpha_zero=0.1, cycle_mult=1.5)
    copy = pickle.loads(pickle.dumps(bound))
    assert [copy(t, 50) for t in range(1, 51)] == [bound(t, 50) for t in range(1, 51)]
