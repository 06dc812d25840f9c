"""What all ways to train a wide residual network share: images, settings, a crop by hand."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

N_CLASSES = 10
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
LR = 0.05
PADDING = 4
SIDE = 32
MEAN = (125.3, 123.0, 113.9)
STD = (63.0, 62.1, 66.7)
"""Of the pixels of CIFAR-10, by channel."""


def random_images(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw images without meaning: how fast they are trained on does not depend on it.

    Parameters
    ----------
    n : int
        Number of images.

    Returns
    -------
    X : ndarray of shape (n, 3, 32, 32)
        uint8.
    y : ndarray of shape (n,)
        Classes, int64.
    """
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (n, 3, SIDE, SIDE), dtype=np.uint8)
    return X, rng.integers(0, N_CLASSES, n)


def cropped_and_flipped(
    X: Tensor, *, channels_last: bool, dtype: torch.dtype
) -> Callable[[Tensor], Tensor]:
    """Give the function that makes a batch on the device as one gather of uint8.

    Images are padded by 4, cut at random and flipped every other time; then they are standardised
    in float32.

    Parameters
    ----------
    X : Tensor of shape (n, 3, 32, 32)
        uint8, on the device.
    channels_last : bool
        Whether batches are in torch's format of that name.
    dtype : torch.dtype
        Floats of a batch.

    Returns
    -------
    batch : callable
        From places, of shape (n_batch,), to images of shape (n_batch, 3, 32, 32).
    """
    rows = functional.pad(X, [PADDING] * 4).permute(0, 2, 3, 1).contiguous()
    mean, scale = torch.tensor(MEAN, device=X.device), 1 / torch.tensor(STD, device=X.device)
    grid = torch.arange(SIDE, device=X.device)

    def batch(index: Tensor) -> Tensor:
        n = len(index)
        down, right = torch.randint(0, 2 * PADDING + 1, (2, n, 1), device=X.device)
        is_flipped = torch.rand(n, 1, device=X.device) < 0.5
        columns = torch.where(is_flipped, grid.flip(0), grid) + right
        found = rows[index[:, None, None], (grid + down)[:, :, None], columns[:, None, :]]
        images = ((found - mean) * scale).to(dtype).permute(0, 3, 1, 2)
        return images if channels_last else images.contiguous()

    return batch
