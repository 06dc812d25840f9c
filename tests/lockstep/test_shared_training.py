"""Trainings that are made once for several fits, which must not see each other in them."""

from functools import partial
from itertools import combinations

import numpy as np
import pytest
import torch

from skensemble import KFACLaplaceClassifier
from skensemble.lockstep import Report, run_together
from skensemble.training import Data, ReadOnly, train
from tests.lockstep.conftest import (
    LABELS,
    X,
    assert_gives_what_separate_fits_give,
    fit_together,
    initialized,
    net,
    snapshots,
    tasks_of,
    weights_of,
)


def rate_of(t, T):
    return 0.05


def every_step(t, T):
    return True


def test_a_training_that_several_fits_share_is_made_once():
    ensembles = [snapshots(net(), M=M, m=m) for M in (2, 3) for m in (1, 2, None)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles))
    assert report.groups == [{"engine": "closed form", "n_nets": 2, "n_fits": 6}]


def test_ensembles_that_share_a_training_do_not_share_their_members():
    fitted = fit_together(tasks_of(snapshots(net()) for _ in range(3)))
    for one, other in combinations(fitted, 2):
        for state, other_state in zip(one.members_, other.members_, strict=True):
            for name in state:
                np.testing.assert_array_equal(state[name], other_state[name])
                assert not np.shares_memory(state[name], other_state[name])


def test_fits_that_share_a_training_and_go_on_with_its_net():
    ensembles = [
        KFACLaplaceClassifier(net(), M=3, random_state=0, std_scale=s) for s in (0.5, 0.1, 0.01)
    ]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles))
    assert report.groups == [{"engine": "closed form", "n_nets": 1, "n_fits": 3}]


def test_a_fit_that_fails_leaves_those_that_share_its_training():
    def fit(fails):
        def look(step):
            if fails:
                raise ValueError("not this one")

        one = initialized()
        data = Data(X, LABELS)
        train(one, data, schedule=rate_of, moment=every_step, observe=ReadOnly(look))
        return weights_of(one)

    report = Report()
    first, second, third = run_together([partial(fit, k == 0) for k in range(3)], report=report)
    assert report.groups[0]["n_nets"] == 1
    assert str(first.error) == "not this one"
    for participant in (second, third):
        np.testing.assert_allclose(participant.result, fit(False), atol=1e-13)


def train_twice(**settings):
    """Train a net twice; give its weights and what torch draws next."""
    one, data = initialized(**settings), Data(X, LABELS)
    for _ in range(2):
        train(one, data, schedule=lambda t, T: 0.05)
    return weights_of(one), torch.rand(3).numpy()


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_net_is_left_as_after_a_training_alone(dropout):
    def task():
        torch.manual_seed(0)
        return train_twice(module__dropout=dropout)

    report = Report()
    ended = run_together([task] * 2, report=report)
    assert report.groups == [{"engine": "closed form", "n_nets": 1, "n_fits": 2}] * 2
    for participant in ended:
        for found, expected in zip(participant.result, task(), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-13)


@pytest.mark.parametrize("ends", [(8, 10), (9, 10), (8, 48), (10, 8)])
def test_fits_that_share_a_training_end_it_where_they_would_alone(ends):
    def end_at(n):
        one = initialized()
        trace = train(
            one,
            Data(X, LABELS),
            schedule=rate_of,
            moment=every_step,
            observe=ReadOnly(lambda step: step.t == n),
        )
        return trace.loss_curve, trace.last_loss, weights_of(one)

    for participant, n in zip(run_together([partial(end_at, n) for n in ends]), ends, strict=True):
        for found, expected in zip(participant.result, end_at(n), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-13)


def test_fits_that_share_a_training_do_not_share_its_velocity():
    """What one does with its optimizer afterwards must not show in the other."""

    def fit_and_go_on(rate):
        net = initialized()
        # The second training is another for each.
        for own_rate in (0.1, rate):
            train(net, Data(X, LABELS), schedule=lambda t, T, own=own_rate: own)
        return [b["momentum_buffer"].numpy().copy() for b in net.optimizer_.state.values()]

    tasks = [partial(fit_and_go_on, rate) for rate in (0.05, 0.2, 0.0)]
    for participant, task in zip(run_together(tasks), tasks, strict=True):
        assert participant.error is None
        for found, expected in zip(participant.result, task(), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-12)


def test_optimizers_of_fits_that_share_a_training_are_their_own():
    nets = []

    def fit_one():
        net = initialized()
        nets.append(net)
        train(net, Data(X, LABELS), schedule=lambda t, T: 0.1)

    run_together([fit_one] * 3)
    pointers = [
        state["momentum_buffer"].data_ptr()
        for net in nets
        for state in net.optimizer_.state.values()
    ]
    assert len(set(pointers)) == 3 * 4


def test_nets_that_share_a_training_keep_the_rate_of_their_own():
    def fit_twice(lr):
        net = initialized(optimizer=torch.optim.AdamW, lr=lr)
        for _ in range(2):
            train(net, Data(X, LABELS), schedule=rate_of)
        return weights_of(net), [group["lr"] for group in net.optimizer_.param_groups]

    report = Report()
    first, second = run_together([partial(fit_twice, lr) for lr in (0.1, 0.2)], report=report)
    assert [(g["n_nets"], g["n_fits"]) for g in report.groups] == [(1, 2)] * 2
    for participant, lr in ((first, 0.1), (second, 0.2)):
        weights, rates = fit_twice(lr)
        np.testing.assert_allclose(participant.result[0], weights, atol=1e-12)
        assert participant.result[1] == rates == [lr]
