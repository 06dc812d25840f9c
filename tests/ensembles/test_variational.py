"""What variational inference does beyond the contract."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, VariationalClassifier
from skensemble.nets._seeding import draw_seed, initialize_seeded
from skensemble.schedules import two_cosines
from skensemble.training import Data, train

NET = NetClassifier(module__hidden_units=(8,), max_epochs=20, batch_size=32, device="cpu")


def make(net=NET, **parameters):
    settings = {"M": 3, "random_state": 0, "std_lr": 0.05}
    return VariationalClassifier(net, **(settings | parameters))


def weights_of(ensemble, name="0.weight"):
    return np.array([member[name] for member in ensemble.members_])


def test_rates_are_those_of_two_cosines(iris):
    ensemble = make(tail_rate=0.03).fit(*iris)
    rates = {"alpha_zero": 0.1, "tail_rate": 0.03, "pretrain_share": 0.5}
    expected = [two_cosines(t, 100, **rates) for t in range(1, 101)]
    assert ensemble.learning_rates_.tolist() == expected
    assert ensemble.snapshot_steps_.tolist() == [100] * 3


def test_a_larger_beta_makes_it_wider(iris):
    narrow, wide = (
        weights_of(make(beta=beta, M=50).fit(*iris)).std(0).mean() for beta in (1e-5, 1e-2)
    )
    assert wide > 1.5 * narrow


@pytest.mark.parametrize("std", [0.003, 0.015])
def test_a_divergence_that_counts_for_all_makes_the_posterior_the_prior(iris, std):
    ensemble = make(beta=1.0, prior_variance=std**2, M=50, tail_rate=1e-9).fit(*iris)
    # Adam walks from exp(-5) = 0.0067 in steps of 0.05 of the logarithm, and comes to rest within
    # some of them; 50 draws of 32 weights have an error of 2 %.
    assert weights_of(ensemble).std(0).mean() == pytest.approx(std, rel=0.15)


def test_standard_deviations_that_are_not_trained_stay_where_they_begin(iris):
    ensemble = make(std_lr=0, M=200).fit(*iris)
    for name in ("0.weight", "2.weight"):
        spread = np.sqrt(weights_of(ensemble, name).var(0).mean())
        # 200 draws of 24 weights or more have an error of 1 %.
        assert spread == pytest.approx(np.exp(-5), rel=0.05)


def test_biases_are_the_same_in_all_members(iris):
    ensemble = make().fit(*iris)
    for name in ("0.bias", "2.bias"):
        first, *others = weights_of(ensemble, name)
        assert all(np.array_equal(first, other) for other in others)
    assert set(ensemble.members_[0]) == {"0.weight", "0.bias", "2.weight", "2.bias"}


def test_members_are_drawn_about_the_means(iris):
    few, many = (weights_of(make(M=M).fit(*iris)) for M in (3, 200))
    assert (many[:3] == few).all()
    # The error of a mean of 200 draws is 1 / 14 of their deviation.
    center = weights_of(make(M=600).fit(*iris)).mean(0)
    assert (abs(many.mean(0) - center) < 4.5 / 200**0.5 * many.std(0)).all()


def test_it_learns(iris):
    assert make(M=20, std_lr=0.01).fit(*iris).score(*iris) > 0.85


def test_weights_vary_only_after_pretraining(iris):
    net, seed = clone(NET).set_params(module__n_features=4, module__n_outputs=3), draw_seed(0)
    initialize_seeded(net, seed, torch.device("cpu"))
    rates = {"alpha_zero": 0.1, "tail_rate": 0.01, "pretrain_share": 0.5}
    plain = train(net, Data(*iris), schedule=partial(two_cosines, **rates)).loss_curve
    loss_curve = make().fit(*iris).loss_curve_
    assert (loss_curve[:10] == plain[:10]).all()
    assert (loss_curve[10:] != plain[10:]).all()


def test_a_module_that_is_one_layer_is_refused(iris):
    with pytest.raises(InvalidParameterError, match=r"layers below its root, got .*Linear"):
        make(NetClassifier(nn.Linear(4, 3))).fit(*iris)


@pytest.mark.parametrize("share", [0, 1])
def test_a_stage_without_a_step_is_refused(iris, share):
    with pytest.raises(InvalidParameterError, match=rf"pretrain in one .* got {share}, which"):
        make(pretrain_share=share).fit(*iris)


@pytest.mark.parametrize("name", ["beta", "prior_variance"])
def test_a_beta_or_a_prior_of_0_is_refused(iris, name):
    with pytest.raises(InvalidParameterError, match=rf"{name} must be a finite number > 0, got 0"):
        make(**{name: 0}).fit(*iris)
