from collections import OrderedDict
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from skensemble._checks import check_int
from skensemble.modules._image_layers import (
    blocks_for,
    conv1x1,
    conv3x3,
    draw_weights,
    dropout_layer,
    mean_head,
    scaling_layer,
)


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

    ========== ============================ ============================ ==============
    network    weights, 10 classes          weights, 100 classes         multiply-adds
    ========== ============================ ============================ ==============
    WRN-16-4                      2,748,890                    2,772,020        392.6 M
    WRN-40-4                      8,949,210                    8,972,340      1,298.6 M
    WRN-28-8                     23,354,842                   23,401,012      3,360.1 M
    WRN-28-10                    36,479,194                   36,536,884      5,243.3 M
    ========== ============================ ============================ ==============

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
        widths = [16, 16 * width, 32 * width, 64 * width]
        blocks = [
            PreactivationBlock(
                widths[stage] if i == 0 else widths[stage + 1],
                widths[stage + 1],
                stride=2 if stage > 0 and i == 0 else 1,
                dropout=dropout,
            )
            for stage in range(3)
            for i in range(n_blocks)
        ]
        layers: dict[str, nn.Module] = {
            "scaling": scaling_layer(n_channels, channel_mean, channel_std),
            "stem": conv3x3(n_channels, 16),
            "body": nn.Sequential(*blocks),
            "norm": nn.BatchNorm2d(widths[-1]),
            "relu": nn.ReLU(),
            **mean_head(widths[-1], n_classes),
        }
        super().__init__(OrderedDict(layers))
        draw_weights(self)


class PreactivationBlock(nn.Module):
    """Residual block of two convolutions of 3 x 3, each behind its normalisation and activation.

    Parameters
    ----------
    n_in, n_out : int
        Channels that come in and go out.
    stride : int, default=1
        Of the first convolution, and of the shortcut where the channels change.
    dropout : float, default=0.0
        Probability to drop a value between the convolutions.

    Notes
    -----
    *Shape*: input ``(n_samples, n_in, height, width)``, output ``(n_samples, n_out,
    ceil(height / stride), ceil(width / stride))``.
    """

    def __init__(self, n_in: int, n_out: int, *, stride: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(n_in), conv3x3(n_in, n_out, stride)
        self.norm2, self.conv2 = nn.BatchNorm2d(n_out), conv3x3(n_out, n_out)
        self.dropout = dropout_layer(dropout)
        self.shortcut = None if n_in == n_out else conv1x1(n_in, n_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of the shortcut and of what the convolutions find.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_in, height, width)

        Returns
        -------
        x : Tensor of shape (n_samples, n_out, height / stride, width / stride)
        """
        active = functional.relu(self.norm1(x))
        found = functional.relu(self.norm2(self.conv1(active)))
        past = x if self.shortcut is None else self.shortcut(active)
        return self.conv2(self.dropout(found)) + past
