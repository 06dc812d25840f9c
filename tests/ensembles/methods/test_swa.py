"""What stochastic weight averaging does beyond the contract."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from skensemble import NetClassifier, SWAClassifier, SWARegressor
from skensemble.members import copy_state
from skensemble.schedules import constant_tail, is_tail_point
from skensemble.seeding import draw_seed, initialize_seeded, streams_of, training_seeded
from skensemble.training import Data, train

NET = NetClassifier(module__hidden_units=(8,), max_epochs=20, batch_size=32, device="cpu")
RATES = {"alpha_zero": 0.1, "swa_lr": 0.08}
CPU = torch.device("cpu")


class Normed(nn.Sequential):
    """A module with batch normalisation behind its first layer."""

    def __init__(self, n_features, n_outputs):
        layers = nn.Linear(n_features, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, n_outputs)
        super().__init__(*layers)


def make(net=NET, **parameters):
    return SWAClassifier(net, **({"n_averaged": 4, "random_state": 0, **RATES} | parameters))


def copies_of_a_training(X, y):
    """Give the weights that the same training passes through, copied at steps 80, 85, ..."""
    net, seed, kept = clone(NET), draw_seed(0), []
    net.set_params(module__n_features=4, module__n_outputs=3)
    initialize_seeded(net, streams_of(seed), CPU)
    tail = {"pretrain_fraction": 0.75}
    settings = {
        "schedule": partial(constant_tail, alpha_zero=0.1, tail_lr=0.08, **tail),
        "moment": partial(is_tail_point, n_averaged=4, **tail),
    }
    with training_seeded(streams_of(seed).training, CPU):
        train(net, Data(X, y), **settings, observe=lambda s: kept.append(copy_state(s.module)))
    return kept


def test_the_member_is_the_mean_of_the_weights_in_the_tail(iris):
    copies = copies_of_a_training(*iris)
    (member,) = make().fit(*iris).members_
    assert len(copies) == 4
    for name, value in member.items():
        expected = np.mean([state[name] for state in copies], axis=0)
        # A running mean rounds float32 anew at each of its steps.
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-7)
        assert not np.allclose(value, copies[-1][name], rtol=1e-3)


def test_one_weight_that_is_averaged_is_the_last(iris):
    (member,) = make(n_averaged=1).fit(*iris).members_
    last = copies_of_a_training(*iris)[-1]
    assert all(np.array_equal(value, last[name]) for name, value in member.items())


def test_rates_are_constant_in_the_tail(iris):
    ensemble = make().fit(*iris)
    assert ensemble.learning_rates_[[0, 37]].tolist() == [0.1, 0.1]
    assert ensemble.learning_rates_[75:].tolist() == [0.08] * 25
    assert ensemble.member_steps_.tolist() == [100]
    assert ensemble.weights_.tolist() == [1.0]


def test_statistics_are_those_of_the_averaged_weights(iris):
    X, y = iris
    ensemble = make(NetClassifier(Normed, max_epochs=20, batch_size=32)).fit(X, y)
    (member,) = ensemble.members_
    hidden = X @ member["0.weight"].T + member["0.bias"]
    # Rows weigh alike, so that the order of the rows does not show.
    np.testing.assert_allclose(member["1.running_mean"], hidden.mean(0), rtol=1e-4, atol=1e-5)
    # The variance within batches is smaller than that of all rows by that of their means.
    np.testing.assert_allclose(member["1.running_var"], hidden.var(0), rtol=0.15)
    assert ensemble.score(X, y) > 0.9


def test_a_regressor_averages_too(diabetes):
    ensemble = SWARegressor(n_averaged=10, random_state=0).fit(*diabetes)
    assert len(ensemble.members_) == 1
    assert ensemble.score(*diabetes) > 0.4
    assert (ensemble.predict(diabetes[0], return_std=True)[1] == 0).all()


def test_fewer_steps_than_weights_are_all_averaged_and_said(iris):
    with pytest.warns(ConvergenceWarning, match="n_averaged=26, but only 25 of T=100 steps come"):
        few = make(n_averaged=26).fit(*iris)
    all_steps = make(n_averaged=25).fit(*iris)
    assert (few.predict_proba(iris[0]) == all_steps.predict_proba(iris[0])).all()
