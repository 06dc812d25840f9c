import pytest
import torch

from skensemble import InvalidParameterError
from skensemble.modules import PreResNet, ResNet
from tests.modules.naive_layers import assert_same_answers
from tests.modules.sizes import multiply_adds, n_weights


@pytest.mark.parametrize(
    ("network", "depth", "options", "of_10", "of_100"),
    [
        (ResNet, 20, {}, 269_722, 275_572),
        (ResNet, 110, {}, 1_727_962, 1_733_812),
        # Two shortcuts with weights more than ResNet's, and the stem's normalisation later.
        (PreResNet, 20, {}, 269_722 + 2_048 + 512, 275_572 + 2_048 + 512),
        (PreResNet, 164, {"bottleneck": True}, 1_703_258, 1_726_388),
    ],
)
def test_there_are_as_many_weights_as_in_the_papers(network, depth, options, of_10, of_100):
    assert n_weights(network, depth, n_classes=10, **options) == of_10
    assert n_weights(network, depth, n_classes=100, **options) == of_100


def test_multiply_adds_are_those_of_the_convolutions():
    stem, head = 32 * 32 * 9 * 3 * 16, 64 * 10
    first = 32 * 32 * 6 * 9 * 16 * 16
    second = 16 * 16 * (5 * 9 * 32 * 32 + 9 * 16 * 32)
    third = 8 * 8 * (5 * 9 * 64 * 64 + 9 * 32 * 64)
    expected = stem + first + second + third + head
    assert multiply_adds(ResNet, 20) == expected == 40_551_040
    # Each further block of each stage has as many as the others.
    assert multiply_adds(ResNet, 14) == expected - 6 * 9 * 32 * 32 * 16 * 16
    # Two shortcuts with weights.
    assert multiply_adds(PreResNet, 20) == expected + 16 * 16 * 16 * 32 + 8 * 8 * 32 * 64
    assert multiply_adds(PreResNet, 164, bottleneck=True) == 244_500_992


def naive_resnet(layers, x):
    """ResNet-14 as the paper describes it."""
    x = layers.active(layers.conv(x, "stem"), "norm")
    for i in range(6):
        name, stride = f"body.{i}", 2 if i in (2, 4) else 1
        found = layers.active(layers.conv(x, f"{name}.conv1", stride), f"{name}.norm1")
        found = layers.norm(layers.conv(found, f"{name}.conv2"), f"{name}.norm2")
        if stride == 2:
            x = x[:, :, ::2, ::2]
            x = torch.cat([x, torch.zeros_like(x)], 1)
        x = (found + x).clamp(min=0)
    return layers.linear(x.mean((2, 3)), "head")


def naive_preresnet(layers, x):
    """PreResNet-14 as the paper describes it."""
    x = layers.conv(x, "stem")
    for i in range(6):
        name, stride = f"body.{i}", 2 if i in (2, 4) else 1
        active = layers.active(x, f"{name}.norm1")
        found = layers.active(layers.conv(active, f"{name}.conv1", stride), f"{name}.norm2")
        past = layers.conv(active, f"{name}.shortcut", stride) if stride == 2 else x
        x = layers.conv(found, f"{name}.conv2") + past
    return layers.linear(layers.active(x, "norm").mean((2, 3)), "head")


def naive_bottlenecks(layers, x):
    """PreResNet-20 with bottlenecks as the paper describes it."""
    x = layers.conv(x, "stem")
    for i in range(6):
        name, stride = f"body.{i}", 2 if i in (2, 4) else 1
        active = layers.active(x, f"{name}.norm1")
        found = layers.active(layers.conv(active, f"{name}.conv1", stride), f"{name}.norm2")
        found = layers.active(layers.conv(found, f"{name}.conv2"), f"{name}.norm3")
        past = layers.conv(active, f"{name}.shortcut", stride) if i % 2 == 0 else x
        x = layers.conv(found, f"{name}.conv3") + past
    return layers.linear(layers.active(x, "norm").mean((2, 3)), "head")


@pytest.mark.parametrize(
    ("module", "naive"),
    [
        (ResNet(14), naive_resnet),
        (PreResNet(14), naive_preresnet),
        (PreResNet(20, bottleneck=True), naive_bottlenecks),
    ],
    ids=["ResNet", "PreResNet", "bottlenecks"],
)
def test_answers_and_gradients_are_those_of_the_papers_networks(module, naive):
    assert_same_answers(module, naive)


def test_blocks_of_bottlenecks_are_a_quarter_as_wide_inside():
    module = PreResNet(11, bottleneck=True)
    assert [block.conv2.weight.shape[:2] for block in module.body] == [(16, 16), (32, 32), (64, 64)]
    assert module.head.in_features == 256


@pytest.mark.parametrize(
    ("network", "options", "depth", "rule"),
    [
        (ResNet, {}, 2, r"6n\+2"),
        (ResNet, {}, 21, r"6n\+2"),
        (PreResNet, {}, 164 - 1, r"6n\+2"),
        (PreResNet, {"bottleneck": True}, 2, r"9n\+2"),
        (PreResNet, {"bottleneck": True}, 26, r"9n\+2"),
    ],
)
def test_the_depth_is_that_of_whole_blocks(network, options, depth, rule):
    with pytest.raises(
        InvalidParameterError, match=f"depth must be an int that is {rule} with n >= 1, got {depth}"
    ):
        network(depth, **options)
