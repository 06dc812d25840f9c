import pytest

from skensemble import InvalidParameterError
from skensemble.modules import WideResNet
from tests.modules.naive_layers import assert_same_answers
from tests.modules.sizes import multiply_adds, n_weights


@pytest.mark.parametrize(
    ("depth", "width", "n_classes", "expected"),
    [
        (16, 4, 10, 2_748_890),
        (16, 4, 100, 2_772_020),
        (28, 8, 10, 23_354_842),
        (28, 8, 100, 23_401_012),
        (28, 10, 10, 36_479_194),
        (28, 10, 100, 36_536_884),
        (40, 4, 10, 8_949_210),
        (40, 4, 100, 8_972_340),
    ],
)
def test_there_are_as_many_weights_as_in_the_paper(depth, width, n_classes, expected):
    assert n_weights(WideResNet, depth, width, n_classes=n_classes) == expected


def test_there_are_as_many_multiply_adds_as_in_the_paper():
    stem, head = 32 * 32 * 9 * 3 * 16, 256 * 10
    # Two blocks in each stage: three convolutions like the last, a first one, and a shortcut.
    first = 32 * 32 * (3 * 9 * 64 * 64 + 9 * 16 * 64 + 16 * 64)
    second = 16 * 16 * (3 * 9 * 128 * 128 + 9 * 64 * 128 + 64 * 128)
    third = 8 * 8 * (3 * 9 * 256 * 256 + 9 * 128 * 256 + 128 * 256)
    expected = stem + first + second + third + head
    assert multiply_adds(WideResNet, 16, 4) == expected == 392_612_352
    assert multiply_adds(WideResNet, 28, 10) == 5_243_328_768


def naive_wide_resnet(layers, x):
    """WRN-16-2 as the paper describes it."""
    x = layers.conv(x, "stem")
    for i in range(6):
        name, stride = f"body.{i}", 2 if i in (2, 4) else 1
        active = layers.active(x, f"{name}.norm1")
        found = layers.conv(active, f"{name}.conv1", stride)
        found = layers.drop(layers.active(found, f"{name}.norm2"))
        past = layers.conv(active, f"{name}.shortcut", stride) if i % 2 == 0 else x
        x = layers.conv(found, f"{name}.conv2") + past
    return layers.linear(layers.active(x, "norm").mean((2, 3)), "head")


@pytest.mark.parametrize("p", [0.0, 0.4])
def test_answers_and_gradients_are_those_of_the_paper_s_network(p):
    assert_same_answers(WideResNet(16, 2, dropout=p), naive_wide_resnet, p=p)


def test_a_width_of_1_needs_no_convolution_past_the_first_stage():
    module = WideResNet(10, 1)
    assert [block.shortcut is None for block in module.body] == [True, False, False]


@pytest.mark.parametrize("depth", [4, 15, 17, 16.0, True])
def test_the_depth_is_that_of_whole_blocks(depth):
    rule = rf"depth must be an int that is 6n\+4 with n >= 1, got {depth}"
    with pytest.raises(InvalidParameterError, match=rule):
        WideResNet(depth)


def test_the_width_is_a_whole_factor():
    with pytest.raises(InvalidParameterError, match="width must be an int >= 1, got 0"):
        WideResNet(10, 0)
