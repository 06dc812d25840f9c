"""Several trainings, told as one."""

import numpy as np

from skensemble.ensembles.cross_fitted._course import followed_by, mean_trace, trace_until
from skensemble.training import Step, Trace


def trace(losses, n_steps=4, stopped_by=None, rate=0.1):
    return Trace(
        n_steps=n_steps,
        learning_rates=np.full(n_steps, rate),
        moments=np.array([2, 4]),
        loss_curve=np.array(losses),
        last_loss=losses[-1],
        stopped_by=stopped_by,
        history=[{"epoch": i, "train_loss": loss} for i, loss in enumerate(losses)],
    )


def test_losses_are_the_mean_over_the_nets():
    mean = mean_trace([trace([3.0, 1.0]), trace([5.0, 2.0])])
    assert mean.loss_curve.tolist() == [4.0, 1.5]
    assert mean.last_loss == 1.5
    assert [row["train_loss"] for row in mean.history] == [4.0, 1.5]
    assert mean.moments.tolist() == [2, 4]
    assert mean.stopped_by is None


def test_nets_that_ended_early_say_so_and_cut_the_curve():
    mean = mean_trace([trace([3.0, 1.0]), trace([5.0], stopped_by="observer")])
    assert mean.loss_curve.tolist() == [4.0]
    assert len(mean.history) == 1
    assert mean.stopped_by == "observer"


def test_nets_that_made_fewer_steps_cut_rates_and_moments():
    short = trace([5.0], n_steps=3, stopped_by="observer")
    mean = mean_trace([trace([3.0, 1.0]), short])
    assert len(mean.learning_rates) == 3
    assert mean.moments.tolist() == [2]


def test_a_further_training_counts_on():
    joined = followed_by(trace([3.0, 1.0]), trace([0.5], rate=0.2))
    assert joined.n_steps == 8
    assert joined.learning_rates.tolist() == [0.1] * 4 + [0.2] * 4
    assert joined.moments.tolist() == [2, 4, 6, 8]
    assert joined.loss_curve.tolist() == [3.0, 1.0, 0.5]
    assert joined.last_loss == 0.5
    assert len(joined.history) == 3


def step(t, T, rates):
    return Step(t, T, rates[-1], None, lambda: 0.7, rates)


def test_what_is_known_of_a_training_that_was_cut_off_is_its_last_member():
    cut = trace_until(step(3, 10, [0.3, 0.2, 0.1]), None)
    assert cut.n_steps == 10
    assert cut.learning_rates.tolist() == [0.3, 0.2, 0.1]
    assert cut.last_loss == 0.7
    assert cut.moments.tolist() == [3]


def test_a_further_training_that_was_cut_off_follows_the_first():
    cut = trace_until(step(6, 10, [0.3, 0.2]), trace([3.0, 1.0]))
    assert cut.n_steps == 10
    assert cut.learning_rates.tolist() == [0.1] * 4 + [0.3, 0.2]
    assert cut.moments.tolist() == [2, 4, 6]


def test_without_a_member_there_is_nothing():
    first = trace([3.0])
    assert trace_until(None, None) is None
    assert trace_until(None, first) is first


def test_a_further_training_that_was_cut_off_before_a_member_leaves_the_first():
    first = trace([3.0, 1.0])
    assert trace_until(step(4, 4, [0.1] * 4), first) is first
