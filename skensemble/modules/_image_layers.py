"""What the image networks share: their first and last layers, checks, and how weights are drawn."""

from math import sqrt
from numbers import Integral
from typing import Any

from torch import nn

from skensemble._checks import check_int, check_real, reject
from skensemble.modules._channel_scaling import ChannelScaling


def scaling_layer(n_channels: int, channel_mean: Any, channel_std: Any) -> nn.Module:
    """Return the first layer: it scales the channels, or leaves them where there is no mean.

    Parameters
    ----------
    n_channels : int
        Channels of the images.
    channel_mean, channel_std : float, sequence of float or None
        Of each channel; both or neither.

    Returns
    -------
    layer : ChannelScaling or torch.nn.Identity

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.
    """
    check_int("n_channels", n_channels, 1)
    if channel_mean is None and channel_std is None:
        return nn.Identity()
    layer = ChannelScaling(channel_mean, channel_std)
    if len(layer.scale) not in {1, n_channels}:
        rule = f"one number for each of n_channels={n_channels} channels"
        raise reject("channel_mean", rule, channel_mean)
    return layer


def conv3x3(n_in: int, n_out: int, stride: int = 1) -> nn.Conv2d:
    """Return a convolution of 3 x 3 that keeps the size of images at stride 1, without bias."""
    return nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)


def conv1x1(n_in: int, n_out: int, stride: int = 1) -> nn.Conv2d:
    """Return a convolution of 1 x 1 without bias."""
    return nn.Conv2d(n_in, n_out, 1, stride, bias=False)


def dropout_layer(p: float) -> nn.Module:
    """Return dropout with a probability, or what leaves all as it is for 0."""
    return nn.Dropout(p) if check_real("dropout", p, 0, high=1) else nn.Identity()


def mean_head(n_in: int, n_classes: int) -> dict[str, nn.Module]:
    """Return the last layers by name: the mean over the pixels, and a linear layer.

    Parameters
    ----------
    n_in : int
        Channels of what comes in.
    n_classes : int
        Classes, each of which gets a logit.

    Returns
    -------
    layers : dict of str to torch.nn.Module

    Raises
    ------
    InvalidParameterError
        If `n_classes` breaks its rule.
    """
    check_int("n_classes", n_classes, 1)
    head = nn.Linear(n_in, n_classes)
    return {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "head": head}


def normalized_head(n_in: int, n_classes: int) -> dict[str, nn.Module]:
    """Return the last layers of networks that normalise and activate first, by name.

    Parameters
    ----------
    n_in, n_classes
        As in `mean_head`.

    Returns
    -------
    layers : dict of str to torch.nn.Module
    """
    return {"norm": nn.BatchNorm2d(n_in), "relu": nn.ReLU(), **mean_head(n_in, n_classes)}


def blocks_for(depth: int, layers_per_block: int, layers_besides: int) -> int:
    """Return the blocks of each of three stages of a network of a depth.

    Parameters
    ----------
    depth : int
        As the papers count it.
    layers_per_block : int
        Layers that one more block in each stage adds.
    layers_besides : int
        Layers that are in no block.

    Returns
    -------
    n_blocks : int

    Raises
    ------
    InvalidParameterError
        If there is no such network.
    """
    low = layers_per_block + layers_besides
    rule = f"an int that is {layers_per_block}n+{layers_besides} with n >= 1"
    if isinstance(depth, bool) or not isinstance(depth, Integral) or depth < low:
        raise reject("depth", rule, depth)
    n_blocks, rest = divmod(int(depth) - layers_besides, layers_per_block)
    if rest:
        raise reject("depth", rule, depth)
    return n_blocks


def draw_weights(module: nn.Module) -> None:
    """Draw the weights of convolutions as He et al. do, and set all biases to 0.

    They are normal with variance ``2 / (kernel height * kernel width * output channels)``, as in
    the published code of all the papers here, which follows that of He et al. Linear layers keep
    torch's weights, as theirs kept Torch's.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.

    References
    ----------
    He, Zhang, Ren, Sun (2015), *Delving deep into rectifiers: surpassing human-level performance on
    ImageNet classification*, equation 14.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            n_paths = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels
            nn.init.normal_(layer.weight, std=sqrt(2 / n_paths))
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
