"""Dropout whose masks belong to a member of an ensemble."""

from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

ALPHA = 1.7580993408473766
"""What `torch.nn.AlphaDropout` sets a unit to, with the opposite sign: SELU's lower bound."""


class FixedDropout(nn.Module):
    """Dropout with one mask for all rows, drawn from a seed that is part of the state.

    With a given mask every dropout layer of torch is an affine map, ``scale * x + shift``. The mask
    has the shape of a row, so that what a row gives does not depend on the rows beside it. A layer
    that is called with rows of several shapes has a mask for each.

    Parameters
    ----------
    layer : torch.nn.Dropout or one of its siblings
        Gives the probability and the kind.

    Notes
    -----
    *Shape*: input ``(n_samples, *axes)``, output the same.

    Examples
    --------
    >>> layer = FixedDropout(nn.Dropout(0.5))
    >>> layer(torch.ones(2, 4))
    tensor([[0., 2., 0., 0.],
            [0., 2., 0., 0.]])
    """

    seed: Tensor

    def __init__(self, layer: _DropoutNd) -> None:
        super().__init__()
        self.p = layer.p
        self.is_alpha = isinstance(layer, nn.AlphaDropout | nn.FeatureAlphaDropout)
        self.drops_channels = not isinstance(layer, nn.Dropout | nn.AlphaDropout)
        self.register_buffer("seed", torch.tensor(0))
        self._maps: dict[Any, tuple[Tensor, Tensor | float]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Return the rows with the member's units dropped.

        Parameters
        ----------
        x : Tensor of shape (n_samples, *axes)
            A batch of rows.

        Returns
        -------
        x : Tensor of shape (n_samples, *axes)
        """
        key = (x.shape[1:], x.dtype, x.device)
        # Threads that come here together find the same map.
        if key not in self._maps:
            self._maps[key] = self._map(x)
        scale, shift = self._maps[key]
        return x * scale + shift

    def __getstate__(self) -> dict[str, Any]:
        # The maps follow from the seed.
        return {**vars(self), "_maps": {}}

    def _map(self, x: Tensor) -> tuple[Tensor, Tensor | float]:
        shape = x.shape[1:2] + (1,) * (x.ndim - 2) if self.drops_channels else x.shape[1:]
        generator = torch.Generator().manual_seed(int(self.seed))
        # Drawn on the CPU, a member is the same on every device.
        kept = (torch.rand(shape, generator=generator) >= self.p).to(x.device, x.dtype)
        if self.is_alpha:
            gain = 1 / sqrt((ALPHA**2 * self.p + 1) * (1 - self.p)) if self.p < 1 else 0.0
            return gain * kept, (kept - 1 + self.p) * ALPHA * gain
        return kept / (1 - self.p) if self.p < 1 else kept, 0.0


def fix_dropout(module: nn.Module) -> list[str]:
    """Replace the dropout layers of a module, in place, by such whose masks are fixed.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    names : list of str
        Of the layers that were replaced; those with a probability of 0 stay.
    """
    # remove_duplicate: one layer may stand in several places.
    layers = {
        name: layer
        for name, layer in module.named_modules(remove_duplicate=False)
        if isinstance(layer, _DropoutNd) and layer.p > 0
    }
    fixed: dict[int, FixedDropout] = {}
    for name, layer in layers.items():
        parent, _, child = name.rpartition(".")
        twin = fixed.setdefault(id(layer), FixedDropout(layer))
        setattr(module.get_submodule(parent), child, twin)
    for layer in module.modules():
        if isinstance(layer, nn.TransformerEncoderLayer):
            # Its shortcut in evaluation mode passes the dropout by; with this set it is not taken.
            layer.activation_relu_or_gelu = 0
    return list(layers)
