"""Which layers of a module become variational, and what layers that share a weight share."""

import pytest
import torch
from torch import nn

from skensemble.modules import make_variational
from skensemble.modules._variational import VariationalLinear


def module_of(**layers):
    """Give a module that holds layers, one perhaps under several names."""
    module = nn.Module()
    for name, layer in layers.items():
        setattr(module, name, layer)
    return module


def tied(layer, other):
    """Let a layer have the weight of another."""
    layer.weight = other.weight
    return layer


def test_a_layer_of_two_names_becomes_one_layer():
    layer = nn.Linear(3, 3)
    module = module_of(a=layer, b=nn.Sequential(layer))
    layers = make_variational(module)
    assert set(layers) == {"a", "b.0"}
    assert module.a is module.b[0] is layers["a"] is layers["b.0"]
    assert type(module.a) is VariationalLinear


def test_layers_with_one_weight_have_one_standard_deviation():
    a = nn.Linear(3, 3)
    module = module_of(a=a, b=tied(nn.Linear(3, 3), a), c=nn.Linear(3, 3))
    make_variational(module)
    assert module.a is not module.b
    assert module.a.log_std is module.b.log_std
    assert module.a.log_std is not module.c.log_std


def test_a_weight_that_another_kind_of_layer_shares_stays():
    table = nn.Embedding(5, 3)
    module = module_of(table=table, a=tied(nn.Linear(3, 5), table), b=nn.Linear(3, 3))
    assert set(make_variational(module)) == {"b"}
    assert type(module.a) is nn.Linear


def test_a_layer_whose_weight_is_frozen_stays():
    frozen, biased = nn.Linear(3, 3).requires_grad_(False), nn.Linear(3, 3)
    biased.bias.requires_grad_(False)
    assert set(make_variational(module_of(a=frozen, b=biased))) == {"b"}


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
@pytest.mark.parametrize(
    "normed", [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm], ids=["old", "new"]
)
def test_a_layer_whose_weight_is_computed_stays(normed):
    module = module_of(a=normed(nn.Linear(3, 3)), b=nn.Linear(3, 3))
    assert set(make_variational(module)) == {"b"}
    assert isinstance(module.a(torch.ones(2, 3)), torch.Tensor)
