"""Blocks of residual networks, and stages of them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from skensemble.modules._image_layers import conv1x1, conv3x3, dropout_layer


class ResidualBlock(nn.Module):
    """Residual block of the first paper: activated after the sum, its shortcut without weights.

    A shortcut past a stride takes every second row and column; channels that are more on the other
    side are 0 there, behind those that came in.

    Parameters
    ----------
    n_in, n_out : int
        Channels that come in and go out, not less than come in.
    stride : int, default=1
        Of the first convolution and of the shortcut.

    Notes
    -----
    *Shape*: input ``(n_samples, n_in, height, width)``, output ``(n_samples, n_out,
    ceil(height / stride), ceil(width / stride))``.
    """

    def __init__(self, n_in: int, n_out: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.norm1 = conv3x3(n_in, n_out, stride), nn.BatchNorm2d(n_out)
        self.conv2, self.norm2 = conv3x3(n_out, n_out), nn.BatchNorm2d(n_out)
        self.stride, self.n_new = stride, n_out - n_in

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of the shortcut and of what the convolutions find, activated.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_in, height, width)

        Returns
        -------
        x : Tensor of shape (n_samples, n_out, height / stride, width / stride)
        """
        found = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        found = self.norm2(self.conv2(found))
        past = x[:, :, :: self.stride, :: self.stride] if self.stride > 1 else x
        if self.n_new:
            past = functional.pad(past, (0, 0, 0, 0, 0, self.n_new))
        return functional.relu(found + past, inplace=True)


class PreactivationBlock(nn.Module):
    """Residual block of two convolutions of 3 x 3, each behind its normalisation and activation.

    Where the channels or the size change, the shortcut is a convolution of 1 x 1 of what is
    normalised and activated; elsewhere it is what came in.

    Parameters
    ----------
    n_in, n_out : int
        Channels that come in and go out.
    stride : int, default=1
        Of the first convolution and of the shortcut.
    dropout : float, default=0.0
        Probability to drop a value before the second convolution.

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
        self.shortcut = _shortcut(n_in, n_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of the shortcut and of what the convolutions find.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_in, height, width)

        Returns
        -------
        x : Tensor of shape (n_samples, n_out, height / stride, width / stride)
        """
        active = functional.relu(self.norm1(x), inplace=True)
        found = functional.relu(self.norm2(self.conv1(active)), inplace=True)
        past = x if self.shortcut is None else self.shortcut(active)
        return torch.add(self.conv2(self.dropout(found)), past)


class BottleneckBlock(nn.Module):
    """Residual block whose convolution of 3 x 3 stands between two of 1 x 1.

    It has a quarter of the channels that go out. Normalisation, activation and shortcut are as in
    `PreactivationBlock`.

    Parameters
    ----------
    n_in, n_out : int
        Channels that come in and go out.
    stride : int, default=1
        Of the first convolution and of the shortcut.

    Notes
    -----
    *Shape*: input ``(n_samples, n_in, height, width)``, output ``(n_samples, n_out,
    ceil(height / stride), ceil(width / stride))``.
    """

    def __init__(self, n_in: int, n_out: int, *, stride: int = 1) -> None:
        super().__init__()
        n_between = n_out // 4
        self.norm1, self.conv1 = nn.BatchNorm2d(n_in), conv1x1(n_in, n_between, stride)
        self.norm2, self.conv2 = nn.BatchNorm2d(n_between), conv3x3(n_between, n_between)
        self.norm3, self.conv3 = nn.BatchNorm2d(n_between), conv1x1(n_between, n_out)
        self.shortcut = _shortcut(n_in, n_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of the shortcut and of what the convolutions find.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_in, height, width)

        Returns
        -------
        x : Tensor of shape (n_samples, n_out, height / stride, width / stride)
        """
        active = functional.relu(self.norm1(x), inplace=True)
        found = functional.relu(self.norm2(self.conv1(active)), inplace=True)
        found = functional.relu(self.norm3(self.conv2(found)), inplace=True)
        past = x if self.shortcut is None else self.shortcut(active)
        return torch.add(self.conv3(found), past)


def _shortcut(n_in: int, n_out: int, stride: int) -> nn.Conv2d | None:
    return None if n_in == n_out and stride == 1 else conv1x1(n_in, n_out, stride)


def stages(block: Callable[..., nn.Module], widths: Sequence[int], n_blocks: int) -> nn.Sequential:
    """Return stages of blocks, each after the first at half the height and width.

    Parameters
    ----------
    block : callable(n_in, n_out, stride=...) -> torch.nn.Module
        Makes a block.
    widths : sequence of int
        Channels that come in, then those of each stage.
    n_blocks : int
        Blocks of a stage.

    Returns
    -------
    blocks : torch.nn.Sequential
    """
    blocks, n_in = [], widths[0]
    for stage, n_out in enumerate(widths[1:]):
        for i in range(n_blocks):
            blocks.append(block(n_in, n_out, stride=2 if stage > 0 and i == 0 else 1))
            n_in = n_out
    return nn.Sequential(*blocks)
