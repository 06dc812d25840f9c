"""Kronecker factors of the curvature of a loss (Martens and Grosse, 2015)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch.nn.functional as F
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble.members import uncompiled
from skensemble.nets._rows import RowBatches, Rows
from skensemble.training import Data


class Factors(NamedTuple):
    """Kronecker factors of the curvature of a layer's weights.

    Attributes
    ----------
    A : Tensor of shape (n_inputs, n_inputs)
        Second moment of the layer's inputs; with a bias, a last input that is always 1.
    G : Tensor of shape (n_outputs, n_outputs)
        Second moment of the gradients at the layer's outputs, for one row.
    """

    A: Tensor
    G: Tensor


def kronecker_factors(
    net: NeuralNet, data: Data, loss: Callable[[Tensor], Tensor]
) -> dict[str, Factors]:
    """Compute the factors of the linear and convolution layers of a net over its training rows.

    The expectation over the targets is best one draw a row from the net's own prediction: the
    targets that were trained on would give an overfitted net no curvature.

    Parameters
    ----------
    net : NeuralNet
        Trained; run in evaluation mode.
    data : Data
        Training rows; weights count.
    loss : callable
        ``loss(output)`` gives the loss of the rows of a batch, as a sum.

    Returns
    -------
    factors : dict of str to Factors
        By name of the layer, on the CPU.
    """
    parameter = next(net.module_.parameters())
    rows = Rows(data.X, None, data.sample_weight, dtype=parameter.dtype, device=parameter.device)
    batch_size = net.batch_size if net.batch_size > 0 else len(rows)
    with uncompiled(net) as module:
        layers = {name: m for name, m in module.eval().named_modules() if _has_factors(m)}
        moments = _Moments(layers)
        with moments.watched():
            for batch, target in RowBatches(rows, batch_size):
                output = net.infer(batch)
                output = output[0] if isinstance(output, tuple) else output
                loss(output).backward()
                moments.add(batch.new_ones(len(batch)) if target is None else target[1])
        module.zero_grad()
    return moments.factors()


class _Moments:
    """Weighted sums of the second moments of inputs and output gradients of some layers."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        self.layers = layers
        self.calls: list[tuple[str, Tensor, Tensor]] = []
        self.sums: dict[str, list] = {name: [0.0, 0.0] for name in layers}
        self.total = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note inputs and output gradients of each call of the layers inside the block."""
        handles = [
            layer.register_forward_hook(partial(self._note, name))
            for name, layer in self.layers.items()
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _note(self, name: str, layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        x = inputs[0].detach()
        output.register_hook(lambda g: self.calls.append((name, x, g)))

    def add(self, weight: Tensor) -> None:
        """Add the calls noted for a batch, with the weights of its rows."""
        self.total += weight.sum().item()
        for name, x, g in self.calls:
            x, g = _as_columns(self.layers[name], x, g)
            self.sums[name][0] += _second_moment(x, weight)
            self.sums[name][1] += _second_moment(g, weight / g.shape[1])
        self.calls.clear()

    def factors(self) -> dict[str, Factors]:
        """Give the weighted means of the layers that were called."""
        called = {name: sums for name, sums in self.sums.items() if isinstance(sums[0], Tensor)}
        return {
            name: Factors(*((moment / self.total).cpu() for moment in sums))
            for name, sums in called.items()
        }


def _has_factors(layer: nn.Module) -> bool:
    """Say whether a layer is a matrix product whose weights are trained."""
    if not isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d) or not layer.weight.requires_grad:
        return False
    return isinstance(layer, nn.Linear) or (layer.groups == 1 and layer.padding_mode == "zeros")


def _as_columns(layer: nn.Module, x: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """Write a call of a layer as matrix products: inputs and gradients at each place of each row.

    Returns
    -------
    x : Tensor of shape (n_samples, n_places, n_inputs)
    g : Tensor of shape (n_samples, n_places, n_outputs)
    """
    x, g = x.to(layer.weight.dtype), g.to(layer.weight.dtype)
    if isinstance(layer, nn.Linear):
        x, g = x.reshape(len(x), -1, x.shape[-1]), g.reshape(len(g), -1, g.shape[-1])
    else:
        x, g = _patches(layer, x), g.flatten(2).mT
    if layer.bias is not None:
        x = F.pad(x, (0, 1), value=1.0)
    return x, g


def _second_moment(columns: Tensor, weight: Tensor) -> Tensor:
    """Weighted sum of outer products over the places of the rows."""
    weighted = columns * weight.to(columns.dtype)[:, None, None]
    return weighted.flatten(0, 1).mT @ columns.flatten(0, 1)


def _patches(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    """Cut out the patch that each place of a convolution's output sees."""
    padding = layer._reversed_padding_repeated_twice
    x = F.pad(x, padding)
    if isinstance(layer, nn.Conv1d):
        # A line is an image of one row.
        x = x.unsqueeze(2)
    pairs = [(1,) * (2 - len(v)) + v for v in (layer.kernel_size, layer.dilation, layer.stride)]
    kernel_size, dilation, stride = pairs
    return F.unfold(x, kernel_size, dilation=dilation, stride=stride).mT
