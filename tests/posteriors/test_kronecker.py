"""Kronecker factors and the Gaussians made of them, held against sums written out by hand."""

from math import sqrt

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, NetRegressor
from skensemble.posteriors import Factors, KroneckerGaussian, fit_kronecker, kronecker_factors
from skensemble.training import Data

RNG = np.random.default_rng(0)
X, TARGETS = RNG.normal(size=(21, 3)), RNG.normal(size=(21, 2))


def regressor(module, **keywords):
    settings = {"batch_size": 8, "precision": "float64", "device": "cpu"}
    return NetRegressor(module.double(), **(settings | keywords)).initialize()


def half_square(output):
    """Give a loss whose gradient by the output is the output."""
    return output.square().sum() / 2


def second_moment(rows, weight):
    return (rows * weight[:, None]).T @ rows / weight.sum()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("weight", [None, np.linspace(0.1, 3, 21)])
def test_factors_of_linear_layers_are_second_moments(bias, weight):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4, bias=bias), nn.Tanh(), nn.Linear(4, 2, bias=bias))
    factors = kronecker_factors(regressor(module), Data(X, TARGETS, weight), half_square)
    weight = np.ones(21) if weight is None else weight
    first, last = (layer.weight.detach().numpy() for layer in module[::2])
    offset = [0 if layer.bias is None else layer.bias.detach().numpy() for layer in module[::2]]
    hidden = np.tanh(X @ first.T + offset[0])
    g_last = hidden @ last.T + offset[1]
    g_first = g_last @ last * (1 - hidden**2)
    ones = np.ones((21, int(bias)))
    for name, inputs, g in (("0", X, g_first), ("2", hidden, g_last)):
        expected = second_moment(np.c_[inputs, ones], weight)
        np.testing.assert_allclose(factors[name].A, expected, rtol=1e-10)
        np.testing.assert_allclose(factors[name].G, second_moment(g, weight), rtol=1e-10)


def test_a_weight_of_2_is_the_row_twice():
    torch.manual_seed(0)
    net = regressor(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
    weight = np.r_[np.full(5, 2.0), np.ones(16)]
    weighted = kronecker_factors(net, Data(X, TARGETS, weight), half_square)
    doubled = Data(np.r_[X[:5], X], np.r_[TARGETS[:5], TARGETS])
    for name, pair in kronecker_factors(net, doubled, half_square).items():
        for one, other in zip(weighted[name], pair, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10)


def brute_force(layer, images, g):
    """Sum outer products over the places of a convolution, one patch at a time."""
    axes = images.ndim - 2
    padding = [(0, 0), (0, 0), *((p, p) for p in layer.padding)]
    padded, width = np.pad(images, padding), layer.in_channels * np.prod(layer.kernel_size) + 1
    A, G = np.zeros((width, width)), np.zeros((layer.out_channels,) * 2)
    places = list(np.ndindex(g.shape[2:]))
    for row in range(len(images)):
        for place in places:
            corners = [place[k] * layer.stride[k] for k in range(axes)]
            taps = [
                corners[k] + layer.dilation[k] * np.arange(layer.kernel_size[k])
                for k in range(axes)
            ]
            patch = np.r_[padded[row][np.ix_(range(layer.in_channels), *taps)].ravel(), 1]
            A += np.outer(patch, patch) / len(images)
            at = g[(row, slice(None), *place)]
            G += np.outer(at, at) / len(images) / len(places)
    return A, G


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(2, 3, (2, 3), stride=(2, 1), padding=(0, 2), dilation=(1, 2)), (2, 5, 6)),
        (nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 5, 4)),
        (nn.Conv1d(2, 3, 3, stride=2, padding=1, dilation=2), (2, 9)),
        (nn.Conv1d(2, 3, 2), (2, 4)),
    ],
)
def test_factors_of_convolutions_are_those_of_their_patches(layer, shape):
    images = np.random.default_rng(1).normal(size=(5, *shape))
    module = nn.Sequential(layer, nn.Flatten())
    net = regressor(module, batch_size=3)
    layer = net.module_[0]
    output = layer(torch.tensor(images)).detach().numpy()
    A, G = brute_force(layer, images, output)
    factors = kronecker_factors(net, Data(images, np.zeros((5, 1))), half_square)["0"]
    np.testing.assert_allclose(factors.A, A, rtol=1e-10)
    np.testing.assert_allclose(factors.G, G, rtol=1e-10)


def test_patches_are_in_the_order_of_the_weights():
    torch.manual_seed(0)
    images = torch.randn(4, 2, 5, 5, dtype=torch.float64)
    net = regressor(nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten()))
    conv = net.module_[0]
    A = kronecker_factors(net, Data(images.numpy(), np.zeros((4, 1))), half_square)["0"].A
    matrix = torch.cat([conv.weight.flatten(1), conv.bias[:, None]], dim=1).detach()
    # The outputs' second moment, summed over the 9 places, is W A W'.
    expected = torch.einsum("ncij,ndij->cd", conv(images), conv(images)) / 4
    np.testing.assert_allclose(matrix @ A @ matrix.T, expected.detach(), rtol=1e-10)


def test_layers_whose_factors_are_not_known_are_left_out():
    module = nn.Sequential(
        nn.Conv1d(2, 4, 2, groups=2),
        nn.Conv1d(4, 4, 2, padding=1, padding_mode="circular"),
        nn.Flatten(),
        nn.Linear(8, 4).requires_grad_(False),
        nn.Linear(4, 2),
    )
    net = regressor(module)
    images = np.random.default_rng(0).normal(size=(6, 2, 2))
    assert set(kronecker_factors(net, Data(images, TARGETS[:6]), half_square)) == {"4"}


def test_nothing_is_left_on_the_module():
    net = regressor(nn.Sequential(nn.Linear(3, 2)))
    kronecker_factors(net, Data(X, TARGETS), half_square)
    assert all(parameter.grad is None for parameter in net.module_.parameters())
    assert not net.module_[0]._forward_hooks


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
