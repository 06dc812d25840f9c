"""Kronecker factors of layers, held against sums written out by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import NetRegressor
from skensemble.posteriors import kronecker_factors
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
