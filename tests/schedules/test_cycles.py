"""Where cycles end."""

from itertools import accumulate
from math import ceil

import pytest

from skensemble import InvalidParameterError
from skensemble.schedules import cycle_ends, is_cycle_end
from skensemble.schedules._cycles import position


def test_ten_steps_in_four_cycles_end_after_3_5_8_and_10():
    assert cycle_ends(10, 4) == (3, 5, 8, 10)


@pytest.mark.parametrize("T", [1, 5, 10, 11, 97, 1000])
def test_there_are_always_M_cycles_and_lengths_differ_by_one_at_most(T):
    for M in range(1, min(T, 12) + 1):
        ends = cycle_ends(T, M)
        lengths = [end - start for start, end in zip((0, *ends), ends, strict=False)]
        assert len(ends) == M
        assert ends[-1] == T
        assert lengths[0] == ceil(T / M)
        assert max(lengths) - min(lengths) <= 1


def test_a_moment_is_the_last_step_of_each_cycle_and_no_other():
    moments = [t for t in range(1, 11) if is_cycle_end(t, 10, M=4)]
    assert moments == [3, 5, 8, 10]


def test_growing_cycles_have_the_lengths_of_sgdr():
    # First length 10, doubling: 10 + 20 + 40 = 10 * (2**3 - 1) / (2 - 1) steps.
    assert cycle_ends(70, 3, cycle_mult=2) == (10, 10 + 20, 10 + 20 + 40)
    lengths = [100, 200, 400, 800, 1600]
    assert cycle_ends(3100, 5, cycle_mult=2) == tuple(accumulate(lengths))


def test_ends_are_exact_where_floats_would_round():
    # In floats 77 * (9 / 11) is 63.00000000000001, which rounds up to 64.
    assert cycle_ends(77, 11) == tuple(range(7, 78, 7))


def test_shrinking_cycles_are_growing_ones_the_other_way_round():
    # First length 40, halving.
    assert cycle_ends(70, 3, cycle_mult=0.5) == (40, 40 + 20, 40 + 20 + 10)


def test_each_step_may_be_a_cycle():
    assert cycle_ends(4, 4) == (1, 2, 3, 4)
    assert cycle_ends(1, 1) == (1,)


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


def test_as_many_cycles_as_steps_that_grow_are_refused_for_their_growth():
    with pytest.raises(InvalidParameterError, match=r"cycle_mult must leave .* of T=4 steps"):
        cycle_ends(4, 4, cycle_mult=2)


@pytest.mark.parametrize("M", [0, 2.5])
def test_a_number_of_cycles_that_is_none_is_refused(M):
    with pytest.raises(InvalidParameterError, match=rf"M must be an int >= 1, got {M}\."):
        cycle_ends(10, M)


def test_the_position_of_a_step_is_its_cycle_the_steps_before_it_and_the_length():
    # Cycles of 3, 2, 3 and 2 steps.
    lengths = [3, 2, 3, 2]
    expected = [(k, j, length) for k, length in enumerate(lengths) for j in range(length)]
    assert [position(t, 10, 4) for t in range(1, 11)] == expected


def test_the_position_in_cycles_that_grow():
    lengths = [1, 2, 4]
    expected = [(k, j, length) for k, length in enumerate(lengths) for j in range(length)]
    assert [position(t, 7, 3, cycle_mult=2) for t in range(1, 8)] == expected


@pytest.mark.parametrize("t", [0, 11])
def test_a_step_outside_the_training_is_refused(t):
    with pytest.raises(InvalidParameterError, match=rf"t must be a step in 1\.\.10, got {t}\."):
        position(t, 10, 2)
