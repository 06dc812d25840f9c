"""Images among the rows: which axis has the channels, and what their pixels are like."""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skensemble.data._sizes import keywords_of

N_AXES = 4
"""Axes of images with channels."""

CHANNELS = (1, 3)
"""Numbers of channels that a last axis is known by."""

STATISTICS = ("channel_mean", "channel_std")
"""Names in a module's constructor for what bytes are normalised by."""

IMAGES_AT_ONCE = 1000
"""Images whose pixels are counted at once, so that the sums need little memory."""


def are_pixels(X: Any) -> bool:
    """Say whether rows are images of bytes, which stay bytes until a batch is made of them.

    Parameters
    ----------
    X : array-like, Tensor or CSR matrix of shape (n_samples, ...)

    Returns
    -------
    pixels : bool
        True for an array or a tensor of shape (n_samples, n_channels, height, width) and type
        uint8.
    """
    if not isinstance(X, np.ndarray | Tensor) or X.ndim != N_AXES:
        return False
    return X.dtype in (np.uint8, torch.uint8)


def channels_first(X: Any) -> Any:
    """Return images with their channels before height and width; all other rows as they are.

    Parameters
    ----------
    X : array-like, Tensor or CSR matrix of shape (n_samples, ...)
        Of images (n_samples, height, width, n_channels) the last axis is 1 or 3, and the second is
        not.

    Returns
    -------
    X : as above
        Such images as a view of shape (n_samples, n_channels, height, width).

    Examples
    --------
    >>> channels_first(np.zeros((5, 32, 32, 3))).shape
    (5, 3, 32, 32)
    >>> channels_first(np.zeros((5, 3, 32, 32))).shape
    (5, 3, 32, 32)
    """
    if not isinstance(X, np.ndarray | Tensor) or X.ndim != N_AXES:
        return X
    if X.shape[-1] not in CHANNELS or X.shape[1] in CHANNELS:
        return X
    return X.permute(0, 3, 1, 2) if isinstance(X, Tensor) else X.transpose(0, 3, 1, 2)


def channel_statistics(X: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel of images of bytes.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_channels, height, width)
        uint8.

    Returns
    -------
    mean, std : tuple of float
        One a channel, in units of the pixels (0 to 255). A channel without spread has the
        deviation 1.

    Examples
    --------
    >>> channel_statistics(np.array([[[[0, 4]], [[7, 7]]]], dtype=np.uint8))
    ((2.0, 7.0), (2.0, 1.0))
    """
    total, squares = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for start in range(0, len(X), IMAGES_AT_ONCE):
        block = X[start : start + IMAGES_AT_ONCE]
        for channel in range(X.shape[1]):
            # Whole numbers: the sums are exact, however many pixels there are.
            counts = np.bincount(block[:, channel].ravel(), minlength=256)
            total[channel] += counts @ np.arange(256)
            squares[channel] += counts @ np.arange(256) ** 2
    n_pixels = X.size // X.shape[1]
    mean = total / n_pixels
    std = np.sqrt(np.maximum(squares / n_pixels - mean**2, 0))
    return tuple(mean.tolist()), tuple(np.where(std > 0, std, 1.0).tolist())


def image_sizes(
    module: Callable[..., nn.Module], given: Collection[str], X: Any
) -> dict[str, int | tuple[float, ...]]:
    """Keywords of a module's constructor that images decide and the user did not.

    Parameters
    ----------
    module : callable
        Module class or factory; an instance has its sizes already.
    given : collection of str
        Keywords that the user has set.
    X : ndarray, Tensor or CSR matrix of shape (n_samples, ...)
        Rows to train on.

    Returns
    -------
    sizes : dict
        `n_channels` of rows with four axes; of images of bytes `channel_mean` and `channel_std`.
    """
    if isinstance(module, nn.Module) or getattr(X, "ndim", 0) != N_AXES:
        return {}
    asked = keywords_of(module) - set(given)
    sizes: dict[str, int | tuple[float, ...]] = {}
    if "n_channels" in asked:
        sizes["n_channels"] = int(X.shape[1])
    if are_pixels(X) and asked & {*STATISTICS}:
        pixels = X.cpu().numpy() if isinstance(X, Tensor) else X
        found = zip(STATISTICS, channel_statistics(pixels), strict=True)
        sizes |= {name: values for name, values in found if name in asked}
    return sizes


def asks_for_statistics(module: Callable[..., nn.Module]) -> bool:
    """Say whether a module's constructor has names for what bytes are normalised by."""
    return not isinstance(module, nn.Module) and {*STATISTICS} <= keywords_of(module)
