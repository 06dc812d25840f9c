"""Snapshot ensembles whose cycles start afresh: the paper's baseline SingleCycle."""

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, SnapshotEnsembleClassifier

# 20 epochs of 5 steps in three cycles, which end after 34, 67 and 100 steps.
SMALL = {"module__hidden_units": (8,), "max_epochs": 20, "batch_size": 32}
ENDS = (34, 67, 100)


def make(net=None, **parameters):
    net = NetClassifier(**SMALL) if net is None else net
    settings = {"M": 3, "cold_restart": True, "random_state": 0}
    return SnapshotEnsembleClassifier(net, **(settings | parameters))


def flat(member):
    return np.concatenate([value.ravel() for value in member.values()])


def members_of(ensemble, iris):
    return [flat(member) for member in ensemble.fit(*iris).members_]


def slow_first_cycle(t, T):
    return 0.02 if t <= ENDS[0] else 0.1


def fast_first_cycle(t, T):
    return 0.2 if t <= ENDS[0] else 0.1


@pytest.mark.parametrize("cold_restart", [True, False])
def test_later_members_do_not_depend_on_the_first_cycle(iris, cold_restart):
    slow, fast = (
        members_of(make(schedule=schedule, cold_restart=cold_restart), iris)
        for schedule in (slow_first_cycle, fast_first_cycle)
    )
    assert (slow[0] != fast[0]).all()
    for one, other in zip(slow[1:], fast[1:], strict=True):
        assert np.array_equal(one, other) == cold_restart


def test_each_cycle_begins_with_weights_of_its_own(iris):
    # Steps this short leave the weights where they were.
    cold, warm = (
        members_of(make(alpha_zero=1e-12, cold_restart=is_cold), iris) for is_cold in (True, False)
    )
    np.testing.assert_allclose(warm[1:], [warm[0]] * 2, rtol=1e-5)
    np.testing.assert_array_equal(cold[0], warm[0])
    correlation = np.corrcoef(cold)[np.triu_indices(3, 1)]
    # 67 weights: a correlation has an error of 1 / sqrt(67) = 0.12.
    assert abs(correlation).max() < 0.5


@pytest.mark.parametrize("cold_restart", [True, False])
def test_the_optimizer_forgets_with_the_weights(iris, cold_restart):
    has_momentum = []

    class WatchedSGD(torch.optim.SGD):
        def step(self, closure=None):
            states = [self.state[p] for group in self.param_groups for p in group["params"]]
            has_momentum.append([state.get("momentum_buffer") is not None for state in states])
            return super().step(closure)

    make(NetClassifier(**SMALL, optimizer=WatchedSGD), cold_restart=cold_restart).fit(*iris)
    assert len(has_momentum) == 100
    without = [t for t, buffers in enumerate(has_momentum, start=1) if not any(buffers)]
    starts = [1, ENDS[0] + 1, ENDS[1] + 1]
    assert without == (starts if cold_restart else [1])
    assert all(all(has_momentum[t - 1]) for t in range(1, 101) if t not in without)


class Normed(nn.Sequential):
    """A module with batch normalisation, which counts its batches."""

    def __init__(self, n_features, n_outputs):
        super().__init__(nn.BatchNorm1d(n_features), nn.Linear(n_features, n_outputs))


@pytest.mark.parametrize(("cold_restart", "counts"), [(True, [34, 33, 33]), (False, [34, 67, 100])])
def test_statistics_of_batch_normalisation_start_afresh(iris, cold_restart, counts):
    net = NetClassifier(Normed, max_epochs=20, batch_size=32)
    members = make(net, cold_restart=cold_restart).fit(*iris).members_
    assert [int(member["0.num_batches_tracked"]) for member in members] == counts


def test_one_cycle_is_never_restarted(iris):
    cold, warm = (members_of(make(M=1, cold_restart=is_cold), iris) for is_cold in (True, False))
    np.testing.assert_array_equal(cold, warm)


def test_moments_and_rates_are_those_of_the_snapshot_ensemble(iris):
    cold, warm = (make(cold_restart=is_cold).fit(*iris) for is_cold in (True, False))
    assert cold.member_steps_.tolist() == list(ENDS)
    assert (cold.learning_rates_ == warm.learning_rates_).all()


def test_the_same_seed_gives_the_same_bits(iris):
    first, again = (members_of(make(), iris) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_a_module_instance_is_refused(iris):
    with pytest.raises(InvalidParameterError, match="module is a class or a function, for members"):
        make(NetClassifier(nn.Linear(4, 3))).fit(*iris)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_anything_but_a_bool_is_refused(iris, value):
    with pytest.raises(InvalidParameterError, match=r"cold_restart must be True or False, got"):
        make(cold_restart=value).fit(*iris)
