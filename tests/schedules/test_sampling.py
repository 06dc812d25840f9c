"""The parts of cycles in which a sampler takes its samples."""

from math import ceil

import pytest

from skensemble import InvalidParameterError
from skensemble.schedules import cycle_ends, is_in_sampling_part, is_sample


def moments_of(moment, T, **keywords):
    return [t for t in range(1, T + 1) if moment(t, T, **keywords)]


def test_the_sampling_part_is_the_last_share_of_each_cycle():
    # Cycles of 20 steps; a quarter of each is 5 steps.
    steps = moments_of(is_in_sampling_part, 40, M=2, sampling_fraction=0.25)
    assert steps == [16, 17, 18, 19, 20, 36, 37, 38, 39, 40]


def test_a_share_of_a_step_is_rounded_up():
    # Cycles of 3, 2, 3 and 2 steps; a tenth of each is one step, 0.4 of 3 are two.
    assert moments_of(is_in_sampling_part, 10, M=4, sampling_fraction=0.1) == [3, 5, 8, 10]
    assert moments_of(is_in_sampling_part, 10, M=4, sampling_fraction=0.4) == [2, 3, 5, 7, 8, 10]


def test_a_share_of_1_is_all_steps():
    assert moments_of(is_in_sampling_part, 10, M=3, sampling_fraction=1) == list(range(1, 11))


def test_the_share_is_that_of_the_decimal_that_was_typed():
    # In floats 0.07 * 100 is 7.000...1, which rounds up to 8.
    assert len(moments_of(is_in_sampling_part, 100, M=1, sampling_fraction=0.07)) == 7


def test_samples_are_equally_spaced_in_the_part_and_end_with_the_cycle():
    # The last 12 of 20 steps, in thirds.
    settings = {"sampling_fraction": 0.6, "samples_per_cycle": 3}
    samples = moments_of(is_sample, 40, M=2, **settings)
    assert samples == [8 + 4, 8 + 8, 8 + 12, 28 + 4, 28 + 8, 28 + 12]


@pytest.mark.parametrize("T", [30, 31, 47, 100])
@pytest.mark.parametrize("M", [1, 3])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_each_cycle_gives_its_samples_within_the_part(T, M, n):
    settings = {"M": M, "sampling_fraction": 0.5, "samples_per_cycle": n}
    samples = moments_of(is_sample, T, **settings)
    ends = cycle_ends(T, M)
    lengths = [end - start for start, end in zip((0, *ends), ends, strict=False)]
    assert set(samples) <= set(moments_of(is_in_sampling_part, T, M=M, sampling_fraction=0.5))
    for end, length in zip(ends, lengths, strict=True):
        own = [t for t in samples if end - length < t <= end]
        assert len(own) == n
        assert own[-1] == end
        assert own[0] > end - ceil(length / 2)


@pytest.mark.parametrize("function", [is_sample, is_in_sampling_part])
def test_more_samples_than_steps_are_refused(function):
    message = r"samples_per_cycle must be at most the 20 steps of a cycle, got 21\. Train"
    with pytest.raises(InvalidParameterError, match=message):
        function(1, 40, M=2, sampling_fraction=0.2, samples_per_cycle=21)


def test_all_steps_of_a_cycle_may_be_samples():
    sampling = {"M": 2, "sampling_fraction": 0.2, "samples_per_cycle": 5}
    assert moments_of(is_sample, 10, **sampling) == list(range(1, 11))


def test_a_part_is_longer_where_its_samples_need_it():
    sampling = {"M": 2, "sampling_fraction": 0.2, "samples_per_cycle": 7}
    for function in (is_sample, is_in_sampling_part):
        steps = [t for t in range(1, 41) if function(t, 40, **sampling)]
        assert steps == [*range(14, 21), *range(34, 41)]


def test_a_step_outside_the_training_is_refused():
    with pytest.raises(InvalidParameterError, match=r"t must be a step in 1\.\.10, got 11\."):
        is_in_sampling_part(11, 10, M=2, sampling_fraction=0.5)
