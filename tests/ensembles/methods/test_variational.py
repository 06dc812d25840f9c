"""What variational inference does beyond the contract."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Freezer
from torch import nn

from skensemble import (
    InvalidParameterError,
    NetClassifier,
    NetRegressor,
    VariationalClassifier,
    VariationalRegressor,
)
from skensemble.schedules import two_cosines
from skensemble.seeding import draw_seed, initialize_seeded, spawn_seeds, streams_of
from skensemble.training import Data, train

NET = NetClassifier(module__hidden_units=(8,), max_epochs=20, batch_size=32, device="cpu")


class Doubled(nn.Module):
    """A module that has nothing but one weight, which two layers share, or one layer twice."""

    def __init__(self, is_one_layer=True):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.b = self.a if is_one_layer else nn.Linear(4, 4)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))[:, :3]


class HalfFrozen(nn.Sequential):
    """A module whose first layer is not trained."""

    def __init__(self):
        first = nn.Linear(4, 8).requires_grad_(False)
        super().__init__(first, nn.ReLU(), nn.Linear(8, 3))


def make(net=NET, **parameters):
    settings = {"M": 3, "random_state": 0, "std_lr": 0.05}
    return VariationalClassifier(net, **(settings | parameters))


def weights_of(ensemble, name="0.weight"):
    return np.array([member[name] for member in ensemble.members_])


def test_rates_are_those_of_two_cosines(iris):
    ensemble = make(tail_lr=0.03).fit(*iris)
    rates = {"alpha_zero": 0.1, "tail_lr": 0.03, "pretrain_fraction": 0.5}
    expected = [two_cosines(t, 100, **rates) for t in range(1, 101)]
    assert ensemble.learning_rates_.tolist() == expected
    assert ensemble.member_steps_.tolist() == [100] * 3


def test_a_larger_beta_makes_it_wider(iris):
    narrow, wide = (
        weights_of(make(beta=beta, M=50).fit(*iris)).std(0).mean() for beta in (1e-5, 1e-2)
    )
    assert wide > 1.5 * narrow


@pytest.mark.parametrize("std", [0.003, 0.015])
def test_a_divergence_that_counts_for_all_makes_the_posterior_the_prior(iris, std):
    ensemble = make(beta=1.0, prior_variance=std**2, M=50, tail_lr=1e-9).fit(*iris)
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


def test_members_are_not_drawn_from_the_stream_of_the_training(iris):
    # Standard deviations that are not trained stay what they were at first.
    one, other = weights_of(make(std_lr=0, M=2).fit(*iris))
    _, seed = spawn_seeds(streams_of(draw_seed(0)).method, 2)
    generator, draws = torch.Generator().manual_seed(seed), []
    for _ in range(2):
        draws.append(torch.randn(8, 4, generator=generator))
        torch.randn(3, 8, generator=generator)
    difference = np.exp(-5) * (draws[0] - draws[1])
    # Weights of about 1 have rounding errors of 1e-7.
    np.testing.assert_allclose(one - other, difference, atol=1e-6)


@pytest.mark.parametrize("is_one_layer", [True, False])
def test_layers_with_one_weight_get_the_same_draw(iris, is_one_layer):
    net = NetClassifier(Doubled, module__is_one_layer=is_one_layer, max_epochs=20, device="cpu")
    ensemble = make(net).fit(*iris)
    assert set(ensemble.members_[0]) == {"a.weight", "a.bias", "b.weight", "b.bias"}
    assert (weights_of(ensemble, "a.weight") == weights_of(ensemble, "b.weight")).all()
    proba = ensemble.member_predict_proba(iris[0])
    assert (abs(proba[0] - proba[1]).max(0) > 1e-5).all()


@pytest.mark.parametrize("by_callback", [False, True])
def test_frozen_weights_are_the_same_in_all_members(iris, by_callback):
    if by_callback:
        net = clone(NET).set_params(callbacks=[Freezer("0.weight")])
    else:
        net = NetClassifier(HalfFrozen, max_epochs=20, device="cpu")
    ensemble = make(net).fit(*iris)
    first, *others = weights_of(ensemble)
    assert all(np.array_equal(first, other) for other in others)
    assert (weights_of(ensemble, "2.weight").std(0) > 0).all()


def test_it_learns(iris):
    assert make(M=20, std_lr=0.01).fit(*iris).score(*iris) > 0.85


def test_weights_vary_only_after_pretraining(iris):
    net, seed = clone(NET).set_params(module__n_features=4, module__n_outputs=3), draw_seed(0)
    initialize_seeded(net, streams_of(seed), torch.device("cpu"))
    rates = {"alpha_zero": 0.1, "tail_lr": 0.01, "pretrain_fraction": 0.5}
    plain = train(net, Data(*iris), schedule=partial(two_cosines, **rates)).loss_curve
    loss_curve = make().fit(*iris).loss_curve_
    # Gradients of plain layers may be in closed form, which rounds in another way.
    changes = abs(loss_curve / plain - 1)
    assert (changes[:10] < 1e-5).all()
    assert (changes[10:] > 1e-4).all()


def test_a_module_that_is_one_layer_is_refused(iris):
    with pytest.raises(InvalidParameterError, match=r"layers below its root, got .*Linear"):
        make(NetClassifier(nn.Linear(4, 3))).fit(*iris)


def test_another_criterion_is_refused_before_the_training(diabetes):
    class Untouched(nn.HuberLoss):
        def forward(self, output, y):
            raise AssertionError("The training has begun.")

    net = NetRegressor(criterion=Untouched, device="cpu")
    with pytest.raises(InvalidParameterError, match=r"MSELoss, .* or NLLLoss, got .*Untouched"):
        VariationalRegressor(net).fit(*diabetes)


def test_a_stage_without_a_step_is_refused(iris):
    # A hundredth of 100 steps would be one.
    with pytest.raises(InvalidParameterError, match=r"pretrain in one .* got 0\.009, which"):
        make(pretrain_fraction=0.009).fit(*iris)


@pytest.mark.parametrize("name", ["beta", "prior_variance"])
def test_a_beta_or_a_prior_of_0_is_refused(iris, name):
    with pytest.raises(InvalidParameterError, match=rf"{name} must be a finite number > 0, got 0"):
        make(**{name: 0}).fit(*iris)
