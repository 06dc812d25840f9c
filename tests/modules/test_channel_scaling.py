import pytest
import torch

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
