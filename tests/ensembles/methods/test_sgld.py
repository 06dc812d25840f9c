"""What cyclical stochastic gradient Langevin dynamics does beyond the contract."""

from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skensemble import (
    CyclicalSGLDClassifier,
    CyclicalSGLDRegressor,
    InvalidParameterError,
    NetClassifier,
    NetRegressor,
)
from skensemble.members import copy_state
from skensemble.schedules import cyclic_cosine, is_sample
from skensemble.seeding import draw_seed, initialize_seeded, streams_of, training_seeded
from skensemble.training import Data, train

NET = NetClassifier(module__hidden_units=(8,), max_epochs=20, batch_size=32, device="cpu")
PART = {"M": 2, "sampling_fraction": 0.2, "samples_per_cycle": 2}
CPU = torch.device("cpu")

ONE_STEP = {"M": 1, "sampling_fraction": 1.0, "samples_per_cycle": 1, "random_state": 0}
"""A training of one step, whose one sample is the step and its noise."""


def make(net=NET, **parameters):
    return CyclicalSGLDClassifier(net, **({**PART, "random_state": 0} | parameters))


def flat(member):
    return np.concatenate([value.ravel() for value in member.values()])


def noise_of(ensemble, X, y, **fit):
    """Give the noise of a training of one step: what it moved, less what it moves without."""
    cold = clone(ensemble).set_params(temperature=0).fit(X, y, **fit)
    return flat(ensemble.fit(X, y, **fit).members_[0]) - flat(cold.members_[0])


def test_samples_are_taken_in_the_last_part_of_each_cycle(iris):
    ensemble = make().fit(*iris)
    # Cycles of 50 steps; 10 of each are for sampling, in halves.
    assert ensemble.member_steps_.tolist() == [45, 50, 95, 100]
    expected = [cyclic_cosine(t, 100, M=2, alpha_zero=0.1) for t in range(1, 101)]
    assert ensemble.learning_rates_.tolist() == expected


def test_a_temperature_of_0_is_a_training_without_noise(iris):
    net, seed, kept = clone(NET), draw_seed(0), []
    net.set_params(module__n_features=4, module__n_outputs=3)
    initialize_seeded(net, streams_of(seed), CPU)
    settings = {
        "schedule": partial(cyclic_cosine, M=2, alpha_zero=0.1),
        "moment": partial(is_sample, **PART),
        "observe": lambda step: kept.append(copy_state(step.module)),
    }
    with training_seeded(streams_of(seed).training, CPU):
        train(net, Data(*iris), **settings)
    members = make(temperature=0).fit(*iris).members_
    assert len(members) == len(kept) == 4
    for member, expected in zip(members, kept, strict=True):
        assert all(np.array_equal(member[name], expected[name]) for name in expected)


def test_noise_moves_all_weights_and_comes_from_the_seed(iris):
    members = [flat(m) for m in make().fit(*iris).members_]
    cold = [flat(m) for m in make(temperature=0).fit(*iris).members_]
    assert all((one != other).all() for one, other in zip(members, cold, strict=True))
    again = [flat(m) for m in make().fit(*iris).members_]
    assert all((one == other).all() for one, other in zip(members, again, strict=True))


def test_the_noise_of_a_step_of_a_classifier_is_that_of_the_posterior(iris):
    net = NetClassifier(module__hidden_units=(1000,), max_epochs=1, batch_size=-1)
    noise = noise_of(CyclicalSGLDClassifier(net, alpha_zero=0.01, **ONE_STEP), *iris)
    # 8003 weights, whose variance has an error of sqrt(2 / 8003) = 1.6 %.
    assert noise.var() == pytest.approx(2 * (1 - 0.9) * 0.01 / 150, rel=0.07)
    warm = CyclicalSGLDClassifier(net, alpha_zero=0.01, temperature=4.0, **ONE_STEP)
    np.testing.assert_allclose(noise_of(warm, *iris), 2 * noise, rtol=1e-2, atol=1e-4)


def test_the_noise_of_a_regressor_knows_that_of_the_targets(diabetes):
    net = NetRegressor(module__hidden_units=(500,), max_epochs=1, batch_size=-1)
    ensemble = CyclicalSGLDRegressor(net, alpha_zero=0.01, **ONE_STEP)
    noise = noise_of(ensemble, *diabetes)
    # The squared error is the log-likelihood times twice the variance of the noise.
    temperature = 2 * ensemble.loss_curve_[0]
    # 6001 weights, whose variance has an error of sqrt(2 / 6001) = 1.8 %.
    assert noise.var() == pytest.approx(2 * (1 - 0.9) * 0.01 * temperature / 442, rel=0.08)


def test_a_weight_of_4_is_four_rows(iris):
    net = NetClassifier(module__hidden_units=(50,), max_epochs=1, batch_size=-1)
    ensemble = CyclicalSGLDClassifier(net, alpha_zero=0.01, **ONE_STEP)
    single = noise_of(ensemble, *iris)
    fourfold = noise_of(ensemble, *iris, sample_weight=np.full(150, 4.0))
    np.testing.assert_allclose(fourfold, single / 4**0.5, rtol=1e-2, atol=1e-5)


@pytest.mark.filterwarnings("ignore:alpha_zero=.* is high for")
def test_an_optimizer_without_a_formula_is_refused(iris):
    net = NetClassifier(optimizer=torch.optim.AdamW)
    with pytest.raises(InvalidParameterError, match=r"optimizer is torch\.optim\.SGD.* got .*Adam"):
        make(net).fit(*iris)


def test_more_samples_than_steps_are_refused(iris):
    message = r"samples_per_cycle must be at most the 50 steps of a cycle, got 51\."
    with pytest.raises(InvalidParameterError, match=message):
        make(samples_per_cycle=51).fit(*iris)


def test_a_sampling_part_has_room_for_its_samples(iris):
    # A fifth of 50 steps would be 10.
    ensemble = make(samples_per_cycle=25).fit(*iris)
    assert ensemble.member_steps_.tolist() == [*range(26, 51), *range(76, 101)]


def test_it_learns(iris, diabetes):
    assert make().fit(*iris).score(*iris) > 0.9
    assert CyclicalSGLDRegressor(random_state=0).fit(*diabetes).score(*diabetes) > 0.4


def test_the_noise_of_targets_is_looked_at_anew_in_each_cycle(diabetes):
    plain = {"momentum": 0.0, "nesterov": False, "weight_decay": 0.0}
    net = NetRegressor(
        module__hidden_units=(500,),
        max_epochs=8,
        batch_size=-1,
        max_grad_norm=None,
        precision="float64",
        **{f"optimizer__{name}": value for name, value in plain.items()},
    )
    cycles = {"M": 2, "sampling_fraction": 1.0, "samples_per_cycle": 4}
    ensemble = CyclicalSGLDRegressor(
        net, **cycles, alpha_zero=0.05, temperature=0.1, random_state=0
    ).fit(*diabetes)
    # One step an epoch, each of which gives a member: its noise is what the gradient leaves.
    temperatures = [
        noise_variance(before, after, *diabetes, rate) / (2 * rate / 442)
        for before, after, rate in zip(
            ensemble._predictor_.members,
            ensemble.members_[1:],
            ensemble.learning_rates_[1:],
            strict=False,
        )
    ]
    losses = ensemble.loss_curve_
    expected = [0.1 * 2 * losses[0]] * 3 + [0.1 * 2 * losses[4]] * 4
    # 6001 weights, whose variance has an error of sqrt(2 / 6001) = 1.8 %.
    assert temperatures == pytest.approx(expected, rel=0.08)
    # The loss of each step would be another.
    assert losses[4] < 0.7 * losses[0]
    assert losses[6] > 2 * losses[4]


def noise_variance(module, after, X, y, rate):
    """Give the variance of what a step of gradient descent does not explain."""
    module = deepcopy(module).requires_grad_(True)
    target = torch.tensor((y - y.mean()) / y.std())[:, None]
    (module(torch.tensor(X, dtype=torch.float64)) - target).square().mean().backward()
    return np.concatenate(
        [
            after[name].ravel() - (weight - rate * weight.grad).detach().numpy().ravel()
            for name, weight in module.named_parameters()
        ]
    ).var()
