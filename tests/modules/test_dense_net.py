import pytest
import torch
from torch.nn import functional

from skensemble import InvalidParameterError
from skensemble.modules import DenseNet
from tests.modules.naive_layers import assert_same_answers
from tests.modules.sizes import multiply_adds, n_weights


@pytest.mark.parametrize(
    ("depth", "growth_rate", "bottleneck", "of_10", "of_100"),
    [
        (40, 12, False, 1_019_722, 1_060_132),
        (100, 12, False, 6_979_642, 7_084_852),
        (100, 24, False, 27_249_082, 27_457_972),
        (100, 12, True, 769_162, 800_032),
    ],
)
def test_there_are_as_many_weights_as_in_the_paper(depth, growth_rate, bottleneck, of_10, of_100):
    sizes = {"depth": depth, "growth_rate": growth_rate, "bottleneck": bottleneck}
    assert n_weights(DenseNet, n_classes=10, **sizes) == of_10
    assert n_weights(DenseNet, n_classes=100, **sizes) == of_100


def test_multiply_adds_are_those_of_the_convolutions():
    # Twelve layers a block; a layer sees the channels of the block's begin, and 12 of each before.
    begins = [16, 16 + 144, 16 + 288]
    seen = [sum(begin + 12 * i for i in range(12)) for begin in begins]
    layers = sum(size**2 * 9 * 12 * n for size, n in zip([32, 16, 8], seen, strict=True))
    transitions = 32 * 32 * 160 * 160 + 16 * 16 * 304 * 304
    expected = 32 * 32 * 9 * 3 * 16 + layers + transitions + (304 + 144) * 10
    assert multiply_adds(DenseNet, 40, 12) == expected == 264_812_928
    assert multiply_adds(DenseNet, 100, 12, bottleneck=True) == 287_929_692


def naive_dense_net(layers, x):
    """DenseNet-10 as the paper describes it, with and without bottlenecks of one layer each."""
    x = layers.conv(x, "stem")
    has_bottlenecks = "body.0.4.weight" in layers.state
    i = 0
    for block in range(3):
        for _ in range(1 if has_bottlenecks else 2):
            name, made = f"body.{i}", x
            # In a layer: normalisation, activation, convolution, dropout, and so on.
            for place in (0, 4) if has_bottlenecks else (0,):
                made = layers.active(made, f"{name}.{place}")
                made = layers.drop(layers.conv(made, f"{name}.{place + 2}"))
            x = torch.cat([x, made], 1)
            i += 1
        if block < 2:
            x = layers.conv(layers.active(x, f"body.{i}.0"), f"body.{i}.2")
            x = functional.avg_pool2d(layers.drop(x), 2)
            i += 1
    return layers.linear(layers.active(x, "norm").mean((2, 3)), "head")


@pytest.mark.parametrize("p", [0.0, 0.2])
@pytest.mark.parametrize("bottleneck", [False, True])
def test_answers_and_gradients_are_those_of_the_paper_s_network(bottleneck, p):
    module = DenseNet(10, 4, bottleneck=bottleneck, dropout=p)
    assert_same_answers(module, naive_dense_net, p=p)


def test_bottlenecks_come_with_transitions_that_halve_the_channels():
    # 2 x 5 channels and 5 of the one layer: of 15, the transition keeps 7.
    module = DenseNet(10, 5, bottleneck=True)
    assert module.body[1][2].weight.shape[:2] == (7, 15)
    assert DenseNet(7, 5).body[1][2].weight.shape[:2] == (16 + 5, 16 + 5)


@pytest.mark.parametrize(
    ("bottleneck", "depth", "rule"),
    [(False, 4, "3n"), (False, 41, "3n"), (True, 4, "6n"), (True, 13, "6n"), (True, 40.0, "6n")],
)
def test_the_depth_is_that_of_whole_blocks(bottleneck, depth, rule):
    rule = rf"depth must be an int that is {rule}\+4 with n >= 1, got {depth}"
    with pytest.raises(InvalidParameterError, match=rule):
        DenseNet(depth, bottleneck=bottleneck)


def test_a_layer_adds_a_channel_at_least():
    with pytest.raises(InvalidParameterError, match="growth_rate must be an int >= 1, got 0"):
        DenseNet(40, 0)
