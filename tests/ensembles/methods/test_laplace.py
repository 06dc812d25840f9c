"""What the Laplace approximation does beyond the contract."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale
from torch import nn

from skensemble import (
    InvalidParameterError,
    KFACLaplaceClassifier,
    KFACLaplaceRegressor,
    NetClassifier,
    NetRegressor,
)
from skensemble.members import copy_state
from skensemble.posteriors import fit_kronecker
from skensemble.schedules import cyclic_cosine
from skensemble.seeding import (
    draw_seed,
    initialize_seeded,
    spawn_seeds,
    streams_of,
    training_seeded,
)
from skensemble.training import Data, train

NET = NetClassifier(module__hidden_units=(8,), max_epochs=20, batch_size=32, device="cpu")
CPU = torch.device("cpu")


class Normed(nn.Sequential):
    """A module with batch normalisation behind its first layer."""

    def __init__(self, n_features, n_outputs):
        layers = nn.Linear(n_features, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, n_outputs)
        super().__init__(*layers)


def make(net=NET, **parameters):
    return KFACLaplaceClassifier(net, **({"M": 4, "random_state": 0} | parameters))


def flat(member):
    return np.concatenate([value.ravel() for value in member.values()])


def trained_net(iris):
    """Train a net as the ensemble does, and give its loss at the end too."""
    net, seed = clone(NET).set_params(module__n_features=4, module__n_outputs=3), draw_seed(0)
    initialize_seeded(net, streams_of(seed), CPU)
    with training_seeded(streams_of(seed).training, CPU):
        schedule = partial(cyclic_cosine, M=1, alpha_zero=0.1)
        return net, train(net, Data(*iris), schedule=schedule).last_loss


def test_a_scale_of_0_is_the_trained_net(iris):
    expected = copy_state(trained_net(iris)[0].module_)
    for member in make(std_scale=0).fit(*iris).members_:
        assert all(np.array_equal(member[name], expected[name]) for name in expected)


def test_targets_and_members_are_drawn_from_streams_of_their_own(iris):
    net, loss = trained_net(iris)
    of_targets, of_members = spawn_seeds(streams_of(draw_seed(0)).method, 2)
    prior = {"prior_variance": None}
    posterior = fit_kronecker(net, Data(*iris), loss=loss, **prior, seed=of_targets)
    posterior.move(net.module_, 1.0, torch.Generator().manual_seed(of_members))
    expected, member = copy_state(net.module_), make().fit(*iris).members_[0]
    assert all(np.array_equal(member[name], expected[name]) for name in expected)


def test_all_weights_and_biases_are_drawn(iris):
    ensemble = make(M=6).fit(*iris)
    for name in ("0.weight", "0.bias", "2.weight", "2.bias"):
        assert (np.std([member[name] for member in ensemble.members_], axis=0) > 1e-4).all()


def test_deviations_grow_with_the_scale(iris):
    trained = flat(make(std_scale=0, M=1).fit(*iris).members_[0])
    near, far = (
        np.array([flat(m) - trained for m in make(std_scale=scale).fit(*iris).members_])
        for scale in (0.5, 2.0)
    )
    np.testing.assert_allclose(far, 4 * near, rtol=1e-3, atol=1e-5)


def test_members_lie_about_the_trained_net(iris):
    trained = flat(make(std_scale=0, M=1).fit(*iris).members_[0])
    members = np.array([flat(m) for m in make(M=200).fit(*iris).members_])
    # A draw that was added to the draw before it would walk away.
    assert (abs(members.mean(0) - trained) < 4.5 / 200**0.5 * members.std(0)).all()


def test_more_rows_make_it_narrower(iris):
    spreads = []
    for weight in (1.0, 4.0, 16.0):
        # Weights that are all alike train the same net.
        ensemble = make(M=100, prior_variance=1.0)
        members = ensemble.fit(*iris, sample_weight=np.full(150, weight)).members_
        spreads.append(np.std([flat(m) for m in members], axis=0).mean())
    # Where the prior counts for nothing, four times the rows halve the spread.
    assert spreads[0] * 0.45 < spreads[1] < spreads[0] * 0.9
    assert spreads[1] * 0.45 < spreads[2] < spreads[1] * 0.9


def test_a_narrow_prior_makes_it_narrow(iris):
    wide, narrow = (
        np.std([flat(m) for m in make(M=50, prior_variance=v).fit(*iris).members_], axis=0).mean()
        for v in (1.0, 1e-6)
    )
    assert narrow < 0.1 * wide
    # The precision is that of the prior at least.
    assert narrow < 1.2 * 1e-3


def test_each_member_has_the_statistics_of_its_own_weights(iris):
    X, y = iris
    ensemble = make(NetClassifier(Normed, max_epochs=20, batch_size=32)).fit(X, y)
    for member in ensemble.members_:
        hidden = X @ member["0.weight"].T + member["0.bias"]
        np.testing.assert_allclose(member["1.running_mean"], hidden.mean(0), rtol=1e-4, atol=1e-5)


def test_noise_of_the_targets_widens_it(diabetes):
    # The prior decides nothing here; the noise of the targets is that of the loss.
    X, _ = diabetes
    rng = np.random.default_rng(0)
    net = NetRegressor(module__hidden_units=(), max_grad_norm=None, max_epochs=30)
    signal = X @ rng.normal(size=10)
    spreads = []
    for noise in (0.1, 0.4):
        y = signal + noise * signal.std() * rng.normal(size=442)
        ensemble = KFACLaplaceRegressor(net, M=100, prior_variance=1e4, random_state=0).fit(X, y)
        spreads.append(ensemble.predict(X, return_std=True)[1].mean())
    # Four times the noise; 100 members have an error of 7 %.
    assert spreads[1] / spreads[0] == pytest.approx(4, rel=0.25)


def test_the_spread_of_a_linear_model_is_that_of_least_squares(diabetes):
    X, y = diabetes
    net = NetRegressor(module__hidden_units=(), max_grad_norm=None, max_epochs=30)
    ensemble = KFACLaplaceRegressor(net, M=200, prior_variance=1e4, random_state=0).fit(X, y)
    _, std = ensemble.predict(X, return_std=True)
    design = np.c_[X, np.ones(442)].astype(float)
    residual = y - ensemble.predict(X)
    leverage = np.einsum("ij,jk,ik->i", design, np.linalg.inv(design.T @ design), design)
    # 442 targets that are drawn have an error of 3 % of a deviation, 200 members one of 5 %.
    ratio = std / np.sqrt(residual.var() * leverage)
    assert ratio.mean() == pytest.approx(1, rel=0.15)
    assert (abs(ratio / ratio.mean() - 1) < 0.3).all()


def test_another_criterion_is_refused(iris):
    net = NetClassifier(criterion=nn.MultiMarginLoss, max_epochs=5)
    with pytest.raises(InvalidParameterError, match=r"criterion MSELoss, CrossEntropyLoss or NLL"):
        make(net).fit(*iris)


def test_a_net_without_known_layers_is_refused():
    module = nn.Sequential(nn.Conv1d(2, 4, 2, groups=2), nn.Flatten())
    X = np.random.default_rng(0).normal(size=(20, 2, 2)).astype(np.float32)
    with pytest.raises(InvalidParameterError, match="trainable linear layers, or convolutions"):
        make(NetClassifier(module, max_epochs=5)).fit(X, np.arange(20) % 4)


def test_members_that_fit_the_rows_no_more_are_told_of(iris):
    with pytest.warns(
        ConvergenceWarning, match=r"fit the training rows much worse .* smaller std_scale"
    ):
        make(std_scale=30.0).fit(*iris)


def test_members_that_fit_as_the_net_does_are_not():
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(std_scale=0.01).fit(scale(X), y)
