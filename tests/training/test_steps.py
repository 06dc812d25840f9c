"""Steps as they are planned and counted, and the mean of their last losses."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import DivergenceError
from skensemble.training import (
    RecentLosses,
    Step,
    StepCounter,
    StepPlan,
    diverged,
    finite_mean,
    plan_steps,
)

LARGEST = float(np.finfo(np.float32).max)
INF, NAN = float("inf"), float("nan")


def test_a_plan_holds_the_rate_and_the_moments_of_all_steps():
    table, moments = plan_steps(lambda t, T: t / T, lambda t, T: t % 3 == 0, 7)
    assert table == [1 / 7, 2 / 7, 3 / 7, 4 / 7, 5 / 7, 6 / 7, 1.0]
    assert moments == {3, 6}


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -1e-9])
@pytest.mark.parametrize("at", [1, 7])
def test_a_plan_refuses_what_is_no_rate(rate, at):
    with pytest.raises(ValueError, match=rf"schedule must be .* rates >= 0, got .* at step {at}\."):
        plan_steps(lambda t, T: rate if t == at else 0.1, lambda t, T: False, 7)


def test_a_rate_of_zero_is_a_rate():
    assert plan_steps(lambda t, T: 0.0, lambda t, T: False, 3) == ([0.0] * 3, frozenset())


def test_all_steps_may_be_moments():
    assert plan_steps(lambda t, T: 0.1, lambda t, T: True, 3).moments == {1, 2, 3}


def test_a_plan_names_the_first_step_without_a_rate():
    with pytest.raises(ValueError, match=r"got -2\.0 at step 2\."):
        plan_steps(lambda t, T: {1: 0.1, 2: -2.0}.get(t, NAN), lambda t, T: False, 5)


def counter():
    """Count two trainings of four steps."""
    first = StepPlan([0.1, 0.2, 0.3, 0.4], frozenset({2, 4}))
    return StepCounter([first, StepPlan([1.0, 2.0, 3.0, 4.0], frozenset({2, 3}))])


def test_each_step_has_the_rates_and_the_moments_of_each_training():
    counted, due, rates = counter(), [], []
    assert (counted.t, counted.T) == (0, 4)
    for t in range(1, 5):
        rates.append([counted.next_rate(k) for k in range(2)])
        due.append([*counted.count()])
        assert counted.t == t
    assert rates == [[0.1, 1.0], [0.2, 2.0], [0.3, 3.0], [0.4, 4.0]]
    assert due == [[], [0, 1], [1], [0]]


def test_rates_made_are_those_of_the_steps_so_far():
    counted = counter()
    assert counted.rates_made(1) == []
    counted.count()
    counted.count()
    assert counted.rates_made(0) == [0.1, 0.2]
    assert counted.rates_made(1) == [1.0, 2.0]


def test_observers_are_told_of_the_last_step_that_was_made():
    counted, module = counter(), nn.Linear(1, 1)
    counted.count()
    counted.count()
    losses = np.array([[0.5, 3.0], [1.5, 5.0]])
    step = counted.step(1, module, lambda: losses)
    assert (step.t, step.T, step.rate, step.module) == (2, 4, 2.0, module)
    assert step.loss == (3 + 5) / 2


def test_the_loss_of_a_step_that_diverged_names_its_step_and_its_rate():
    counted = counter()
    for _ in range(3):
        counted.count()
    step = counted.step(1, nn.Linear(1, 1), lambda: np.array([[0.5, 3.0], [0.5, NAN]]))
    # The losses are those of the steps 2 and 3.
    with pytest.raises(DivergenceError, match=r"loss is nan at step 3, learning rate 3\."):
        step.loss  # noqa: B018  the property raises


def test_a_step_asks_for_its_loss_when_somebody_looks():
    asked = []
    step = Step(1, 2, 0.1, nn.Linear(1, 1), lambda: asked.append(True) or 0.5)
    assert asked == []
    assert step.loss == 0.5
    assert asked == [True]


def test_an_observer_cannot_change_the_step_for_others():
    with pytest.raises(FrozenInstanceError):
        Step(1, 2, 0.1, nn.Linear(1, 1), lambda: 0.5).t = 2


def test_losses_are_kept_for_as_many_steps_as_an_epoch_has():
    losses = RecentLosses(3)
    assert losses.values().shape == (0, 1)
    for k in range(1, 6):
        losses.add(torch.tensor(float(k)))
        expected = [*range(1, k + 1)][-3:]
        assert losses.values().tolist() == [[value] for value in expected]


def test_losses_of_several_trainings_are_columns():
    losses = RecentLosses(2)
    losses.add(torch.tensor([1.0, 2.0]))
    losses.add(torch.tensor([3.0, 4.0]))
    assert losses.values().tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [
        (torch.float64, np.float64),
        (torch.float32, np.float32),
        (torch.bfloat16, np.float32),
        (torch.float16, np.float32),
    ],
)
def test_losses_keep_their_precision_where_numpy_has_it(dtype, kept):
    losses = RecentLosses(2)
    losses.add(torch.tensor(1 + 2**-7, dtype=dtype))
    assert losses.values().dtype == kept
    assert losses.values().tolist() == [[1 + 2**-7]]


def test_losses_are_fetched_once_a_step():
    losses = RecentLosses(2)
    losses.add(torch.tensor(1.0))
    first = losses.values()
    assert losses.values() is first
    losses.add(torch.tensor(2.0))
    assert losses.values().tolist() == [[1], [2]]
    assert first.tolist() == [[1]]


@pytest.mark.parametrize("losses", [[1.0, 2.0, 6.0], [-1.0, -2.0, -6.0], [LARGEST, -LARGEST]])
def test_the_mean_of_finite_losses(losses):
    assert finite_mean(np.array(losses), [0.1] * 3) == pytest.approx(np.mean(losses))


@pytest.mark.parametrize(
    ("bad", "seen"),
    [
        (NAN, "nan"),
        (INF, "inf"),
        (-INF, "-inf"),
        # float64 holds what float32 cannot.
        (LARGEST * 2, "inf"),
        (-LARGEST * 2, "-inf"),
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_loss_that_is_not_finite_is_named_by_its_step_and_rate(bad, seen, at):
    losses = np.array([0.5, 0.5, 0.5])
    losses[at] = bad
    # The losses are those of the last three of five steps.
    rates = [0.1, 0.2, 0.3, 0.4, 0.5]
    match = rf"training loss is {seen} at step {3 + at}, learning rate {rates[2 + at]}\. "
    with pytest.raises(DivergenceError, match=match):
        finite_mean(losses, rates)


def test_the_first_of_several_bad_losses_is_named():
    # The largest that float32 holds is finite.
    with pytest.raises(DivergenceError, match=r"is inf at step 2, learning rate 0\.2\."):
        finite_mean(np.array([LARGEST, INF, NAN]), [0.1, 0.2, 0.3])


def test_a_divergence_says_what_to_try():
    error = diverged(7, 1 / 3, "the weights are gone")
    assert str(error) == (
        "Training diverged: the weights are gone at step 7, learning rate 0.3333. "
        "Scale the inputs (StandardScaler in a Pipeline), lower alpha_zero, "
        "or set max_grad_norm on the net."
    )
    # scikit-learn's searches expect either.
    assert isinstance(error, FloatingPointError)
    assert isinstance(error, ValueError)
