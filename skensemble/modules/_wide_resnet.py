from collections import OrderedDict
from functools import partial
from typing import Any

from torch import nn

from skensemble._checks import check_int
from skensemble.modules._image_layers import (
    blocks_for,
    conv3x3,
    draw_weights,
    normalized_head,
    scaling_layer,
)
from skensemble.modules._residual_blocks import PreactivationBlock, stages


class WideResNet(nn.Sequential):
    """Wide residual network for small images: WRN-depth-width.

    Three stages of residual blocks, of 16, 32 and 64 times `width` channels; the second and the
    third begin at half the height and width. A block normalises and activates before each of its
    two convolutions of 3 x 3. Where it changes the number of channels, its shortcut is a
    convolution of 1 x 1 of what is normalised and activated; elsewhere it is what came in.

    Parameters
    ----------
    depth : int, default=16
        Layers as the paper counts them: 6n+4 with n >= 1 blocks in each stage.
    width : int, default=4
        How many times as wide as a plain residual network.
    dropout : float, default=0.0
        Probability to drop a value before the second convolution of a block, in training; the
        paper takes 0.3 on CIFAR and 0.4 on SVHN.
    n_classes : int, default=10
        Classes, each of which gets a logit.
    n_channels : int, default=3
        Channels of the images.
    channel_mean : float, sequence of float of shape (n_channels,) or None, default=None
        Mean of each channel, in units of the pixels' values; None, for both, leaves images as they
        are.
    channel_std : float, sequence of float of shape (n_channels,) or None, default=None
        Standard deviation of each channel, in the same units.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    Notes
    -----
    *Shape*: input ``(n_samples, n_channels, height, width)`` of any height and width, 32 x 32 in
    the paper; output ``(n_samples, n_classes)``, logits.

    Weights are drawn as in the paper's code: those of convolutions normal with variance
    ``2 / (9 * output channels)``, after He et al. (2015); biases are 0.

    For images of three channels and 32 x 32 pixels:

    ========= =================== ==================== =============
    network   weights, 10 classes weights, 100 classes multiply-adds
    ========= =================== ==================== =============
    WRN-16-4            2,748,890            2,772,020       392.6 M
    WRN-28-8           23,354,842           23,401,012     3,360.1 M
    WRN-28-10          36,479,194           36,536,884     5,243.3 M
    WRN-40-4            8,949,210            8,972,340     1,298.6 M
    ========= =================== ==================== =============

    References
    ----------
    Zagoruyko, Komodakis (2016), *Wide residual networks*, table 1 and section 2.4.

    Examples
    --------
    >>> import torch
    >>> module = WideResNet(depth=10, width=1)
    >>> module(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    >>> sum(weight.numel() for weight in module.parameters())
    77850
    """

    def __init__(
        self,
        depth: int = 16,
        width: int = 4,
        *,
        dropout: float = 0.0,
        n_classes: int = 10,
        n_channels: int = 3,
        channel_mean: Any = None,
        channel_std: Any = None,
    ) -> None:
        n_blocks = blocks_for(depth, 6, 4)
        check_int("width", width, 1)
        block = partial(PreactivationBlock, dropout=dropout)
        widths = [16, 16 * width, 32 * width, 64 * width]
        layers: dict[str, nn.Module] = {
            "scaling": scaling_layer(n_channels, channel_mean, channel_std),
            "stem": conv3x3(n_channels, 16),
            "body": stages(block, widths, n_blocks),
            **normalized_head(widths[-1], n_classes),
        }
        super().__init__(OrderedDict(layers))
        draw_weights(self)
