import pytest
import torch
from torch.nn import functional

from skensemble import InvalidParameterError
from skensemble.modules import VGG, _vgg
from tests.modules.naive_layers import assert_same_answers
from tests.modules.sizes import multiply_adds, n_weights


def test_there_are_as_many_weights_as_in_the_paper_with_hidden_layers_of_512():
    assert n_weights(VGG, 16, n_classes=10) == 15_253_578
    assert n_weights(VGG, 16, n_classes=100) == 15_299_748
    # Three more convolutions with their biases, normalised: of 256, 512 and 512 channels.
    more = 9 * (256**2 + 2 * 512**2) + 3 * (256 + 2 * 512)
    assert n_weights(VGG, 19) == 15_253_578 + more


def test_multiply_adds_are_those_of_the_layers():
    first = 32 * 32 * 9 * (3 * 64 + 64 * 64)
    second = 16 * 16 * 9 * (64 * 128 + 128 * 128)
    third = 8 * 8 * 9 * (128 * 256 + 2 * 256 * 256)
    fourth = 4 * 4 * 9 * (256 * 512 + 2 * 512 * 512)
    fifth = 2 * 2 * 9 * 3 * 512 * 512
    expected = first + second + third + fourth + fifth + 2 * 512 * 512 + 512 * 10
    assert multiply_adds(VGG, 16) == expected == 313_725_952


def naive_vgg(layers, x):
    """VGG-11 as the paper describes it, for any size of images."""
    for convolutions in [(0,), (4,), (8, 11), (15, 18), (22, 25)]:
        for i in convolutions:
            x = layers.active(layers.conv(x, f"body.{i}"), f"body.{i + 1}")
        # A missing row or column counts as the least there is.
        x = functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        n, c, height, width = x.shape
        x = x.view(n, c, height // 2, 2, width // 2, 2).amax((3, 5))
    x = x.mean((2, 3))
    for i in (1, 4):
        x = layers.linear(layers.drop(x), f"hidden.{i}").clamp(min=0)
    return layers.linear(x, "head")


def test_answers_and_gradients_are_those_of_the_paper_s_network(monkeypatch):
    # Ten million weights in float64 would take seconds.
    monkeypatch.setattr(_vgg, "WIDTHS", (4, 6, 8, 10, 10))
    # Rows: 10, 5, 3, 2, 1, 1; columns: 33, 17, 9, 5, 3, 2.
    assert_same_answers(VGG(11, dropout=0.3), naive_vgg, shape=(3, 3, 10, 33), p=0.3)


def test_hidden_units_are_dropped_unless_that_is_said_otherwise():
    assert [layer.p for layer in VGG(11).hidden if isinstance(layer, torch.nn.Dropout)] == [0.5] * 2


@pytest.mark.parametrize("depth", [12, 16.5, "16"])
def test_the_depth_is_one_of_the_paper_s(depth):
    rule = r"depth must be one of \[11, 13, 16, 19\], got "
    with pytest.raises(InvalidParameterError, match=rule):
        VGG(depth)
