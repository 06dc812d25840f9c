"""The factorised Gaussian, held against the closed form of Bayesian linear regression."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import NetRegressor, VariationalRegressor
from skensemble.modules import make_variational
from skensemble.modules._variational import VariationalConv2d, VariationalLinear
from skensemble.posteriors import MeanField
from skensemble.schedules import has_pretrained, two_cosines
from skensemble.training import Data, train

WEIGHT_DECAY = 0.02


@pytest.fixture
def rows():
    """Give centred rows whose columns are correlated, and standardised targets."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)) @ np.array([[1, 0.6, 0], [0, 1, 0], [0, 0, 0.5]])
    X -= X.mean(0)
    y = X @ [1.0, -1.0, 1.0] + 0.5 * rng.normal(size=60)
    return X, (y - y.mean()) / y.std()


def net(**keywords):
    settings = {"module__hidden_units": (), "max_epochs": 1500, "batch_size": -1}
    settings |= {"precision": "float64", "max_grad_norm": None, "device": "cpu"}
    settings["optimizer__weight_decay"] = WEIGHT_DECAY
    return NetRegressor(**(settings | keywords))


def closed_form(X, y, noise, prior_variance):
    """Give the means and the standard deviations of the best factorised Gaussian."""
    precision = X.T @ X / noise + np.eye(3) / prior_variance
    return np.linalg.solve(precision, X.T @ y / noise), 1 / np.sqrt(np.diag(precision))


def fit_mean_field(X, y, *, weight=None, **prior):
    """Train as the estimator does, and give the layer, the posterior and the noise."""
    linear = net(module__n_features=3, module__n_outputs=1).initialize()
    data = Data(X, y[:, None], weight)
    layers = make_variational(linear.module_)
    prior = {"prior_variance": None, "beta": None} | prior
    posterior, noise = MeanField(linear, data, layers, **prior, std_lr=0.01, seed=0), []

    def observe(step):
        if posterior.has_begun:
            posterior.step()
        else:
            noise.append(step.loss)
            posterior.begin(step.loss)

    tail = {"pretrain_fraction": 0.2}
    settings = {
        "schedule": partial(two_cosines, alpha_zero=0.1, tail_lr=0.02, **tail),
        "moment": partial(has_pretrained, **tail),
    }
    torch.manual_seed(0)
    train(linear, data, **settings, observe=observe)
    return layers["0"], posterior, noise[0]


def assert_fits(layer, mean, std):
    # The gradients are noisy: Adam's steps of 0.01 leave the logarithms of the standard
    # deviations with an error of some of them, and the means have come to rest.
    np.testing.assert_allclose(layer.weight.detach()[0], mean, atol=0.2 * std.min())
    np.testing.assert_allclose(layer.log_std.detach()[0].exp(), std, rtol=0.12)


@pytest.mark.slow
def test_the_fit_is_the_closed_form_of_linear_regression(rows):
    X, y = rows
    layer, posterior, noise = fit_mean_field(X, y)
    # The loss is the squared error: half of its temperature is the variance of the noise.
    assert posterior.beta == pytest.approx(2 * noise / 60)
    assert posterior.prior_variance == pytest.approx(2 * noise / (60 * WEIGHT_DECAY))
    assert_fits(layer, *closed_form(X, y, noise, posterior.prior_variance))


@pytest.mark.slow
def test_a_prior_that_is_given_takes_the_place_of_the_weight_decay(rows):
    X, y = rows
    layer, _, noise = fit_mean_field(X, y, prior_variance=0.02)
    assert_fits(layer, *closed_form(X, y, noise, 0.02))


@pytest.mark.slow
def test_a_larger_beta_is_a_hotter_posterior(rows):
    X, y = rows
    layer, *_ = fit_mean_field(X, y, prior_variance=1.0, beta=4 * 2 * 0.2 / 60)
    # Noise of 4 * 0.2 would have the evidence lower bound that this is.
    assert_fits(layer, *closed_form(X, y, 4 * 0.2, 1.0))


@pytest.mark.slow
def test_weights_of_2_are_rows_twice(rows):
    X, y = rows
    layer, _, noise = fit_mean_field(X, y, weight=np.full(60, 2.0))
    prior_variance = 2 * noise / (120 * WEIGHT_DECAY)
    twice = np.r_[X, X], np.r_[y, y]
    assert_fits(layer, *closed_form(*twice, noise, prior_variance))


@pytest.mark.slow
def test_the_members_of_the_estimator_are_draws_of_the_closed_form(rows):
    X, y = rows
    settings = {"alpha_zero": 0.1, "tail_lr": 0.02, "pretrain_fraction": 0.2, "random_state": 0}
    ensemble = VariationalRegressor(net(), M=400, **settings).fit(X, y)
    # Pretraining are the first 300 of 1500 epochs of one step.
    noise = ensemble.loss_curve_[300 - 1]
    prior_variance = 2 * noise / (60 * WEIGHT_DECAY)
    mean, std = closed_form(X, y, noise, prior_variance)
    draws = np.array([member["0.weight"][0] for member in ensemble.members_])
    # 400 members have errors of 1 / 20 and of sqrt(1 / 800) = 3.5 % beside those of the fit.
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.35 * std.min())
    np.testing.assert_allclose(draws.std(0), std, rtol=0.2)


def variational(layer, log_std):
    """Make the only layer of a module variational, with given standard deviations."""
    module = nn.Sequential(layer)
    made = make_variational(module)["0"]
    made.log_std.data = log_std
    made.is_random = True
    return made.train()


def test_outputs_have_the_mean_and_variance_of_random_weights():
    torch.manual_seed(0)
    log_std = torch.randn(2, 3)
    layer = variational(nn.Linear(3, 2), log_std)
    x = torch.randn(1, 3)
    outputs = layer(x.expand(40_000, 3)).detach()
    mean = x @ layer.weight.T + layer.bias
    variance = (x**2 @ (2 * log_std).exp().T)[0].tolist()
    # Standard errors of 40000 rows: 0.5 % of the deviation, 0.7 % of the variance.
    assert ((outputs.mean(0) - mean[0]).abs() < 0.025 * torch.tensor(variance).sqrt()).all()
    assert outputs.var(0).tolist() == pytest.approx(variance, rel=0.035)


def test_rows_of_a_linear_layer_get_noise_of_their_own():
    torch.manual_seed(0)
    layer = variational(nn.Linear(3, 2), torch.zeros(2, 3))
    outputs = torch.stack([layer(torch.ones(2, 3))[:, 0] for _ in range(2000)]).detach()
    assert abs(torch.corrcoef(outputs.T)[0, 1]) < 4.5 / 2000**0.5


def test_a_convolution_draws_one_weight_a_batch():
    torch.manual_seed(0)
    conv = nn.Conv2d(1, 2, 2, bias=False)
    layer = variational(conv, torch.zeros_like(conv.weight))
    outputs = layer(torch.ones(3, 1, 5, 5)).detach()
    # The same patch gives the same output in all rows and places.
    assert torch.allclose(outputs, outputs[:1, :, :1, :1].expand_as(outputs), atol=1e-5)
    many = torch.stack([layer(torch.ones(1, 1, 2, 2)).flatten() for _ in range(2000)]).detach()
    # The sum of four weights of variance 1; the standard error is sqrt(2 / 2000) = 3 %.
    assert many.var(0).tolist() == pytest.approx([4.0, 4.0], rel=0.15)
    assert many.mean(0).tolist() == pytest.approx(conv.weight.sum((1, 2, 3)).tolist(), abs=0.2)


@pytest.mark.parametrize(
    ("layer", "shape"), [(nn.Linear(3, 2), (3,)), (nn.Conv1d(3, 2, 2), (3, 4))]
)
def test_the_layer_is_the_plain_one_in_evaluation_and_before_it_is_random(layer, shape):
    x = torch.randn(5, *shape)
    expected = layer(x)
    made = variational(layer, torch.zeros_like(layer.weight))
    assert not torch.equal(made(x), expected)
    assert torch.equal(made.eval()(x), expected)
    made.train().is_random = False
    assert torch.equal(made(x), expected)


def test_the_gradient_of_a_row_of_zeros_is_finite():
    layer = variational(nn.Linear(3, 2), torch.zeros(2, 3))
    layer(torch.zeros(4, 3)).sum().backward()
    assert torch.isfinite(layer.log_std.grad).all()


def test_variational_layers_hold_the_very_parameters():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Conv2d(1, 2, 2)))
    before = dict(module.named_parameters())
    layers = make_variational(module)
    after = dict(module.named_parameters())
    assert all(after[name] is parameter for name, parameter in before.items())
    assert set(after) - set(before) == {"0.log_std", "2.0.log_std"}
    assert {name: type(layer) for name, layer in layers.items()} == {
        "0": VariationalLinear,
        "2.0": VariationalConv2d,
    }
    assert module[0] is layers["0"]
    assert module[0].log_std.detach().unique().tolist() == [-5.0]


def test_layers_of_subclasses_stay():
    class Doubled(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    assert list(make_variational(nn.Sequential(Doubled(3, 2), nn.Linear(2, 1)))) == ["1"]


def test_draws_have_the_standard_deviations_of_the_layer():
    log_std = torch.tensor([[-1.0, 0.0, 1.0]])
    layer = variational(nn.Linear(3, 1), log_std)
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([layer.draw(generator)[0] for _ in range(4000)])
    # Standard errors: sqrt(1 / 8000) = 1.1 % of a standard deviation, 1.6 % for a mean.
    assert draws.std(0).tolist() == pytest.approx(log_std.exp()[0].tolist(), rel=0.05)
    error = (draws.mean(0) - layer.weight.detach()[0]).abs() / log_std.exp()[0]
    assert (error < 0.07).all()
    assert not draws.requires_grad


def test_the_divergence_of_a_layer_of_two_names_counts_once(rows):
    layer = nn.Linear(3, 3)
    plain = NetRegressor(nn.Sequential(layer, nn.Tanh(), layer), device="cpu").initialize()
    layers = make_variational(plain.module_)
    prior = {"prior_variance": 1.0, "beta": 0.1}
    posterior = MeanField(plain, Data(*rows), layers, **prior, std_lr=0.01, seed=0)
    posterior.begin(1.0)
    log_std = layers["0"].log_std
    # The divergence pulls by beta (exp(-10) - 1): 1.5 beta is more than it once, less than twice.
    log_std.grad = torch.full((3, 3), 1.5 * 0.1)
    posterior.step()
    np.testing.assert_allclose(log_std.detach(), -5 - 0.01, rtol=1e-5)


def test_a_group_of_biases_keeps_its_weight_decay(rows):
    X, y = rows
    groups = [("*bias", {"weight_decay": 0.25}), ("*weight", {"weight_decay": 0.5})]
    linear = net(optimizer__param_groups=groups, module__n_features=3, module__n_outputs=1)
    linear.initialize()
    layers = make_variational(linear.module_)
    prior = {"prior_variance": 2.0, "beta": 0.3}
    MeanField(linear, Data(X, y[:, None]), layers, **prior, std_lr=0.01, seed=0).begin(1.0)
    decays = [group["weight_decay"] for group in linear.optimizer_.param_groups]
    assert decays == [0.25, 0.15]
