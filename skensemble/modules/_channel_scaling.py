from collections.abc import Sequence
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from skensemble._checks import reject


class ChannelScaling(nn.Module):
    """Take the mean of each channel from images, and divide by its standard deviation.

    It is the first layer of the image networks here: images stay whole numbers of one byte until
    they are where the network computes, and are scaled there. Mean and deviation are buffers, so
    that they go with the weights, and are not trained.

    Parameters
    ----------
    channel_mean : float or sequence of float of shape (n_channels,)
        Mean of each channel, in units of the pixels' values; a number stands for all channels.
    channel_std : float or sequence of float of shape (n_channels,)
        Standard deviation of each channel, above 0, in the same units. None for both leaves images
        as they are, as those of floats that are scaled already.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    Notes
    -----
    *Shape*: input ``(n_samples, n_channels, height, width)``, output the same, in the same memory
    format. Whole numbers come out in the dtype of the buffers, floats in theirs or a wider one.

    It computes ``x * scale + shift`` with ``scale = 1 / channel_std`` and
    ``shift = -channel_mean / channel_std``: one kernel, the cast of whole numbers included.

    Examples
    --------
    >>> layer = ChannelScaling([127.5], [51.0])
    >>> layer(torch.tensor([[[[0, 255]]]], dtype=torch.uint8))
    tensor([[[[-2.5000,  2.5000]]]])
    """

    scale: Tensor | None
    shift: Tensor | None

    def __init__(self, channel_mean: Any = None, channel_std: Any = None) -> None:
        super().__init__()
        if channel_mean is None and channel_std is None:
            self.register_buffer("scale", None)
            self.register_buffer("shift", None)
            return
        mean = checked_numbers("channel_mean", channel_mean)
        std = checked_numbers("channel_std", channel_std, above_zero=True)
        if len({len(mean), len(std)} - {1}) > 1:
            rule = f"as long as channel_mean, {len(mean)}"
            raise reject("channel_std", rule, f"{len(std)} numbers")
        n_channels = max(len(mean), len(std))
        # The arithmetic is done in float64: a rounded mean would be scaled up with the pixels.
        means, stds = (
            torch.tensor(numbers, dtype=torch.float64).expand(n_channels).view(-1, 1, 1)
            for numbers in (mean, std)
        )
        self.register_buffer("scale", (1 / stds).to(torch.get_default_dtype()))
        self.register_buffer("shift", (-means / stds).to(torch.get_default_dtype()))

    def forward(self, x: Tensor) -> Tensor:
        """Return the images, scaled.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_channels, height, width)
            A batch of images, of floats or whole numbers.

        Returns
        -------
        x : Tensor of shape (n_samples, n_channels, height, width)
        """
        if self.shift is None or self.scale is None:
            return x
        return torch.addcmul(self.shift, x, self.scale)

    def extra_repr(self) -> str:
        """Return what the repr says of it."""
        return "none" if self.scale is None else f"n_channels={len(self.scale)}"


def checked_numbers(name: str, values: Any, *, above_zero: bool = False) -> list[float]:
    """Return a number, or one for each channel, as floats.

    Parameters
    ----------
    name : str
        Of the argument.
    values : float or sequence of float of shape (n_channels,)
    above_zero : bool, default=False
        Whether 0 and negative numbers are refused.

    Returns
    -------
    numbers : list of float

    Raises
    ------
    InvalidParameterError
        If these are no finite numbers, or not above 0.
    """
    plain = values.tolist() if hasattr(values, "tolist") else values
    numbers = list(plain) if isinstance(plain, Sequence) and not isinstance(plain, str) else [plain]
    if not numbers or not all(_is_number(value, above_zero) for value in numbers):
        rule = f"a finite number{' > 0' if above_zero else ''}, or one for each channel"
        raise reject(name, rule, values)
    return [float(value) for value in numbers]


def _is_number(value: Any, above_zero: bool) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and isfinite(value) and (value > 0 or not above_zero)
