"""How long cycles are, and when a fit ends: by plan, by gain or by the clock."""

import pytest

from skensemble.ensembles.tabular import _plan
from skensemble.ensembles.tabular._plan import Plan, planned_cycles


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    own = Clock()
    monkeypatch.setattr(_plan, "perf_counter", own)
    return own


def lengths(plan, clock=None, seconds_per_step=0.0, most=20):
    """Make the cycles of a plan, and return their steps."""
    while (n_steps := plan.next_cycle()) and len(plan.lengths) < most:
        plan.begin_cycle(n_steps)
        if clock:
            clock.now += seconds_per_step * n_steps
    return plan.lengths


@pytest.mark.parametrize(
    ("M", "max_steps", "expected"),
    [
        (1, None, [100]),
        (3, None, [100, 200, 400]),
        (3, 700, [100, 200, 400]),
        (3, 699, [100, 200]),
        (3, 300, [100, 200]),
        (3, 299, [100]),
        (3, 100, [100]),
        (3, 99, [99]),
        (3, 1, [1]),
        (2, 10_000, [100, 200]),
    ],
)
def test_planned_cycles_are_those_that_fit(M, max_steps, expected):
    assert planned_cycles(M, max_steps) == expected


def test_without_more_cycles_the_plan_is_all():
    assert lengths(Plan([100, 200], 1, None)) == [100, 200]
    assert lengths(Plan([100, 200], 2, None)) == [100, 200]


def test_further_cycles_are_twice_as_long_as_the_last():
    assert lengths(Plan([100, 200], 4, None)) == [100, 200, 400, 800]
    assert lengths(Plan([30], 3, None)) == [30, 60, 120]


def test_a_cycle_is_beyond_the_plan_after_the_last_planned_one():
    plan = Plan([100, 200], 4, None)
    beyond = []
    while n_steps := plan.next_cycle():
        beyond.append(plan.is_beyond)
        plan.begin_cycle(n_steps)
    assert beyond == [False, False, True, True]


def test_with_time_and_no_limit_cycles_go_on_until_it_is_over(clock):
    # 100 + 200 + ... + 3,200 steps are 6,300, of a hundredth of a second each.
    plan = Plan([100, 200], 20, 100.0)
    found = lengths(plan, clock, 0.01)
    assert found == [100, 200, 400, 800, 1600, 3200, pytest.approx(10_000 - 6300, abs=1)]


def test_time_does_not_add_to_the_most_cycles(clock):
    assert lengths(Plan([100, 200], 3, 1e6), clock, 0.01) == [100, 200, 400]


def test_a_cycle_that_would_not_end_in_time_is_cut_short(clock):
    # 2.5 seconds are left after 100 steps of a hundredth: all of 200 fit, then 50 of 400.
    assert lengths(Plan([100, 200, 400], 20, 3.5), clock, 0.01) == [100, 200]
    # 1.5 of them are left: 150 of the 200 steps.
    assert lengths(Plan([100, 200, 400], 20, 2.5), clock, 0.01) == [
        100,
        pytest.approx(150, abs=1),
    ]


@pytest.mark.parametrize(("left", "expected"), [(0.51, 51), (0.49, 0)])
def test_a_cycle_shorter_than_half_the_one_before_is_left_out(clock, left, expected):
    plan = Plan([100, 200], 20, 1 + left)
    plan.begin_cycle(plan.next_cycle())
    clock.now += 1.0
    assert plan.next_cycle() == pytest.approx(expected, abs=1)


def test_the_first_cycle_is_made_whatever_it_takes(clock):
    assert lengths(Plan([100, 200], 20, 1e-9), clock, 1.0) == [100]


def test_the_plan_counts_from_when_it_was_made(clock):
    plan = Plan([100, 200], 20, 4.0)
    clock.now += 2.0
    plan.begin_cycle(plan.next_cycle())
    clock.now += 1.0
    # A second is left, and 100 steps took one.
    assert plan.next_cycle() == pytest.approx(100, abs=1)


def test_asked_again_it_says_the_same(clock):
    plan = Plan([100, 200], 20, 2.5)
    plan.begin_cycle(plan.next_cycle())
    clock.now += 1.0
    said = plan.next_cycle()
    clock.now += 1000.0
    assert plan.next_cycle() == said > 0
    plan.begin_cycle(said)
    assert plan.next_cycle() == 0


def test_the_speed_is_that_of_the_last_cycle(clock):
    plan = Plan([100, 200, 400], 20, 14.0)
    plan.begin_cycle(plan.next_cycle())
    clock.now += 10.0  # a slow start
    # 4 seconds are left, and 40 steps would fit: no half of 100.
    assert plan.next_cycle() == 0
    plan = Plan([100, 200, 400], 20, 104.0)
    plan.begin_cycle(plan.next_cycle())
    clock.now += 100.0
    plan._next.clear()
    plan.begin_cycle(200)
    clock.now += 2.0
    # 200 steps took 2 seconds, and 2 are left.
    assert plan.next_cycle() == pytest.approx(200, abs=1)
