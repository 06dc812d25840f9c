"""Trainings of another length than the net says: epochs, or steps."""

import pytest

from skensemble.training import Data, train
from tests.training.test_train import COSINE, X, Y, net


@pytest.mark.parametrize("fast", [True, False])
def test_a_training_may_have_a_length_of_its_own(fast):
    trained, steps = net(fast=fast), []
    trace = train(
        trained, Data(X, Y), schedule=lambda t, T: t / T, moment=lambda t, T: t == T,
        observe=lambda step: steps.append((step.t, step.T)), n_epochs=2,
    )  # fmt: skip
    assert trace.n_steps == len(trace.learning_rates) == 2 * 4
    assert steps == [(8, 8)]
    assert trained.max_epochs == 6
    # Two epochs and three of the four steps of the third.
    trace = train(
        trained, Data(X, Y), schedule=lambda t, T: t / T, moment=lambda t, T: t == T,
        observe=lambda step: steps.append((step.t, step.T)), n_steps=11,
    )  # fmt: skip
    assert trace.learning_rates.tolist() == [t / 11 for t in range(1, 12)]
    assert steps[1:] == [(11, 11)]
    assert trace.stopped_by is None
    assert len(trace.loss_curve) == len(trace.history) == 2
    assert trained.optimizer_.param_groups[0]["lr"] == trained.lr


def test_a_training_of_so_many_steps_ends_its_last_epoch_where_they_fill_it():
    trace = train(net(), Data(X, Y), schedule=COSINE, n_steps=8)
    assert len(trace.learning_rates) == 8
    assert len(trace.loss_curve) == len(trace.history) == 2
    assert trace.stopped_by is None


def test_an_observer_ends_a_training_of_so_many_steps():
    observe = {"moment": lambda t, T: t == 5, "observe": lambda step: True}
    trace = train(net(), Data(X, Y), schedule=COSINE, n_steps=8, **observe)
    assert trace.stopped_by == "observer"
    assert len(trace.learning_rates) == 5
