"""Which layers count as frozen, and what of them stays."""

import pytest
import torch
from torch import nn

from skensemble.modules import frozen_norms, hold_frozen


def frozen(*layers):
    return nn.Sequential(*layers).requires_grad_(False)


def test_a_norm_whose_weights_are_frozen_is_frozen_in_any_place():
    norm = nn.BatchNorm1d(3).requires_grad_(False)
    net = nn.Sequential(nn.Linear(2, 3), norm, nn.BatchNorm1d(3))
    assert list(frozen_norms(net)) == [norm]


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_one_trained_weight_makes_a_norm_trained(name):
    norm = nn.BatchNorm1d(3)
    getattr(norm, name).requires_grad_(False)
    assert not list(frozen_norms(nn.Sequential(nn.Linear(2, 3), norm)))


def test_a_norm_without_weights_goes_with_the_least_part_that_has_some():
    bare = nn.BatchNorm1d(3, affine=False)
    body = nn.Sequential(nn.Linear(2, 3), nn.Sequential(bare))
    net = nn.Sequential(body, nn.Linear(3, 1))
    assert not list(frozen_norms(net))
    body.requires_grad_(False)
    assert list(frozen_norms(net)) == [bare]


def test_a_norm_without_weights_beside_trained_layers_is_trained():
    # The rows are standardised, and what comes after them is partly frozen.
    net = nn.Sequential(nn.BatchNorm1d(2, affine=False), frozen(nn.Linear(2, 3)), nn.Linear(3, 1))
    assert not list(frozen_norms(net))


def test_nothing_is_frozen_where_there_is_no_weight():
    assert not list(frozen_norms(nn.BatchNorm1d(2, affine=False)))


def test_statistics_of_held_layers_stay_and_dropout_drops():
    body = frozen(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout())
    net = nn.Sequential(body, nn.BatchNorm1d(3)).train()
    hold_frozen(net)
    assert [layer.training for layer in body] == [True, False, True]
    assert net[1].training
    net(torch.ones(4, 2))
    assert body[1].num_batches_tracked == 0
    assert net[1].num_batches_tracked == 1
