"""Calls that are recorded once they are known, with a stand-in for what records them."""

import random
import warnings

import numpy as np
import pytest
import torch

from skensemble.nets.gradients import RecordedCalls, recorder_for
from skensemble.nets.gradients._recorded import MOST_KINDS, N_BEFORE, _first_line
from tests.nets.replays import Refuses, StandIn


def made_of(function, recorder=None, **settings):
    return RecordedCalls(function, recorder or StandIn(), **settings)


def double(x):
    return [2 * x]


def test_a_call_is_made_as_ever_before_it_is_recorded_and_replayed_since():
    calls = made_of(double)
    found = [calls(torch.full((3,), float(t))) for t in range(N_BEFORE + 3)]
    assert [is_replayed for _, is_replayed in found] == [False] * N_BEFORE + [True] * 3
    # Those of all replays are in the memory of one result.
    assert len({results[0].data_ptr() for results, _ in found[N_BEFORE:]}) == 1
    assert found[0][0][0].tolist() == [0, 0, 0]
    assert found[-1][0][0].tolist() == [2.0 * (N_BEFORE + 2)] * 3
    assert calls.recorder.n_recorded == 1


def test_the_users_rows_are_not_what_a_replay_reads_or_writes():
    calls = made_of(lambda x: [x.mul_(2)])
    x = torch.ones(3)
    for _ in range(N_BEFORE):
        calls(x.clone())
    (result,), is_replayed = calls(x)
    assert is_replayed
    assert (x == 1).all()
    assert (result == 2).all()


def test_only_so_many_kinds_are_recorded():
    calls = made_of(lambda x: [x.sum()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [calls(torch.full((n,), float(n))) for _ in range(12) for n in range(1, 6)]
    assert [float(results[0]) for results, _ in found[-5:]] == [n * n for n in range(1, 6)]
    assert [is_replayed for _, is_replayed in found[-5:]] == [True] * MOST_KINDS + [False] * 2


@pytest.mark.parametrize("x", [torch.ones(3, requires_grad=True), None, "rows"])
def test_what_is_no_plain_tensor_is_not_recorded(x):
    calls = made_of(lambda x: [x])
    assert [calls(x)[1] for _ in range(N_BEFORE + 2)] == [False] * (N_BEFORE + 2)
    assert calls.obstacle is None


def test_another_type_of_the_same_shape_is_another_kind():
    calls = made_of(double)
    for _ in range(N_BEFORE + 1):
        calls(torch.ones(3))
    (result,), is_replayed = calls(torch.ones(3, dtype=torch.float64))
    assert not is_replayed
    assert result.dtype == torch.float64


def test_what_is_forgotten_is_recorded_anew():
    calls = made_of(double)
    for _ in range(N_BEFORE + 1):
        calls(torch.ones(3))
    calls.forget()
    assert [calls(torch.ones(3))[1] for _ in range(N_BEFORE + 1)] == [False] * N_BEFORE + [True]
    assert calls.recorder.n_recorded == 2


DRAWS = {
    "python": random.random,
    # What a module of a user may draw from.
    "numpy": lambda: np.random.rand(),  # noqa: NPY002
    "torch": lambda: float(torch.rand(())),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_what_draws_on_the_cpu_is_called_each_time(draw):
    calls = made_of(lambda x: [x * draw()])
    results = [calls(torch.ones(1)) for _ in range(N_BEFORE + 4)]
    assert calls.obstacle == "a step draws from a generator of the CPU"
    assert not calls.has_failed
    assert len({float(found[0]) for found, _ in results}) == len(results)


def test_what_cannot_be_recorded_is_called_and_says_why():
    calls = made_of(double, Refuses())
    results = [calls(torch.ones(1)) for _ in range(N_BEFORE + 2)]
    assert [float(found[0]) for found, _ in results] == [2.0] * len(results)
    assert calls.obstacle == "a step cannot be recorded: RuntimeError: not now"
    assert calls.has_failed


def test_images_are_handed_over_in_the_format_that_is_asked_for():
    seen = []
    for is_last in (False, True):
        calls = made_of(lambda x: [seen.append(x) or x], is_channels_last=is_last)
        for _ in range(N_BEFORE + 1):
            calls(torch.ones(2, 3, 4, 4))
    ours = seen[N_BEFORE], seen[-1]
    formats = [x.is_contiguous(memory_format=torch.channels_last) for x in ours]
    assert formats == [False, True]


def test_the_reason_is_what_was_raised_first_and_its_first_line():
    def record():
        try:
            raise ValueError("no graph can hold this\nof many lines")
        finally:
            # What torch raises at the end of a recording that has failed.
            raise RuntimeError("a previous error")

    with pytest.raises(RuntimeError) as caught:
        record()
    assert _first_line(caught.value) == "ValueError: no graph can hold this"
    assert _first_line(KeyError(3)) == "KeyError: 3"


def test_nothing_is_recorded_on_the_cpu():
    assert recorder_for(torch.device("cpu")) is None
