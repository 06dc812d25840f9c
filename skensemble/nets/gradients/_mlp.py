"""Gradients of the built-in MLP as matrix products written out, without autograd."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble.device import PRECISIONS
from skensemble.modules import (
    MLP,
    ColumnDropout,
    ColumnScale,
    TableEncoding,
    input_layers,
    is_watched,
)
from skensemble.nets.gradients._bf16 import HalfLinear
from skensemble.nets.gradients._buffers import buffers_like
from skensemble.nets.gradients._clipping import clip_factor
from skensemble.nets.gradients._columns import fold_scale
from skensemble.nets.gradients._losses import (
    log_loss,
    mean_log_loss,
    mean_squared_error,
    squared_error,
)

_aten = torch.ops.aten


class Linear:
    """A linear layer: the product, and what its backward pass leaves on the weights.

    Scales of columns before it are part of its weights.
    """

    def __init__(self, layer: nn.Linear, scale: ColumnScale | None = None) -> None:
        self.bias, self.folded = layer.bias, fold_scale(scale, layer)
        self.weight = layer.weight if self.folded is None else self.folded.scaled
        self.transposed = self.weight.t()
        self.weight_grad, self.bias_grad = layer.weight.grad, layer.bias.grad
        self.outputs, self.input_grads = buffers_like(layer.weight), buffers_like(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output for rows of shape (n_samples, n_inputs), valid until the next call."""
        self.x = x
        if self.folded is not None:
            self.folded.fold()
        return torch.addmm(self.bias, x, self.transposed, out=self.outputs[len(x)])

    def backward(self, g: Tensor) -> Tensor:
        """Return the gradient with respect to the input, valid until the next call."""
        self.write_weight_gradients(g)
        return torch.mm(g, self.weight, out=self.input_grads[len(g)])

    def write_weight_gradients(self, g: Tensor) -> None:
        """Write the gradients of the weights, from that of the output."""
        torch.mm(g.t(), self.x, out=self.weight_grad)
        torch.sum(g, 0, out=self.bias_grad)
        if self.folded is not None:
            self.folded.write_gradients(self.weight_grad)


class Nonlinearity:
    """An activation, whose gradient torch has as a function of input and output."""

    def __init__(self, layer: nn.Module) -> None:
        self.function, self.gradient = ACTIVATIONS[type(layer)]

    def forward(self, x: Tensor) -> Tensor:
        """Return the output for rows of any shape, of one net or of several."""
        self.x, self.output = x, self.function(x)
        return self.output

    def backward(self, g: Tensor) -> Tensor:
        """Return the gradient with respect to the input, from that of the output."""
        return self.gradient(g, self.x, self.output)


class Dropout:
    """Dropout; the mask is the one that `torch.nn.Dropout` would draw."""

    def __init__(self, layer: nn.Dropout) -> None:
        self.p = layer.p
        # Where p is 1 the mask is all 0, and any finite number will do.
        self.scale = 0.0 if layer.p == 1 else 1 / (1 - layer.p)

    def forward(self, x: Tensor) -> Tensor:
        """Drop units."""
        output, self.kept = torch.native_dropout(x, self.p, True)
        return output

    def backward(self, g: Tensor) -> Tensor:
        """Return the gradient with respect to the input, from that of the output."""
        return _aten.native_dropout_backward(g, self.kept, self.scale)


ACTIVATIONS: dict[type[nn.Module], tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    # These two need only their output, and may write it over the input.
    nn.ReLU: (
        torch.relu_,
        lambda g, x, output: _aten.threshold_backward.grad_input(g, output, 0, grad_input=g),
    ),
    nn.Tanh: (
        torch.tanh_,
        lambda g, x, output: _aten.tanh_backward.grad_input(g, output, grad_input=g),
    ),
    nn.GELU: (F.gelu, lambda g, x, output: _aten.gelu_backward.grad_input(g, x, grad_input=g)),
    nn.SiLU: (F.silu, lambda g, x, output: _aten.silu_backward.grad_input(g, x, grad_input=g)),
}
"""Each activation, and its gradient ``(g, x, output)`` by its input, written over `g`."""

LAYERS = {nn.Linear: Linear, nn.Dropout: Dropout, **dict.fromkeys(ACTIVATIONS, Nonlinearity)}
"""What computes each kind of layer."""


_LETTERS = {ColumnScale: "S", nn.Linear: "L", nn.Dropout: "D", **dict.fromkeys(ACTIVATIONS, "A")}
_LAYERS_OF_MLP = re.compile("S?(LAD?)*L")


class ClosedForm:
    """Loss and gradient of a batch for an MLP.

    The gradients of all weights are views of one vector, whose norm is one call.

    Parameters
    ----------
    layers : list of torch.nn.Module
        Scales of columns, linear layers, activations and dropout, as `MLP` has them.
    is_classifier : bool
        Whether the loss is that of `torch.nn.CrossEntropyLoss`, or of `torch.nn.MSELoss`.
    is_half : bool, default=False
        Whether products are in bfloat16.
    """

    def __init__(
        self, layers: list[nn.Module], is_classifier: bool, *, is_half: bool = False
    ) -> None:
        parameters = [p for layer in layers for p in layer.parameters()]
        sizes = [p.numel() for p in parameters]
        self.gradient = parameters[0].detach().new_zeros(sum(sizes))
        for parameter, piece in zip(parameters, self.gradient.split(sizes), strict=True):
            parameter.grad = piece.view_as(parameter)
        self.parameters, self.pieces = parameters, [p.grad for p in parameters]
        self.pointers = [p.data_ptr() for p in parameters]
        kinds = LAYERS | {nn.Linear: HalfLinear} if is_half else LAYERS
        scale, layers = split_scale(layers)
        self.layers = [
            kinds[nn.Linear](layers[0], scale),
            *(kinds[type(layer)](layer) for layer in layers[1:]),
        ]
        self.loss_of = log_loss if is_classifier else squared_error
        self.mean_loss_of = mean_log_loss if is_classifier else mean_squared_error
        self.grad_output = self.gradient.new_ones(())

    def is_connected(self) -> bool:
        """Say whether `backward` still reads the weights and writes their gradients."""
        return all(
            p.grad is g and p.requires_grad and p.data_ptr() == pointer
            for p, g, pointer in zip(self.parameters, self.pieces, self.pointers, strict=True)
        )

    def backward(self, X: Tensor, target: Any) -> Tensor:
        """Write the gradients for a batch into those of the weights, and return its loss.

        To be called where autograd is off.

        Parameters
        ----------
        X : Tensor of shape (n_samples, ...)
        target : Tensor of shape (n_samples,) or (n_samples, n_outputs), or pair
            Codes of classes or values; with the weights of the rows as a pair.

        Returns
        -------
        loss : Tensor of shape ()
        """
        x = X.flatten(1) if X.ndim > 2 else X
        for layer in self.layers:
            x = layer.forward(x)
        if isinstance(target, Tensor):
            loss, g = self.mean_loss_of(x, target, self.grad_output)
        else:
            y, weight = target
            loss, g = self.loss_of(x, y, weight / len(weight))
        for layer in self.layers[:0:-1]:
            g = layer.backward(g)
        # Nobody asks for the gradient with respect to the rows.
        self.layers[0].write_weight_gradients(g)
        return loss

    def clip(self, max_norm: float) -> None:
        """Cut the gradients to a norm over all of them together."""
        factor = clip_factor(torch.linalg.vector_norm(self.gradient), max_norm)
        if factor is not None:
            self.gradient.mul_(factor)


def obstacle_to_closed_form(net: NeuralNet) -> str | None:
    """Say why the gradients of a net have no closed form, or None if they have one.

    Parameters
    ----------
    net : NeuralNet
        Initialised, one of our own.

    Returns
    -------
    obstacle : str or None
    """
    module, criterion = net.module_, net.criterion_
    if type(module) is not MLP:
        return f"the module is {type(module).__name__}, not MLP"
    kinds = (nn.Dropout, ColumnDropout, TableEncoding)
    if any(type(layer) in kinds and layer.training != module.training for layer in module):
        return "a dropout or encoding layer is held in another mode than the module"
    layers = computing_layers(module)
    if not _LAYERS_OF_MLP.fullmatch("".join(_LETTERS.get(type(layer), "?") for layer in layers)):
        return "the module has layers that MLP does not make"
    if any(type(layer) is nn.GELU and layer.approximate != "none" for layer in layers):
        return "the module has an approximate GELU"
    if not isinstance(criterion, nn.Module):
        return f"the criterion is a {type(criterion).__name__}, no torch.nn.Module"
    if any(is_watched(part) for part in (module, *module, criterion)):
        return "a hook looks into the module"
    parameters = list(module.parameters())
    n_weights = {nn.Linear: 2, ColumnScale: 1}
    if len(parameters) != sum(n_weights.get(type(layer), 0) for layer in layers):
        return "some layers have no bias, or share their weights"
    if not all(p.requires_grad for p in parameters):
        return "some weights are not trained"
    if not all(p.is_contiguous() for p in parameters):
        return "some weights are not contiguous in memory"
    if len({(p.dtype, p.device) for p in parameters}) > 1:
        return "the weights have several types or devices"
    if not _is_plain_loss(criterion):
        return f"the criterion is {criterion}, not CrossEntropyLoss() or MSELoss()"
    return None


def closed_form_of(net: NeuralNet) -> ClosedForm:
    """Return the gradients in closed form of a net that has no obstacle to it."""
    is_classifier = type(net.criterion_) is nn.CrossEntropyLoss
    is_half = PRECISIONS[net.precision].autocast is not None
    return ClosedForm(computing_layers(net.module_), is_classifier, is_half=is_half)


def computing_layers(module: MLP) -> list[nn.Module]:
    """List the layers of an MLP that compute something in training.

    Dropout of probability 0 does not; and a net encodes and drops columns before the module sees
    the rows.
    """
    layers = list(module)[sum(layer is not None for layer in input_layers(module)) :]
    return [layer for layer in layers if not (type(layer) is nn.Dropout and layer.p == 0)]


def split_scale(layers: list[nn.Module]) -> tuple[ColumnScale | None, list[nn.Module]]:
    """Split the computing layers of an MLP into its scales of columns, if any, and the others."""
    if isinstance(layers[0], ColumnScale):
        return layers[0], layers[1:]
    return None, layers


def _is_plain_loss(criterion: nn.Module) -> bool:
    """Say whether a criterion is one of the two, with every setting at torch's default."""
    kind = type(criterion)
    return kind in (nn.CrossEntropyLoss, nn.MSELoss) and _settings(criterion) == _defaults(kind)


@lru_cache
def _defaults(kind: type[nn.Module]) -> dict[str, Any]:
    return _settings(kind())


def _settings(criterion: nn.Module) -> dict[str, Any]:
    """Return all that a criterion holds but its mode and its hooks, for which `is_watched` asks."""
    return {
        name: value
        for name, value in vars(criterion).items()
        if name != "training" and not name.endswith("_hooks")
    }
