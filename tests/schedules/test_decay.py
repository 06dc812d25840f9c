"""Rates that fall once."""

import pytest

from skensemble.schedules import plateau_then_linear, step_decay


def rates_of(schedule, T, **keywords):
    return [schedule(t, T, **keywords) for t in range(1, T + 1)]


def test_step_drops_to_a_tenth_at_half_and_again_at_three_quarters():
    rates = [step_decay(t, 8, alpha_zero=1.0) for t in range(1, 9)]
    assert rates == pytest.approx([1.0] * 4 + [0.1] * 2 + [0.01] * 2)


def test_step_drops_by_any_factor_at_any_milestones():
    rates = rates_of(step_decay, 10, alpha_zero=0.6, milestones=(0.2, 0.5, 0.9), factor=0.5)
    assert rates == pytest.approx([0.6] * 2 + [0.3] * 3 + [0.15] * 4 + [0.075])


def test_a_milestone_between_steps_counts_from_the_next():
    # Half of 5 is 2.5 steps, three quarters 3.75.
    rates = rates_of(step_decay, 5, alpha_zero=1.0)
    assert rates == pytest.approx([1.0] * 3 + [0.1] + [0.01])


def test_the_plateau_is_half_the_steps_and_the_fall_four_tenths():
    falling = [1 - 0.8 * j / 8 for j in range(9)]
    rates = rates_of(plateau_then_linear, 20, alpha_zero=1.0, end_lr=0.2)
    assert rates == pytest.approx([1.0] * 10 + falling + [0.2])


def test_the_plateau_may_end_above_where_it_began():
    rates = rates_of(plateau_then_linear, 10, alpha_zero=0.1, end_lr=0.3)
    assert rates == pytest.approx([0.1] * 6 + [0.1 + 0.2 / 4, 0.2, 0.3 - 0.2 / 4, 0.3])
