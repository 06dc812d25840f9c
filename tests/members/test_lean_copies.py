"""Copies by hand: of which modules, and that they are copies."""

import pytest
import torch
from torch import nn
from torch.nn.utils import weight_norm

from skensemble.members._lean_copies import copy_by_hand, is_cheap_to_copy
from skensemble.modules import MLP, VGG, DenseNet, PreResNet, ResNet, WideResNet


class Own(nn.Linear):
    """A layer of a class that nobody knows."""


def with_attribute():
    layer = nn.Linear(2, 2)
    layer.scale = torch.ones(2)
    return layer


def with_hook():
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(print)
    return layer


@pytest.mark.parametrize(
    ("make", "is_cheap"),
    [
        (lambda: MLP(4, 3, dropout=0.1), True),
        (lambda: MLP(4, 3, column_scale=True, column_dropout=0.1), True),
        (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten()), True),
        (lambda: WideResNet(10, 1, dropout=0.1, channel_mean=0.0, channel_std=1.0), True),
        (lambda: DenseNet(7), True),
        (lambda: ResNet(8), True),
        (lambda: PreResNet(11, bottleneck=True), True),
        (lambda: VGG(11), True),
        # It draws where it pools.
        (lambda: nn.FractionalMaxPool2d(2, output_size=2), False),
        (lambda: nn.Sequential(nn.Linear(2, 2), Own(2, 2)), False),
        (with_attribute, False),
        (with_hook, False),
        (lambda: nn.LazyLinear(2), False),
        (lambda: nn.LSTM(2, 2), False),
    ],
)
def test_layers_that_are_known_are_copied_by_hand(make, is_cheap):
    assert is_cheap_to_copy(make()) is is_cheap


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_a_layer_whose_weight_is_computed_is_not_copied_by_hand():
    assert not is_cheap_to_copy(nn.Sequential(weight_norm(nn.Linear(2, 2))))


def test_a_copy_by_hand_has_tensors_and_parts_of_its_own():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    copy = copy_by_hand(net, {})
    with torch.no_grad():
        net[0].weight.fill_(7)
        net[1].running_mean.fill_(7)
    assert not (copy[0].weight == 7).any()
    assert copy[1].running_mean.tolist() == [0, 0]
    assert copy[0] is not net[0]
    net.append(nn.ReLU())
    assert len(copy) == 2


def test_a_hook_that_comes_later_is_not_that_of_the_copy():
    layer = nn.Linear(2, 2)
    copy = copy_by_hand(layer, {})
    layer.register_forward_hook(print)
    copy.register_forward_pre_hook(print)
    assert not copy._forward_hooks
    assert not layer._forward_pre_hooks
