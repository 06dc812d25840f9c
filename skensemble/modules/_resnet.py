from collections import OrderedDict
from typing import Any

from torch import nn

from skensemble.modules._image_layers import (
    blocks_for,
    conv3x3,
    draw_weights,
    mean_head,
    normalized_head,
    scaling_layer,
)
from skensemble.modules._residual_blocks import (
    BottleneckBlock,
    PreactivationBlock,
    ResidualBlock,
    stages,
)


class ResNet(nn.Sequential):
    """Residual network for small images, with shortcuts that have no weights.

    Three stages of residual blocks, of 16, 32 and 64 channels; the second and the third begin at
    half the height and width. A block normalises after each of its two convolutions of 3 x 3, and
    activates after the first and after the sum. A shortcut past a stride takes every second row and
    column, and channels of 0 are added to it.

    Parameters
    ----------
    depth : int, default=20
        Layers as the paper counts them: 6n+2 with n >= 1 blocks in each stage.
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

    Weights of convolutions are normal with variance ``2 / (9 * output channels)``, as in the code
    that the authors point to (fb.resnet.torch), after He et al. (2015); biases are 0. Channels of 0
    stand behind those that come in, as there.

    For images of three channels and 32 x 32 pixels:

    ========== =================== ==================== =============
    network    weights, 10 classes weights, 100 classes multiply-adds
    ========== =================== ==================== =============
    ResNet-20              269,722              275,572        40.6 M
    ResNet-110           1,727,962            1,733,812       252.9 M
    ========== =================== ==================== =============

    References
    ----------
    He, Zhang, Ren, Sun (2016), *Deep residual learning for image recognition*, section 4.2.

    Examples
    --------
    >>> import torch
    >>> module = ResNet(depth=8)
    >>> module(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    >>> sum(weight.numel() for weight in module.parameters())
    75290
    """

    def __init__(
        self,
        depth: int = 20,
        *,
        n_classes: int = 10,
        n_channels: int = 3,
        channel_mean: Any = None,
        channel_std: Any = None,
    ) -> None:
        n_blocks = blocks_for(depth, 6, 2)
        layers: dict[str, nn.Module] = {
            "scaling": scaling_layer(n_channels, channel_mean, channel_std),
            "stem": conv3x3(n_channels, 16),
            "norm": nn.BatchNorm2d(16),
            "relu": nn.ReLU(),
            "body": stages(ResidualBlock, [16, 16, 32, 64], n_blocks),
            **mean_head(64, n_classes),
        }
        super().__init__(OrderedDict(layers))
        draw_weights(self)


class PreResNet(nn.Sequential):
    """Residual network for small images whose blocks activate before their convolutions.

    Three stages of residual blocks, of 16, 32 and 64 channels or, with `bottleneck`, of 64, 128 and
    256; the second and the third begin at half the height and width. A block normalises and
    activates before each of its convolutions: two of 3 x 3, or one between two of 1 x 1. Where it
    changes the number of channels, its shortcut is a convolution of 1 x 1 of what is normalised and
    activated; elsewhere it is what came in.

    Parameters
    ----------
    depth : int, default=20
        Layers as the paper counts them: 6n+2 with n >= 1 blocks in each stage, or 9n+2 with
        `bottleneck`.
    bottleneck : bool, default=False
        Whether blocks have three convolutions, the middle one of which has a quarter of the
        channels; as in the paper's networks of 164 and 1,001 layers.
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
    ``2 / (kernel height * kernel width * output channels)``, after He et al. (2015); biases are 0.
    The first convolution of a block has the stride, as there: later code, among it that of Garipov
    et al. (2018) and Ashukha et al. (2020), gives it to the 3 x 3 of a bottleneck and lets the
    shortcut start before the activation, with as many weights.

    For images of three channels and 32 x 32 pixels; only the last has bottlenecks:

    ============= =================== ==================== =============
    network       weights, 10 classes weights, 100 classes multiply-adds
    ============= =================== ==================== =============
    PreResNet-20              272,282              278,132        40.8 M
    PreResNet-110           1,730,522            1,736,372       253.1 M
    PreResNet-164           1,703,258            1,726,388       244.5 M
    ============= =================== ==================== =============

    References
    ----------
    He, Zhang, Ren, Sun (2016), *Identity mappings in deep residual networks*, section 4 and
    appendix.

    Examples
    --------
    >>> import torch
    >>> module = PreResNet(depth=11, bottleneck=True)
    >>> module(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    >>> sum(weight.numel() for weight in module.parameters())
    126746
    """

    def __init__(
        self,
        depth: int = 20,
        *,
        bottleneck: bool = False,
        n_classes: int = 10,
        n_channels: int = 3,
        channel_mean: Any = None,
        channel_std: Any = None,
    ) -> None:
        n_blocks = blocks_for(depth, 9 if bottleneck else 6, 2)
        widths = [16, 64, 128, 256] if bottleneck else [16, 16, 32, 64]
        block = BottleneckBlock if bottleneck else PreactivationBlock
        layers: dict[str, nn.Module] = {
            "scaling": scaling_layer(n_channels, channel_mean, channel_std),
            "stem": conv3x3(n_channels, 16),
            "body": stages(block, widths, n_blocks),
            **normalized_head(widths[-1], n_classes),
        }
        super().__init__(OrderedDict(layers))
        draw_weights(self)
