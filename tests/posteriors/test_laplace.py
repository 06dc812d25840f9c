"""Gaussians of the weights around a trained net, held against closed forms."""

from math import sqrt

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, NetRegressor
from skensemble.posteriors import Factors, KroneckerGaussian, KroneckerPosterior, fit_kronecker
from skensemble.training import Data

RNG = np.random.default_rng(0)
X, TARGETS = RNG.normal(size=(21, 3)), RNG.normal(size=(21, 2))


def regressor(module, **keywords):
    settings = {"batch_size": 8, "precision": "float64", "device": "cpu"}
    return NetRegressor(module.double(), **(settings | keywords)).initialize()


HOW_TO_TRAIN = {"weight": torch.tensor([1.0, 5.0, 9.0]), "label_smoothing": 0.2}


@pytest.mark.parametrize("criterion", [{}, HOW_TO_TRAIN, {"reduction": "sum"}])
def test_the_curvature_of_a_softmax_is_that_of_its_formula(criterion):
    torch.manual_seed(0)
    rows = np.repeat(RNG.normal(size=(4, 3)), 5000, axis=0)
    net = NetClassifier(nn.Sequential(nn.Linear(3, 3)), precision="float64", device="cpu")
    net.set_params(batch_size=-1, **{f"criterion__{k}": v for k, v in criterion.items()})
    net.initialize()
    data = Data(rows, np.zeros(len(rows), dtype=int))
    gaussian = fit_kronecker(net, data, loss=1.0, prior_variance=1e12, seed=0).gaussians["0"]
    root = gaussian.roots[1]
    proba = net.module_(torch.tensor(rows)).softmax(-1).detach().numpy()
    expected = np.diag(proba.mean(0)) - proba.T @ proba / len(proba)
    # 20000 draws; one entry is a mean of values between -1 and 1.
    np.testing.assert_allclose(root @ root.T, expected, atol=4.5 / sqrt(len(rows)))


def covariance_of(draws):
    """Covariance of matrices, their columns written one below the other."""
    return np.cov(np.array([draw.numpy().ravel(order="F") for draw in draws]).T)


def test_draws_have_the_covariance_of_the_inverse_factors():
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(3, 3)), rng.normal(size=(2, 2))
    A, G = (root @ root.T for root in roots)
    damping = 0.3
    gaussian = KroneckerGaussian(Factors(torch.tensor(A), torch.tensor(G)), damping)
    generator = torch.Generator().manual_seed(0)
    draws = [gaussian.draw(generator) for _ in range(6000)]
    assert draws[0].shape == (2, 3)
    # vec writes columns one below the other: vec(G X A) = (A' (x) G) vec(X).
    expected = np.kron(np.linalg.inv(A + damping * np.eye(3)), np.linalg.inv(G + 0.3 * np.eye(2)))
    deviation = np.sqrt(np.diag(expected))
    # The standard error of a covariance is at most sqrt(2 / 6000) of the deviations' product.
    error = np.outer(deviation, deviation) * sqrt(2 / 6000)
    assert (abs(covariance_of(draws) - expected) < 4.5 * error).all()


def linear_data(n_rows=400, noise=0.5):
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(n_rows, 3)) @ np.array([[1, 0.8, 0], [0, 1, 0], [0, 0, 0.3]])
    return rows, (rows @ [1.0, -1.0, 2.0] + noise * rng.normal(size=n_rows))[:, None]


def fitted_linear(rows, targets, **keywords):
    """Give a linear net at the least squares solution."""
    net = regressor(nn.Sequential(nn.Linear(3, 1)), batch_size=-1, **keywords)
    solution = np.linalg.lstsq(np.c_[rows, np.ones(len(rows))], targets, rcond=None)[0]
    layer = net.module_[0]
    layer.weight.data = torch.tensor(solution[:-1].T)
    layer.bias.data = torch.tensor(solution[-1])
    return net


def posterior_draws(net, posterior, scale, n_draws=4000):
    layer, generator = net.module_[0], torch.Generator().manual_seed(0)
    trained = [layer.weight.detach().clone(), layer.bias.detach().clone()]
    draws = []
    for _ in range(n_draws):
        layer.weight.data, layer.bias.data = (value.clone() for value in trained)
        posterior.move(net.module_, scale, generator)
        draws.append(torch.cat([layer.weight[0], layer.bias]).detach())
    return torch.stack(draws).numpy()


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_posterior_of_a_linear_model_is_that_of_least_squares(scale):
    rows, targets = linear_data()
    net = fitted_linear(rows, targets)
    loss = ((net.predict_proba(rows) - targets) ** 2).mean()
    data = Data(rows, targets)
    posterior = fit_kronecker(net, data, loss=loss, prior_variance=1e8, seed=0)
    draws = posterior_draws(net, posterior, scale)
    design = np.c_[rows, np.ones(len(rows))]
    expected = scale**2 * loss * np.linalg.inv(design.T @ design)
    deviation = np.sqrt(np.diag(expected))
    # 400 targets are drawn, so that G has an error of sqrt(2 / 400) = 7 %, the same for all
    # entries; 4000 draws add 2 %.
    error = np.outer(deviation, deviation) * 0.2
    assert (abs(np.cov(draws.T) - expected) < error).all()


def test_the_prior_is_the_damping():
    # Without curvature in the way the covariance of N rows is the prior's.
    rows, targets = linear_data()
    net = fitted_linear(1e-9 * rows, targets)
    net.module_[0].weight.data.zero_()
    data = Data(1e-9 * rows, targets)
    posterior = fit_kronecker(net, data, loss=1e12, prior_variance=0.7, seed=0)
    # (A + d I) (x) (G + d I) with A = G = 0 is d^2 I, and 1 / (N d^2) the prior variance.
    variance = posterior_draws(net, posterior, 1.0)[:, :3].var(0)
    assert variance.tolist() == pytest.approx([0.7] * 3, rel=0.1)


def test_weight_decay_stands_for_a_prior():
    rows, targets = linear_data()
    data = Data(rows, targets)
    net = fitted_linear(rows, targets, optimizer__weight_decay=1e-2)
    # The mean squared error is 2 * 0.25 times the log-likelihood of noise of variance 0.25.
    priors = 2 * 0.25 / (400 * 1e-2), None
    fits = [fit_kronecker(net, data, loss=0.25, prior_variance=p, seed=0) for p in priors]
    for given, own in zip(*(fit.gaussians["0"].roots for fit in fits), strict=True):
        np.testing.assert_allclose(given, own, rtol=1e-12)


def test_an_overfitted_net_has_curvature():
    # All targets are met, so that gradients of the training loss are zero.
    net = regressor(nn.Sequential(nn.Linear(3, 1)), batch_size=-1)
    rows = RNG.normal(size=(300, 3))
    data = Data(rows, net.predict_proba(rows))
    posterior = fit_kronecker(net, data, loss=0.01, prior_variance=1e12, seed=0)
    root = posterior.gaussians["0"].roots[1]
    # One over the variance of the noise; 300 draws have an error of sqrt(2 / 300) = 8 %.
    assert (root**2).item() == pytest.approx(1 / 0.01, rel=0.35)


def test_several_outputs_share_the_noise():
    net = regressor(nn.Sequential(nn.Linear(3, 2)), batch_size=-1)
    rows = np.repeat(X, 100, axis=0)
    data = Data(rows, net.predict_proba(rows))
    root = fit_kronecker(net, data, loss=0.2, prior_variance=1e12, seed=0).gaussians["0"].roots[1]
    # 2100 rows; the relative error of a variance is sqrt(2 / 2100) = 3 %.
    np.testing.assert_allclose(root @ root.T, np.eye(2) / 0.2, atol=0.15 / 0.2)


def test_a_net_without_known_layers_is_refused():
    net = regressor(nn.Sequential(nn.Conv1d(2, 2, 2, groups=2), nn.Flatten()))
    data = Data(np.zeros((4, 2, 2)), np.zeros((4, 2)))
    with pytest.raises(InvalidParameterError, match="trainable linear layers, or convolutions"):
        fit_kronecker(net, data, loss=1.0, prior_variance=None, seed=0)


def test_another_criterion_is_refused():
    net = regressor(nn.Sequential(nn.Linear(3, 2)), criterion=nn.L1Loss)
    with pytest.raises(InvalidParameterError, match="criterion MSELoss, CrossEntropyLoss or NLL"):
        fit_kronecker(net, Data(X, TARGETS), loss=1.0, prior_variance=None, seed=0)


def collinear_rows():
    """Give twenty columns in the thousands that are sums of five."""
    rng = np.random.default_rng(0)
    return 1000 * rng.normal(size=(200, 5)) @ rng.normal(size=(5, 20))


def fitted(rows, **prior):
    net = regressor(nn.Sequential(nn.Linear(rows.shape[1], 1)).float(), precision="float32")
    data = Data(rows.astype(np.float32), np.zeros((len(rows), 1), dtype=np.float32))
    return fit_kronecker(net, data, loss=1.0, **prior, seed=0)


def test_the_curvature_of_collinear_columns_has_an_inverse():
    root = fitted(collinear_rows(), prior_variance=1e4).gaussians["0"].roots[0]
    assert root.isfinite().all()


def test_a_prior_that_leaves_no_inverse_is_refused():
    # Twenty columns that are the same leave nothing but rounding errors on the diagonal.
    rows = np.repeat(collinear_rows()[:, :1], 20, axis=1)
    rule = r"prior_variance must be so small that .* has an inverse \(scaling .*\), got 1e\+30"
    with pytest.raises(InvalidParameterError, match=rule):
        fitted(rows, prior_variance=1e30)


def test_a_move_is_a_draw_over_the_root_of_the_rows_added_to_what_is_there():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv1d(2, 3, 2), nn.Linear(1, 1)).double()
    before = [parameter.detach().clone() for parameter in module.parameters()]
    factors = {"0": Factors(torch.eye(5) + 1, 2 * torch.eye(3))}
    KroneckerPosterior(factors, damping=0.1, n_rows=16.0).move(
        module, 3.0, torch.Generator().manual_seed(5)
    )
    draw = KroneckerGaussian(factors["0"], 0.1).draw(torch.Generator().manual_seed(5))
    weight, bias, *others = (
        parameter - value for parameter, value in zip(module.parameters(), before, strict=True)
    )
    np.testing.assert_allclose(weight.detach(), 3 / 4 * draw[:, :4].reshape(3, 2, 2))
    # The last column is that of the bias.
    np.testing.assert_allclose(bias.detach(), 3 / 4 * draw[:, 4])
    assert not any(other.any() for other in others)


def test_the_targets_come_from_the_seed():
    net, data = fitted_linear(*linear_data()), Data(*linear_data())

    def curvature(seed):
        fit = fit_kronecker(net, data, loss=0.3, prior_variance=1.0, seed=seed)
        return fit.gaussians["0"].roots[1].item()

    assert curvature(0) == curvature(0) != curvature(1)
