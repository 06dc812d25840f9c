"""Gradients of the built-in MLP as matrix products written out, without autograd."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble.modules import MLP

_aten = torch.ops.aten


def buffers_like(weight: Tensor) -> dict[int, Tensor]:
    """Give memory for results of a layer, by rows of a batch.

    New memory for each would cost small nets time, and large ones space, as members that are kept
    come to lie in the gaps.
    """
    return defaultdict(lambda: weight.detach().new_empty(0))


class Linear:
    """A linear layer: the product, and what its backward pass leaves on the weights."""

    def __init__(self, layer: nn.Linear) -> None:
        self.weight, self.bias = layer.weight, layer.bias
        self.transposed = layer.weight.t()
        self.weight_grad, self.bias_grad = layer.weight.grad, layer.bias.grad
        self.outputs, self.input_grads = buffers_like(layer.weight), buffers_like(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Give the output for rows of shape (n_samples, n_inputs), until the next call."""
        self.x = x
        return torch.addmm(self.bias, x, self.transposed, out=self.outputs[len(x)])

    def backward(self, g: Tensor) -> Tensor:
        """Turn the gradient by the output into that by the input, until the next call."""
        self.leave(g)
        return torch.mm(g, self.weight, out=self.input_grads[len(g)])

    def leave(self, g: Tensor) -> None:
        """Write the gradients of the weights, from that of the output."""
        torch.mm(g.t(), self.x, out=self.weight_grad)
        torch.sum(g, 0, out=self.bias_grad)


class Nonlinearity:
    """An activation, whose gradient torch has as a function of input and output."""

    def __init__(self, layer: nn.Module) -> None:
        self.function, self.gradient = ACTIVATIONS[type(layer)]

    def forward(self, x: Tensor) -> Tensor:
        """Give the output for rows of any shape, of one net or of several."""
        self.x, self.output = x, self.function(x)
        return self.output

    def backward(self, g: Tensor) -> Tensor:
        """Turn the gradient by the output into that by the input."""
        return self.gradient(g, self.x, self.output)


class Dropout:
    """Dropout; the mask is the one that `torch.nn.Dropout` would draw."""

    def __init__(self, layer: nn.Dropout) -> None:
        self.p = layer.p
        self.scale = 0.0 if layer.p == 1 else 1 / (1 - layer.p)

    def forward(self, x: Tensor) -> Tensor:
        """Drop units."""
        output, self.kept = torch.native_dropout(x, self.p, True)
        return output

    def backward(self, g: Tensor) -> Tensor:
        """Turn the gradient by the output into that by the input."""
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

FEW_CLASSES = 15
"""Classes up to which several nets' probabilities are computed with the rows as the last axis.

Along a last axis that is shorter than its vectors torch takes up to six times as long.
"""

STAGES = {nn.Linear: Linear, nn.Dropout: Dropout, **dict.fromkeys(ACTIVATIONS, Nonlinearity)}
"""What computes each kind of layer."""


class ClosedForm:
    """Loss and gradient of a batch for an MLP.

    The gradients of all weights are views of one vector, whose norm is one call.

    Parameters
    ----------
    layers : list of torch.nn.Module
        Linear layers, activations and dropout, as `MLP` has them.
    is_classifier : bool
        Whether the loss is that of `torch.nn.CrossEntropyLoss`, or of `torch.nn.MSELoss`.
    """

    def __init__(self, layers: list[nn.Module], is_classifier: bool) -> None:
        parameters = [p for layer in layers for p in layer.parameters()]
        sizes = [p.numel() for p in parameters]
        self.gradient = parameters[0].detach().new_zeros(sum(sizes))
        for parameter, piece in zip(parameters, self.gradient.split(sizes), strict=True):
            parameter.grad = piece.view_as(parameter)
        self.parameters, self.pieces = parameters, [p.grad for p in parameters]
        self.stages = [STAGES[type(layer)](layer) for layer in layers]
        self.loss_of = log_loss if is_classifier else squared_error
        self.mean_loss_of = _mean_log_loss if is_classifier else _mean_squared_error
        self.one = self.gradient.new_ones(())

    def is_connected(self) -> bool:
        """Say whether the weights' gradients are still those that `step` writes."""
        return all(p.grad is g for p, g in zip(self.parameters, self.pieces, strict=True))

    def step(self, X: Tensor, target: Any) -> Tensor:
        """Write the gradients for a batch into those of the weights, and give its loss.

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
        for stage in self.stages:
            x = stage.forward(x)
        if isinstance(target, Tensor):
            loss, g = self.mean_loss_of(x, target, self.one)
        else:
            y, weight = target
            loss, g = self.loss_of(x, y, weight / weight.sum())
        for stage in self.stages[:0:-1]:
            g = stage.backward(g)
        # Nobody asks for the gradient by the rows.
        self.stages[0].leave(g)
        return loss

    def clip(self, max_norm: float) -> None:
        """Cut the gradients to a norm over all of them together."""
        norm = torch.linalg.vector_norm(self.gradient)
        # Elsewhere than on the CPU a look at the norm would wait for the device.
        if norm.device.type != "cpu" or norm > max_norm:
            self.gradient.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))


def log_loss(logits: Tensor, y: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the log-loss of a batch, and its gradient by the logits.

    Parameters
    ----------
    logits : Tensor of shape (..., n_samples, n_classes)
        The leading axes are those of several nets.
    y : Tensor of shape (..., n_samples)
        Codes.
    share : Tensor of shape (..., n_samples)
        Weights of the rows, of sum 1.

    Returns
    -------
    loss : Tensor of shape (...)
    gradient : Tensor of the shape of `logits`
    """
    log_proba, codes, share = _log_softmax(logits), y[..., None], share[..., None]
    loss = (log_proba.gather(-1, codes) * share).sum((-2, -1)).neg_()
    gradient = log_proba.exp_()
    minus_one = gradient.new_full((1,) * codes.ndim, -1.0)
    gradient.scatter_add_(-1, codes, minus_one.expand(codes.shape))
    return loss, gradient.mul_(share)


def _log_softmax(logits: Tensor) -> Tensor:
    """Take the log-softmax along the last axis, which for a few classes is slow if it is last."""
    if logits.ndim == 2 or logits.shape[-1] > FEW_CLASSES:
        return torch.log_softmax(logits, -1)
    return torch.log_softmax(logits.mT.contiguous(), -2).mT


def squared_error(output: Tensor, y: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the mean squared error of a batch, and its gradient by the output.

    Parameters
    ----------
    output, y : Tensor of shape (..., n_samples, n_outputs)
        The leading axes are those of several nets.
    share : Tensor of shape (..., n_samples)
        Weights of the rows, of sum 1.

    Returns
    -------
    loss : Tensor of shape (...)
    gradient : Tensor of the shape of `output`
    """
    error, share = output - y, share[..., None] / output.shape[-1]
    return (error.square() * share).sum((-2, -1)), error.mul_(2 * share)


def _mean_log_loss(logits: Tensor, y: Tensor, one: Tensor) -> tuple[Tensor, Tensor]:
    """Compute what `log_loss` gives one net for rows of equal shares, in fewer calls."""
    log_proba = torch.log_softmax(logits, 1)
    loss, total = _aten.nll_loss_forward(log_proba, y, None, 1, -100)
    g = _aten.nll_loss_backward(one, log_proba, y, None, 1, -100, total)
    return loss, torch._log_softmax_backward_data(g, log_proba, 1, g.dtype)


def _mean_squared_error(output: Tensor, y: Tensor, one: Tensor) -> tuple[Tensor, Tensor]:
    """Compute what `squared_error` gives one net for rows of equal shares, in fewer calls."""
    return F.mse_loss(output, y), _aten.mse_loss_backward(one, output, y, 1)


def closed_form_of(net: NeuralNet) -> ClosedForm | str:
    """Give the gradients of a net in closed form, or say why there are none.

    Parameters
    ----------
    net : NeuralNet
        Initialised, one of our own.

    Returns
    -------
    closed_form : ClosedForm or str
    """
    module, criterion = net.module_, net.criterion_
    if type(module) is not MLP:
        return f"the module is {type(module).__name__}, not MLP"
    layers = [layer for layer in module if not (type(layer) is nn.Dropout and layer.p == 0)]
    if any(type(layer) not in STAGES for layer in layers):
        return "the module has layers that MLP does not make"
    if any(type(layer) is nn.GELU and layer.approximate != "none" for layer in layers):
        return "the module has an approximate GELU"
    if any(_is_watched(part) for part in (module, *module, criterion)):
        return "a hook looks into the module"
    parameters = list(module.parameters())
    n_linear = sum(type(layer) is nn.Linear for layer in layers)
    if len(parameters) != 2 * n_linear:
        return "some layers have no bias, or share their weights"
    if not all(p.requires_grad and p.is_contiguous() for p in parameters):
        return "some weights are not trained"
    if len({(p.dtype, p.device) for p in parameters}) > 1:
        return "the weights have several types or devices"
    if not _is_plain_loss(criterion):
        return f"the criterion is {criterion}, not CrossEntropyLoss() or MSELoss()"
    return ClosedForm(layers, type(criterion) is nn.CrossEntropyLoss)


def _is_watched(module: nn.Module) -> bool:
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(module, name) for name in names) or "forward" in vars(module)


def _is_plain_loss(criterion: nn.Module) -> bool:
    if type(criterion) is nn.CrossEntropyLoss:
        settings = (criterion.weight, criterion.label_smoothing, criterion.ignore_index)
        return settings == (None, 0.0, -100) and criterion.reduction == "mean"
    return type(criterion) is nn.MSELoss and criterion.reduction == "mean"
