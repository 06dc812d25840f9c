import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from skensemble import InvalidParameterError
from skensemble.modules import ChannelScaling

MEAN, STD = [125.3, 123.0, 113.9], [63.0, 62.1, 66.7]


def images(dtype=torch.uint8):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (4, 3, 5, 6), dtype=torch.uint8, generator=generator).to(dtype)


def scaled_by_hand(x):
    mean, std = (torch.tensor(v, dtype=torch.float64)[:, None, None] for v in (MEAN, STD))
    return (x.double() - mean) / std


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_each_channel_loses_its_mean_and_is_divided_by_its_deviation(dtype):
    found = ChannelScaling(MEAN, STD)(images(dtype))
    assert found.dtype == torch.float32
    # 8 units in the last place of numbers up to 4.
    torch.testing.assert_close(found.double(), scaled_by_hand(images()), atol=2e-6, rtol=0)


class Operations(TorchFunctionMode):
    """Notes each operation on tensors."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Note an operation, and let it be done."""
        self.seen.append(func)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_one_kernel_casts_and_scales_in_the_format_of_the_images(dtype):
    x = images(dtype).contiguous(memory_format=torch.channels_last)
    layer = ChannelScaling(MEAN, STD)
    with Operations() as operations:
        found = layer(x)
    assert operations.seen == [torch.addcmul]
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_one_number_stands_for_all_channels():
    x = images()
    several = ChannelScaling([120.0] * 3, [60.0] * 3)(x)
    assert torch.equal(ChannelScaling(120.0, 60)(x), several)
    assert torch.equal(ChannelScaling([120.0] * 3, 60)(x), several)
    assert torch.equal(ChannelScaling(np.full(3, 120.0), np.float32(60))(x), several)


def test_mean_and_deviation_go_with_the_state_and_are_not_trained():
    layer = ChannelScaling(MEAN, STD)
    assert list(layer.state_dict()) == ["scale", "shift"]
    assert not list(layer.parameters())
    other = ChannelScaling([0.0] * 3, [1.0] * 3)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(images()), layer(images()))
    assert layer.double()(images()).dtype == torch.float64


def test_the_repr_says_how_many_channels_there_are():
    assert repr(ChannelScaling(MEAN, 60.0)) == "ChannelScaling(n_channels=3)"


@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        ("channel_mean", [1.0, float("nan")], 1.0),
        ("channel_mean", None, 1.0),
        ("channel_mean", [], 1.0),
        ("channel_mean", "1", 1.0),
        ("channel_std", 1.0, [1.0, 0.0]),
        ("channel_std", 1.0, -1.0),
        ("channel_std", [1.0, 2.0], [1.0, 2.0, 3.0]),
    ],
)
def test_what_is_no_mean_or_deviation_is_refused(name, mean, std):
    with pytest.raises(InvalidParameterError, match=rf"{name} must be "):
        ChannelScaling(mean, std)


def test_without_statistics_images_stay_as_they_are():
    layer, x = ChannelScaling(None, None), torch.rand(2, 3, 4, 4)
    assert layer(x) is x
    assert layer.state_dict() == {}
    assert repr(layer) == "ChannelScaling(none)"
