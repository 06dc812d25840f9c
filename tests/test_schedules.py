import pickle
from functools import partial
from math import ceil, cos, pi

import pytest

from skensemble._checks import InvalidParameterError
from skensemble.schedules import (
    cycle_ends,
    cyclic_cosine,
    cyclic_triangular,
    is_cycle_end,
    step_decay,
)


def paper_rate(t, T, M, alpha_zero):
    """Equation 2 of Huang et al., 2017, as printed."""
    length = ceil(T / M)
    return alpha_zero / 2 * (cos(pi * ((t - 1) % length) / length) + 1)


def test_ten_steps_in_four_cycles_end_after_3_5_8_and_10():
    assert cycle_ends(10, 4) == (3, 5, 8, 10)


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


@pytest.mark.parametrize("T", [1, 5, 10, 11, 97, 1000])
def test_there_are_always_M_cycles_and_lengths_differ_by_one_at_most(T):
    for M in range(1, min(T, 12) + 1):
        ends = cycle_ends(T, M)
        lengths = [end - start for start, end in zip((0, *ends), ends, strict=False)]
        assert len(ends) == M
        assert ends[-1] == T
        assert lengths[0] == ceil(T / M)
        assert max(lengths) - min(lengths) <= 1


def test_each_cycle_starts_at_alpha_zero():
    starts = [1, *(end + 1 for end in cycle_ends(103, 4)[:-1])]
    assert [cyclic_cosine(t, 103, M=4, alpha_zero=0.3) for t in starts] == [0.3] * 4


def test_the_last_rate_of_a_cycle_is_one_step_short_of_lr_min():
    last = 0.01 + (0.1 - 0.01) / 2 * (1 + cos(pi * 9 / 10))
    assert cyclic_cosine(10, 20, M=2, alpha_zero=0.1, lr_min=0.01) == pytest.approx(last)


def test_a_moment_is_the_last_step_of_each_cycle_and_no_other():
    moments = [t for t in range(1, 11) if is_cycle_end(t, 10, M=4)]
    assert moments == [3, 5, 8, 10]


def test_growing_cycles_have_the_lengths_of_sgdr():
    # First length 10, doubling: 10 + 20 + 40 = 10 * (2**3 - 1) / (2 - 1) steps.
    assert cycle_ends(70, 3, cycle_mult=2) == (10, 10 + 20, 10 + 20 + 40)


def test_the_peak_decays_from_cycle_to_cycle():
    peaks = [cyclic_cosine(t, 30, M=3, alpha_zero=0.1, alpha_mult=0.5) for t in (1, 11, 21)]
    assert peaks == [0.1, 0.1 * 0.5, 0.1 * 0.5 * 0.5]


def test_triangular_peaks_at_half_the_cycle_and_ends_at_lr_min():
    rates = [cyclic_triangular(t, 20, M=2, alpha_zero=0.1, lr_min=0.02) for t in range(1, 21)]
    assert rates[4] == rates[14] == pytest.approx(0.1)
    assert rates[9] == rates[19] == pytest.approx(0.02)
    assert rates[1] == pytest.approx(0.02 + (0.1 - 0.02) * 2 / 5)


def test_step_drops_to_a_tenth_at_half_and_again_at_three_quarters():
    rates = [step_decay(t, 8, alpha_zero=1.0) for t in range(1, 9)]
    assert rates == pytest.approx([1.0] * 4 + [0.1] * 2 + [0.01] * 2)


def test_more_cycles_than_steps_are_refused():
    with pytest.raises(
        InvalidParameterError,
        match=r"M must be at most the number of optimizer steps, T=10, got 11\.",
    ):
        cycle_ends(10, 11)


def test_cycles_that_grow_so_fast_that_the_first_ones_are_empty_are_refused():
    with pytest.raises(
        InvalidParameterError, match=r"cycle_mult must leave each of M=4 cycles .* got 9\."
    ):
        cycle_ends(20, 4, cycle_mult=9)


@pytest.mark.parametrize("function", [cyclic_cosine, cyclic_triangular])
def test_bound_schedules_pickle(function):
    bound = partial(function, M=3, alpha_zero=0.1, cycle_mult=1.5)
    copy = pickle.loads(pickle.dumps(bound))
    assert [copy(t, 50) for t in range(1, 51)] == [bound(t, 50) for t in range(1, 51)]


@pytest.mark.parametrize("function", [cyclic_cosine, cyclic_triangular])
def test_a_decayed_peak_stays_at_lr_min_at_least(function):
    rates = [
        function(t, 30, M=3, alpha_zero=0.1, lr_min=0.01, alpha_mult=0.1) for t in range(21, 31)
    ]
    assert rates == pytest.approx([0.01] * 10)


@pytest.mark.parametrize("t", [0, 11])
def test_a_step_outside_the_training_is_refused(t):
    with pytest.raises(InvalidParameterError, match=rf"t must be a step in 1\.\.10, got {t}\."):
        cyclic_cosine(t, 10, M=2, alpha_zero=0.1)
