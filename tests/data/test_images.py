import numpy as np
import pytest
import torch
from torch import nn

from skensemble.data import are_pixels, channel_statistics, channels_first, image_sizes


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["array", "tensor"])
@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 8, 7, 3), (5, 3, 8, 7)),
        ((5, 8, 7, 1), (5, 1, 8, 7)),
        ((5, 3, 8, 7), (5, 3, 8, 7)),
        ((5, 3, 8, 3), (5, 3, 8, 3)),
        ((5, 1, 8, 1), (5, 1, 8, 1)),
        ((5, 8, 7, 2), (5, 8, 7, 2)),
        ((5, 8, 3), (5, 8, 3)),
        ((5, 3), (5, 3)),
    ],
)
def test_channels_come_before_height_and_width(kind, shape, expected):
    X = kind(np.arange(np.prod(shape)).reshape(shape))
    found = channels_first(X)
    assert found.shape == expected
    if shape != expected:
        assert (found[2, 0, 4, 5] == X[2, 4, 5, 0]).all()


def test_pixels_are_bytes_on_four_axes():
    X = np.zeros((2, 3, 4, 4), dtype=np.uint8)
    assert are_pixels(X)
    assert are_pixels(torch.tensor(X))
    assert not are_pixels(X.astype(np.int64))
    assert not are_pixels(X.astype(np.int8))
    assert not are_pixels(torch.tensor(X).to(torch.int8))
    assert not are_pixels(X.astype(np.float32))
    assert not are_pixels(X[:, 0])
    assert not are_pixels(X.tolist())


def test_statistics_are_those_of_all_pixels_of_a_channel():
    X = np.random.default_rng(0).integers(0, 256, (2300, 2, 3, 4), dtype=np.uint8)
    X[:, 1] //= 3
    mean, std = channel_statistics(X)
    np.testing.assert_allclose(mean, X.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, X.std((0, 2, 3)), rtol=1e-12)


class Sized(nn.Module):
    """A module whose constructor has names for all that images say."""

    def __init__(self, n_channels=3, channel_mean=None, channel_std=None):
        super().__init__()


def test_a_module_gets_what_its_constructor_asks_for():
    X = np.full((4, 2, 3, 3), 7, dtype=np.uint8)
    expected = {"n_channels": 2, "channel_mean": (7.0, 7.0), "channel_std": (1.0, 1.0)}
    assert image_sizes(Sized, (), X) == expected
    assert image_sizes(Sized, (), torch.tensor(X)) == expected
    given = "n_channels", "channel_std"
    assert image_sizes(Sized, given, X) == {"channel_mean": (7.0, 7.0)}
    # Floats may be scaled already.
    assert image_sizes(Sized, (), X.astype(np.float32)) == {"n_channels": 2}
    assert image_sizes(Sized, (), X[:, 0]) == {}
    assert image_sizes(nn.Linear, (), X) == {}
    assert image_sizes(Sized(), (), X) == {}
