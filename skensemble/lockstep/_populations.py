"""K nets of one architecture as stacked weights: their losses, gradients and updates at once."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from skensemble.lockstep._half_linear import HalfLinear
from skensemble.lockstep._paused_training import PausedTraining
from skensemble.modules import unwrap_compiled
from skensemble.nets import row_losses
from skensemble.nets.gradients import (
    FEW_CLASSES,
    FoldedScale,
    Nonlinearity,
    buffers_like,
    computing_layers,
    log_loss,
    split_scale,
    squared_error,
)

Batch = tuple[Tensor, Tensor, Tensor]
"""Rows (K, n_samples, ...), targets (K, n_samples, ...), shares of the loss (K, n_samples).

Where all nets see the same rows, the first axis of rows and targets may be 1.
"""


class Population(Protocol):
    """K nets that are trained as one.

    Attributes
    ----------
    name : str
        What reports call it.
    weights : list of Tensor of shape (K, ...)
        Stacked weights, one tensor for each parameter of a net.
    gradients : list of Tensor of shape (K, ...)
        What `backward` leaves.
    all_weights, all_gradients : Tensor
        The same as one vector each.
    """

    name: str
    all_weights: Tensor
    all_gradients: Tensor
    weights: list[Tensor]
    gradients: list[Tensor]

    def draw(self, n_rows: int, sizes: Sequence[int]) -> None:
        """Draw what `backward` takes for batches of these sizes, filled up to `n_rows`."""

    def backward(self, batch: Batch) -> Tensor:
        """Write the gradients for a batch of each net, and return the losses, of shape (K,).

        To be called where autograd is off, after `draw`.
        """

    def write(self, k: int, values: Sequence[Tensor], targets: Sequence[Tensor]) -> None:
        """Copy net k's part of stacked tensors, such as `weights`, to those of a net."""

    def stack(self, values: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Stack tensors of K nets, shaped as their parameters, the way the weights are."""


class ClosedFormPopulation:
    """MLPs, by batched matrix products.

    Weights lie so that batched products are fast: as (K, n_inputs, n_outputs), or as in
    `torch.nn.Linear` where outputs are few and fewer than inputs. The other way round products take
    up to four times as long.

    Rows that all nets share are multiplied by the weights of each net without being copied. One
    product with the weights of all nets side by side would save 3 per cent of the first layer.

    Parameters
    ----------
    trainings : sequence of PausedTraining
        Of initialised nets of one architecture, each with a closed form.
    """

    name = "closed form"

    def __init__(self, trainings: Sequence[PausedTraining]) -> None:
        net = trainings[0].net
        own = self.stack([training.parameters for training in trainings])
        self.all_weights, self.weights = packed(own)
        self.all_gradients, self.gradients = packed([torch.zeros_like(w) for w in self.weights])
        self.loss_of = (
            log_loss if isinstance(net.criterion_, nn.CrossEntropyLoss) else squared_error
        )
        stacked = zip(self.weights, self.gradients, strict=True)
        self.layers: list[Any] = []
        scale, layers = split_scale(computing_layers(net.module_))
        scale_of = None if scale is None else partial(FoldedScale, scale.columns, *next(stacked))
        for layer in layers:
            if isinstance(layer, nn.Linear):
                kind = HalfLinear if net.precision == "bf16" else _Linear
                is_narrow = _is_narrow(layer.weight)
                weights, biases = next(stacked), next(stacked)
                self.layers.append(kind(*weights, *biases, is_narrow, scale_of))
                scale_of = None
            elif isinstance(layer, nn.Dropout):
                generators = [training.generator for training in trainings]
                self.layers.append(_Dropout(layer.p, generators, biases[0]))
            else:
                self.layers.append(Nonlinearity(layer))

    def draw(self, n_rows: int, sizes: Sequence[int]) -> None:
        """Draw the masks of dropout, as in `Population`."""
        for layer in self.layers:
            if isinstance(layer, _Dropout):
                layer.draw(n_rows, sizes)

    def backward(self, batch: Batch) -> Tensor:
        """Write the gradients, and return the losses, as in `Population`."""
        x, y, row_weight = batch
        x = x.flatten(2).expand(len(row_weight), -1, -1)
        for layer in self.layers:
            x = layer.forward(x)
        losses, g = self.loss_of(x, y, row_weight)
        for layer in self.layers[:0:-1]:
            g = layer.backward(g)
        # Nobody asks for the gradient with respect to the rows.
        self.layers[0].write_weight_gradients(g)
        return losses

    def write(self, k: int, values: Sequence[Tensor], targets: Sequence[Tensor]) -> None:
        """Copy the part of one net, as in `Population`."""
        for value, target in zip(values, targets, strict=True):
            is_turned = target.ndim == 2 and not _is_narrow(target)
            target.data.copy_(value[k].T if is_turned else value[k])

    def stack(self, values: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Stack the tensors of K nets, as in `Population`."""
        stacked = [torch.stack([v.detach() for v in same]) for same in zip(*values, strict=True)]
        return [s.mT.contiguous() if s.ndim == 3 and not _is_narrow(s[0]) else s for s in stacked]


def _is_narrow(weight: Tensor) -> bool:
    """Say whether a weight of `torch.nn.Linear` has few outputs, and fewer than inputs."""
    n_outputs, n_inputs = weight.shape
    return n_outputs < n_inputs and n_outputs <= FEW_CLASSES


class _Linear:
    """The linear layers of K nets."""

    def __init__(
        self,
        weight: Tensor,
        weight_grad: Tensor,
        bias: Tensor,
        bias_grad: Tensor,
        is_narrow: bool,
        scale_of: Callable[..., FoldedScale] | None = None,
    ) -> None:
        self.is_narrow = is_narrow
        self.folded = None
        if scale_of is not None:
            self.folded = scale_of(weight, features=-1 if is_narrow else -2)
            weight = self.folded.scaled
        # Of shape (K, n_inputs, n_outputs), and the other way round.
        self.weight, self.transposed = (weight.mT, weight) if is_narrow else (weight, weight.mT)
        self.bias = bias[:, :, None] if is_narrow else bias[:, None]
        self.weight_grad, self.bias_grad = weight_grad, bias_grad
        # Gradients by a single output are no sums.
        self.product = torch.mul if weight.shape[1] == 1 and is_narrow else torch.bmm
        self.outputs, self.input_grads = buffers_like(weight), buffers_like(weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for rows of shape (K, n_samples, n_inputs), until the next call."""
        self.x = x
        if self.folded is not None:
            self.folded.fold()
        outputs = self.outputs[x.shape[1]]
        if self.is_narrow:
            # The rows are the last axis: the longer of the two, and the loss wants it there.
            return torch.baddbmm(self.bias, self.transposed, x.mT, out=outputs).mT
        return torch.baddbmm(self.bias, x, self.weight, out=outputs)

    def backward(self, g: Tensor) -> Tensor:
        """Return the gradient with respect to the inputs, valid until the next call."""
        self.write_weight_gradients(g)
        return self.product(g, self.transposed, out=self.input_grads[g.shape[1]])

    def write_weight_gradients(self, g: Tensor) -> None:
        """Write the gradients of the weights, from that of the outputs."""
        if self.is_narrow:
            torch.bmm(g.mT, self.x, out=self.weight_grad)
        else:
            torch.bmm(self.x.mT, g, out=self.weight_grad)
        torch.sum(g, 1, out=self.bias_grad)
        if self.folded is not None:
            self.folded.write_gradients(self.weight_grad)


class _Dropout:
    """Dropout whose masks each net draws as it would alone.

    Parameters
    ----------
    p : float
    generators : sequence of torch.Generator
        Of each net.
    bias : Tensor of shape (K, n_units)
        Of the layer before, whose units are dropped.
    """

    def __init__(self, p: float, generators: Sequence[torch.Generator], bias: Tensor) -> None:
        self.p, self.generators, self.bias = p, generators, bias
        self.masks = buffers_like(bias)

    def draw(self, n_rows: int, sizes: Sequence[int]) -> None:
        """Draw the masks of a batch; rows that fill up a batch draw nothing."""
        K, n_units = self.bias.shape
        masks = self.masks[n_rows].resize_(K, n_rows, n_units).zero_()
        for mask, size, generator in zip(masks, sizes, self.generators, strict=True):
            mask[:size].bernoulli_(1 - self.p, generator=generator)
        # Where p is 1 the mask is all 0, and any finite number will do.
        masks.mul_(0.0 if self.p == 1 else 1 / (1 - self.p))

    def forward(self, x: Tensor) -> Tensor:
        """Drop units of the rows of each net."""
        self.mask = self.masks[x.shape[1]]
        return x * self.mask

    def backward(self, g: Tensor) -> Tensor:
        """Return the gradient with respect to the inputs, from that of the outputs."""
        return g * self.mask


class FunctionalPopulation:
    """Nets of any module that `torch.func` can vectorise, by autograd.

    Parameters
    ----------
    trainings : sequence of PausedTraining
        Of initialised nets of one architecture, without buffers and dropout.
    """

    name = "torch.func"

    def __init__(self, trainings: Sequence[PausedTraining]) -> None:
        self.module = module = deepcopy(trainings[0].module)
        self.names = [name for name, _ in module.named_parameters()]
        own = self.stack([training.parameters for training in trainings])
        self.all_weights, self.weights = packed(own)
        self.all_gradients, self.gradients = packed([torch.zeros_like(w) for w in self.weights])
        criterion = deepcopy(unwrap_compiled(trainings[0].net.criterion_))

        def loss(weights: dict[str, Tensor], x: Tensor, y: Tensor, row_weight: Tensor) -> Tensor:
            """Compute the loss of a batch for one net."""
            output = functional_call(module, weights, (x,))
            return (row_losses(criterion, output, y) * row_weight).sum()

        module.train()
        self.compute = vmap(grad_and_value(loss))

    def draw(self, n_rows: int, sizes: Sequence[int]) -> None:
        """Draw nothing: a module that draws is in no such population."""

    def backward(self, batch: Batch) -> Tensor:
        """Write the gradients, and return the losses, as in `Population`."""
        weights = dict(zip(self.names, self.weights, strict=True))
        x, y, row_weight = batch
        K = len(row_weight)
        x, y = x.expand(K, *x.shape[1:]), y.expand(K, *y.shape[1:])
        gradients, losses = self.compute(weights, x, y, row_weight)
        for own, name in zip(self.gradients, self.names, strict=True):
            own.copy_(gradients[name])
        return losses.detach()

    def write(self, k: int, values: Sequence[Tensor], targets: Sequence[Tensor]) -> None:
        """Copy the part of one net, as in `Population`."""
        for value, target in zip(values, targets, strict=True):
            target.data.copy_(value[k])

    def stack(self, values: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Stack the tensors of K nets, as in `Population`."""
        return [torch.stack([v.detach() for v in same]) for same in zip(*values, strict=True)]


def packed(tensors: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Copy tensors into one vector; return it and its parts in their shapes."""
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    pieces = flat.split([tensor.numel() for tensor in tensors])
    return flat, [p.view_as(t) for p, t in zip(pieces, tensors, strict=True)]
