"""What variational inference does beyond the contract."""

import numpy as np
import pytest
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, VariationalClassifier
from skensemble.schedules import two_cosines

NET = NetClassifier(module__hidden_units=(8,), max_epochs=20, batch_size=32)


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
    spreads = [
        weights_of(make(beta=beta, M=50).fit(*iris)).std(0).mean() for beta in (1e-5, 1e-2, 1.0)
    ]
    assert spreads[1] > 1.5 * spreads[0]
    assert spreads[2] > 1.1 * spreads[1]


def test_a_smaller_prior_variance_pulls_the_standard_deviations_to_it(iris):
    # With a divergence that counts for all, the posterior is the prior.
    for variance in (0.003**2, 0.015**2):
        ensemble = make(beta=100.0, prior_variance=variance, M=50, max_epochs=None)
        net = NetClassifier(module__hidden_units=(8,), max_epochs=40, batch_size=32)
        ensemble = make(net, beta=1.0, prior_variance=variance, M=50, tail_rate=1e-6).fit(*iris)
        # 50 draws of 32 weights; Adam comes to rest within some per cent.
        assert weights_of(ensemble).std(0).mean() == pytest.approx(variance**0.5, rel=0.15)


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
    center = weights_of(make(M=2000).fit(*iris)).mean(0)
    assert (abs(many.mean(0) - center) < 5 / 200**0.5 * many.std(0)).all()


def test_it_learns(iris):
    assert make().fit(*iris).score(*iris) > 0.95


def test_the_weight_at_the_end_of_pretraining_is_not_yet_random(iris):
    # With no more than a last step of rate zero in the tail, the means are the pretrained net's.
    steady = make(std_lr=0, tail_rate=1e-12, M=2000).fit(*iris)
    half = NetClassifier(module__hidden_units=(8,), max_epochs=10, batch_size=32, random_state=0)
    pretrained = make(half, std_lr=0, tail_rate=1e-12, pretrain_share=0.98, M=2000).fit(*iris)
    # 2000 draws of a deviation of exp(-5) = 0.0067 have an error of 0.00015; pretraining to step
    # 49 of 50 under the cosine of 49 ends close to that of 50 steps.
    np.testing.assert_allclose(weights_of(steady).mean(0), weights_of(pretrained).mean(0), atol=0.1)


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
