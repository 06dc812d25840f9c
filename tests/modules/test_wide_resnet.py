import pytest
import torch

from skensemble import InvalidParameterError
from skensemble.modules import WideResNet


@pytest.mark.parametrize(
    ("depth", "width", "n_classes", "n_weights"),
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
def test_there_are_as_many_weights_as_in_the_paper(depth, width, n_classes, n_weights):
    with torch.device("meta"):
        module = WideResNet(depth, width, n_classes=n_classes)
    assert sum(weight.numel() for weight in module.parameters()) == n_weights


@pytest.mark.parametrize("depth", [4, 15, 17, 16.0, True])
def test_the_depth_is_that_of_whole_blocks(depth):
    with pytest.raises(
        InvalidParameterError, match=rf"depth must be an int that is 6n\+4 with n >= 1, got {depth}"
    ):
        WideResNet(depth)
