"""Layers whose weights are factorised Gaussians."""

from copy import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

INITIAL_LOG_STD = -5.0
"""Logarithm of the standard deviation that a weight begins with (Ashukha et al., 2020)."""


class VariationalLayer:
    """Mixin for a linear or convolution layer: weight ~ N(weight, exp(2 log_std)).

    The layer is the plain one until `is_random` is set, and in evaluation mode.
    """

    weight: nn.Parameter
    log_std: nn.Parameter
    training: bool
    is_random = False
    generator: torch.Generator | None = None
    """What the draws come from in training; torch's global generator without it."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute the layer's output for one draw of its weights.

        Parameters
        ----------
        x : Tensor
            As the plain layer takes it.

        Returns
        -------
        output : Tensor
            As the plain layer gives it.
        """
        if self.training and self.is_random:
            return self._forward_random(x)
        return super().forward(x)  # type: ignore[misc]

    def _forward_random(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _noise_like(self, x: Tensor) -> Tensor:
        return torch.randn(x.shape, generator=self.generator, dtype=x.dtype, device=x.device)

    def draw(self, generator: torch.Generator) -> Tensor:
        """Draw weights, from a generator on the CPU."""
        noise = torch.randn(self.weight.shape, generator=generator, dtype=self.weight.dtype)
        return self.weight.detach().cpu() + self.log_std.detach().cpu().exp() * noise


class VariationalLinear(VariationalLayer, nn.Linear):
    """Linear layer that draws its output instead of its weights (Kingma et al., 2015).

    Each row gets weights of its own that way, which makes gradients less noisy.
    """

    def _forward_random(self, x: Tensor) -> Tensor:
        mean = F.linear(x, self.weight, self.bias)
        variance = F.linear(x.square(), (2 * self.log_std).exp())
        # A row of zeros has no variance, whose root has no gradient.
        return mean + (variance + 1e-16).sqrt() * self._noise_like(mean)


class VariationalConvolution(VariationalLayer):
    """Convolution that draws its weights once for each batch."""

    bias: nn.Parameter | None

    def _forward_random(self, x: Tensor) -> Tensor:
        weight = self.weight + self.log_std.exp() * self._noise_like(self.weight)
        return self._conv_forward(x, weight, self.bias)  # type: ignore[attr-defined]


class VariationalConv1d(VariationalConvolution, nn.Conv1d):
    """Convolution over one axis."""


class VariationalConv2d(VariationalConvolution, nn.Conv2d):
    """Convolution over two axes."""


class VariationalConv3d(VariationalConvolution, nn.Conv3d):
    """Convolution over three axes."""


VARIATIONAL = {
    nn.Linear: VariationalLinear,
    nn.Conv1d: VariationalConv1d,
    nn.Conv2d: VariationalConv2d,
    nn.Conv3d: VariationalConv3d,
}


def make_variational(module: nn.Module) -> dict[str, VariationalLayer]:
    """Replace the linear and convolution layers of a module, in place.

    The new layers hold the very parameters of the old ones, which an optimizer may know already,
    and `log_std` beside them, one for layers that share a weight. Layers of subclasses stay: what
    they compute is theirs to know. So do layers whose weight is frozen, computed from other
    parameters, or shared with a layer that stays.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    layers : dict of str to VariationalLayer
        By name; a layer that stands in several places has several names.
    """
    stay = {w for m in module.modules() if not _is_known(m) for w in m._parameters.values()}
    twins: dict[nn.Module, VariationalLayer] = {}
    log_stds: dict[nn.Parameter, nn.Parameter] = {}
    layers = {}
    # remove_duplicate: one layer may stand in several places.
    for name, layer in list(module.named_modules(remove_duplicate=False)):
        if name and _is_known(layer) and layer.weight not in stay:
            fresh = nn.Parameter(torch.full_like(layer.weight, INITIAL_LOG_STD))
            log_std = log_stds.setdefault(layer.weight, fresh)
            layers[name] = twins.setdefault(layer, _variational(layer, log_std))
            parent, _, child = name.rpartition(".")
            setattr(module.get_submodule(parent), child, layers[name])
    return layers


def make_plain(module: nn.Module) -> None:
    """Turn the layers of `make_variational` back into plain ones, in place, with their means.

    Parameters
    ----------
    module : torch.nn.Module
        A copy of the one that is trained.
    """
    plain = {twin: kind for kind, twin in VARIATIONAL.items()}
    for layer in module.modules():
        if isinstance(layer, VariationalLayer):
            layer.__class__ = plain[type(layer)]
            del layer._parameters["log_std"]
            for name in ("is_random", "generator"):
                vars(layer).pop(name, None)


def trained_parameter(layer: nn.Module, name: str) -> nn.Parameter | None:
    """Return a parameter of a layer; None if it is missing, frozen or computed from others."""
    parameter = layer._parameters.get(name)
    return parameter if parameter is not None and parameter.requires_grad else None


def _is_known(layer: nn.Module) -> bool:
    """Say whether a layer is one of torch's own whose weight is trained."""
    return type(layer) in VARIATIONAL and trained_parameter(layer, "weight") is not None


def _variational(layer: nn.Module, log_std: nn.Parameter) -> VariationalLayer:
    """Make the variational twin of a layer, around the same parameters."""
    twin = copy(layer)
    twin._parameters = dict(layer._parameters)
    twin.__class__ = VARIATIONAL[type(layer)]
    twin.log_std = log_std
    return twin
