from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from skensemble._checks import check_int
from skensemble.modules._image_layers import (
    blocks_for,
    conv1x1,
    conv3x3,
    draw_weights,
    dropout_layer,
    normalized_head,
    scaling_layer,
)


class DenseNet(nn.Sequential):
    """Densely connected network for small images: DenseNet-depth-growth_rate.

    Three dense blocks; each of their layers sees what all layers before it in the block have made,
    and adds `growth_rate` channels. Between blocks a transition mixes the channels by a convolution
    of 1 x 1, and halves height and width by means over 2 x 2 pixels.

    Parameters
    ----------
    depth : int, default=40
        Layers as the paper counts them: 3n+4 with n >= 1 layers in each block, or 6n+4 with
        `bottleneck`.
    growth_rate : int, default=12
        Channels that a layer adds.
    bottleneck : bool, default=False
        The paper's DenseNet-BC: a layer first makes four times `growth_rate` channels by a
        convolution of 1 x 1, transitions halve the channels, and the first convolution has twice
        `growth_rate` channels instead of 16.
    dropout : float, default=0.0
        Probability to drop a value after each convolution but the first, in training; the paper
        takes 0.2 where images are not augmented.
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
    *Shape*: input ``(n_samples, n_channels, height, width)``, of 4 x 4 at least and 32 x 32 in the
    paper; output ``(n_samples, n_classes)``, logits.

    Weights are drawn as in the paper's code: those of convolutions normal with variance
    ``2 / (kernel height * kernel width * output channels)``, after He et al. (2015); biases are 0.
    torchvision divides by the input channels instead.

    For images of three channels and 32 x 32 pixels; BC has bottlenecks:

    ================== =================== ==================== =============
    network            weights, 10 classes weights, 100 classes multiply-adds
    ================== =================== ==================== =============
    DenseNet-40-12               1,019,722            1,060,132       264.8 M
    DenseNet-100-12              6,979,642            7,084,852     1,769.5 M
    DenseNet-100-24             27,249,082           27,457,972     6,889.3 M
    DenseNet-BC-100-12             769,162              800,032       287.9 M
    ================== =================== ==================== =============

    References
    ----------
    Huang, Liu, van der Maaten, Weinberger (2017), *Densely connected convolutional networks*,
    sections 3 and 4.2.

    Examples
    --------
    >>> import torch
    >>> module = DenseNet(depth=10, growth_rate=4, bottleneck=True)
    >>> module(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    >>> sum(weight.numel() for weight in module.parameters())
    2666
    """

    def __init__(
        self,
        depth: int = 40,
        growth_rate: int = 12,
        *,
        bottleneck: bool = False,
        dropout: float = 0.0,
        n_classes: int = 10,
        n_channels: int = 3,
        channel_mean: Any = None,
        channel_std: Any = None,
    ) -> None:
        n_layers = blocks_for(depth, 6 if bottleneck else 3, 4)
        check_int("growth_rate", growth_rate, 1)
        n_stem = n_made = 2 * growth_rate if bottleneck else 16
        body: list[nn.Module] = []
        for block in range(3):
            for _ in range(n_layers):
                body.append(DenseLayer(n_made, growth_rate, bottleneck, dropout))
                n_made += growth_rate
            if block < 2:
                n_kept = n_made // 2 if bottleneck else n_made
                body.append(_transition(n_made, n_kept, dropout))
                n_made = n_kept
        layers: dict[str, nn.Module] = {
            "scaling": scaling_layer(n_channels, channel_mean, channel_std),
            "stem": conv3x3(n_channels, n_stem),
            "body": nn.Sequential(*body),
            **normalized_head(n_made, n_classes),
        }
        super().__init__(OrderedDict(layers))
        draw_weights(self)


class DenseLayer(nn.Sequential):
    """Layer that adds channels to those that come in.

    Parameters
    ----------
    n_in : int
        Channels that come in.
    growth_rate : int
        Channels that are added.
    bottleneck : bool
        Whether a convolution of 1 x 1 to four times `growth_rate` channels comes first.
    dropout : float
        Probability to drop a value after a convolution.

    Notes
    -----
    *Shape*: input ``(n_samples, n_in, height, width)``, output ``(n_samples, n_in + growth_rate,
    height, width)``; the first channels are those that came in.
    """

    def __init__(self, n_in: int, growth_rate: int, bottleneck: bool, dropout: float) -> None:
        layers: list[nn.Module] = []
        if bottleneck:
            n_between = 4 * growth_rate
            layers += [*_activated(n_in), conv1x1(n_in, n_between), dropout_layer(dropout)]
            n_in = n_between
        layers += [*_activated(n_in), conv3x3(n_in, growth_rate), dropout_layer(dropout)]
        super().__init__(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return what comes in and, behind it, what is made of it.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_in, height, width)

        Returns
        -------
        x : Tensor of shape (n_samples, n_in + growth_rate, height, width)
        """
        return torch.cat([x, super().forward(x)], 1)


def _activated(n_channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(n_channels), nn.ReLU(inplace=True)]


def _transition(n_in: int, n_out: int, dropout: float) -> nn.Sequential:
    """Return layers that mix the channels, and halve height and width."""
    layers = [*_activated(n_in), conv1x1(n_in, n_out), dropout_layer(dropout), nn.AvgPool2d(2)]
    return nn.Sequential(*layers)
