"""Layers in unusual places: called twice, fed with folded rows, shared, frozen, normed."""

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import InvalidParameterError, NetRegressor
from skensemble.posteriors import Factors, KroneckerPosterior, kronecker_factors
from skensemble.training import Data

RNG = np.random.default_rng(0)
X, TARGETS = RNG.normal(size=(21, 4)), RNG.normal(size=(21, 2))
WEIGHT = np.linspace(0.1, 3, 21)


class Applied(nn.Module):
    """One layer, and a function of the layer and the rows."""

    def __init__(self, function, n_inputs=2):
        super().__init__()
        self.function = function
        self.a = nn.Linear(n_inputs, 3)

    def forward(self, x):
        return self.function(self.a, x)


def regressor(module, **keywords):
    torch.manual_seed(0)
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    settings = {"batch_size": 8, "precision": "float64", "device": "cpu"}
    return NetRegressor(module.double(), **(settings | keywords)).initialize()


def half_square(output):
    return output.square().sum() / 2


def factors_of(module, rows=X):
    return kronecker_factors(regressor(module), Data(rows, TARGETS, WEIGHT), half_square)


def assert_same_factors(function, expected):
    found, known = (factors_of(Applied(f))["a"] for f in (function, expected))
    for one, other in zip(found, known, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


def test_calls_of_one_layer_are_places():
    assert_same_factors(
        lambda a, x: a(x[:, :2]) + a(x[:, 2:]), lambda a, x: a(x.reshape(-1, 2, 2)).sum(1)
    )


def test_calls_with_other_numbers_of_places_are_places_too():
    assert_same_factors(
        lambda a, x: a(x[:, :2].reshape(-1, 1, 2)).sum(1) + a(x.reshape(-1, 2, 2)).sum(1),
        lambda a, x: a(torch.cat([x[:, :2], x], dim=1).reshape(-1, 3, 2)).sum(1),
    )


def test_rows_that_are_folded_into_the_batch_are_places():
    assert_same_factors(
        lambda a, x: a(x.reshape(-1, 2)).reshape(len(x), -1),
        lambda a, x: a(x.reshape(-1, 2, 2)).flatten(1),
    )


@pytest.mark.parametrize("shape", [(5, 2), (2,)])
def test_a_layer_without_the_rows_on_the_first_axis_is_refused(shape):
    module = Applied(lambda a, x: x[:, :3] + a(torch.ones(shape, dtype=x.dtype)).mean())
    rule = r"net that gives layer 'a' the 8 rows of a batch on the first axis of its input, got \("
    with pytest.raises(InvalidParameterError, match=rule + str(shape[0])):
        factors_of(module)


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
@pytest.mark.parametrize(
    "normed", [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm], ids=["old", "new"]
)
def test_a_layer_whose_weight_is_computed_is_left_out(normed):
    def module():
        return nn.Sequential(normed(nn.Linear(4, 4)), nn.Linear(4, 2)).double()

    net = NetRegressor(module, precision="float64", device="cpu").initialize()
    assert set(kronecker_factors(net, Data(X, TARGETS), half_square)) == {"1"}


def test_layers_with_one_weight_are_left_out():
    # Each would move it, and its variance would be that of two draws.
    module = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, 2))
    module[2].weight = module[0].weight
    assert set(factors_of(module)) == {"3"}


def test_a_layer_of_two_names_is_taken_in_once():
    layer = nn.Linear(4, 4)
    assert set(factors_of(nn.Sequential(layer, nn.Tanh(), layer))) == {"0"}


def test_a_frozen_bias_counts_as_absent():
    module = nn.Sequential(nn.Linear(4, 2))
    module[0].bias.requires_grad_(False)
    factors = factors_of(module)
    expected = (X * WEIGHT[:, None]).T @ X / WEIGHT.sum()
    np.testing.assert_allclose(factors["0"].A, expected, rtol=1e-10)
    before = [parameter.detach().clone() for parameter in module[0].parameters()]
    posterior = KroneckerPosterior(factors, damping=0.1, n_rows=21)
    posterior.move(module, 1.0, torch.Generator().manual_seed(0))
    assert (module[0].weight != before[0]).all()
    assert torch.equal(module[0].bias, before[1])


def test_factors_are_in_float64_whatever_the_net_is():
    net = regressor(nn.Sequential(nn.Linear(4, 2)).float(), precision="float32")
    pair = kronecker_factors(net, Data(X, TARGETS), half_square)["0"]
    assert isinstance(pair, Factors)
    rows = np.c_[X.astype(np.float32), np.ones(21)].astype(np.float64)
    np.testing.assert_allclose(pair.A, rows.T @ rows / 21, rtol=1e-12)
