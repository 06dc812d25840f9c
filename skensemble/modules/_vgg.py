from collections import OrderedDict
from typing import Any

from torch import nn

from skensemble._checks import check_int, reject
from skensemble.modules._image_layers import draw_weights, dropout_layer, scaling_layer

CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""How many convolutions each stage of a network has, by its depth."""

WIDTHS = (64, 128, 256, 512, 512)
"""Channels of each stage."""


class VGG(nn.Sequential):
    """VGG with batch normalisation, and with hidden layers sized for small images.

    Five stages of convolutions of 3 x 3, of 64, 128, 256, 512 and 512 channels, each normalised and
    activated; after a stage the largest of 2 x 2 values is taken. Two hidden layers of 512 units
    follow, in place of the paper's 4,096.

    Parameters
    ----------
    depth : {11, 13, 16, 19}, default=16
        Layers as the paper counts them: convolutions, and the three linear layers.
    dropout : float, default=0.5
        Probability to drop what comes into each of the two hidden layers, in training.
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
    *Shape*: input ``(n_samples, n_channels, height, width)`` of any height and width; output
    ``(n_samples, n_classes)``, logits.

    Images of 32 x 32 come out of the last stage as one pixel. Where a height or a width is odd, the
    last row or column is a window of its own: so smaller images, such as those of 16 x 16 or
    28 x 28, end as one pixel as well. The mean is taken over the pixels that larger ones end as.

    Weights of convolutions are normal with variance ``2 / (9 * output channels)``, and there is
    dropout before hidden layers, as in the code of Garipov et al. (2018); biases are 0.

    For images of three channels and 32 x 32 pixels:

    ========= =================== ==================== =============
    network   weights, 10 classes weights, 100 classes multiply-adds
    ========= =================== ==================== =============
    VGG-11-BN           9,756,426            9,802,596       153.3 M
    VGG-13-BN           9,941,322            9,987,492       228.8 M
    VGG-16-BN          15,253,578           15,299,748       313.7 M
    VGG-19-BN          20,565,834           20,612,004       398.7 M
    ========= =================== ==================== =============

    References
    ----------
    Simonyan, Zisserman (2015), *Very deep convolutional networks for large-scale image
    recognition*, table 1; Garipov, Izmailov, Podoprikhin, Vetrov, Wilson (2018), *Loss surfaces,
    mode connectivity, and fast ensembling of DNNs*.

    Examples
    --------
    >>> import torch
    >>> module = VGG(depth=11)
    >>> module(torch.zeros(2, 3, 16, 16)).shape
    torch.Size([2, 10])
    >>> sum(weight.numel() for weight in module.parameters())
    9756426
    """

    def __init__(
        self,
        depth: int = 16,
        *,
        dropout: float = 0.5,
        n_classes: int = 10,
        n_channels: int = 3,
        channel_mean: Any = None,
        channel_std: Any = None,
    ) -> None:
        if depth not in CONVOLUTIONS:
            raise reject("depth", f"one of {sorted(CONVOLUTIONS)}", depth)
        check_int("n_classes", n_classes, 1)
        scaling = scaling_layer(n_channels, channel_mean, channel_std)
        body: list[nn.Module] = []
        n_in = n_channels
        for n_convolutions, width in zip(CONVOLUTIONS[depth], WIDTHS, strict=True):
            for _ in range(n_convolutions):
                body += [nn.Conv2d(n_in, width, 3, padding=1), nn.BatchNorm2d(width), _relu()]
                n_in = width
            # With `ceil_mode` a single pixel stays one, and no odd row is left out.
            body.append(nn.MaxPool2d(2, ceil_mode=True))
        hidden = [
            layer
            for _ in range(2)
            for layer in (dropout_layer(dropout), nn.Linear(n_in, n_in), _relu())
        ]
        layers: dict[str, nn.Module] = {
            "scaling": scaling,
            "body": nn.Sequential(*body),
            "pool": nn.AdaptiveAvgPool2d(1),
            "flatten": nn.Flatten(),
            "hidden": nn.Sequential(*hidden),
            "head": nn.Linear(n_in, n_classes),
        }
        super().__init__(OrderedDict(layers))
        draw_weights(self)


def _relu() -> nn.ReLU:
    return nn.ReLU(inplace=True)
