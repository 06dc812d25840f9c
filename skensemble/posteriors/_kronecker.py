"""Kronecker factors of the curvature of a loss (Martens and Grosse, 2015)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble._checks import reject
from skensemble.data import RowBatches, Rows
from skensemble.members import run_uncompiled
from skensemble.modules import trained_parameter
from skensemble.training import Data


class Factors(NamedTuple):
    """Kronecker factors of the curvature of a layer's weights.

    Attributes
    ----------
    A : Tensor of shape (n_inputs, n_inputs)
        Second moment of the layer's inputs; with a trained bias, a last input that is always 1.
    G : Tensor of shape (n_outputs, n_outputs)
        Second moment of the gradients at the layer's outputs, for one row.
    """

    A: Tensor
    G: Tensor


def kronecker_factors(
    net: NeuralNet, data: Data, loss: Callable[[Tensor], Tensor]
) -> dict[str, Factors]:
    """Compute the factors of the linear and convolution layers of a net over its training rows.

    Layers must get the rows on the first axis of their inputs; it may be folded with places of the
    rows, those of a row one after another. Another axis of the same length, as in a net that puts
    rows on the second axis, cannot be told from it.

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
        By name of the layer, on the CPU, in float64.

    Raises
    ------
    InvalidParameterError
        If a layer gets inputs whose first axis is no multiple of the number of rows.
    """
    parameter = next(net.module_.parameters())
    is_whole = data.X.dtype.kind == "i"
    dtype = torch.int64 if is_whole else parameter.dtype
    rows = Rows(data.X, None, data.sample_weight, dtype=dtype, device=parameter.device)
    batch_size = net.batch_size if net.batch_size > 0 else len(rows)
    with run_uncompiled(net) as module:
        moments = _SecondMoments(_layers_with_factors(module.eval()))
        with moments.watched():
            for batch, target in RowBatches(rows, batch_size):
                output = net.infer(batch)
                output = output[0] if isinstance(output, tuple) else output
                loss(output).backward()
                moments.add(batch.new_ones(len(batch)) if target is None else target[1])
        module.zero_grad()
    return moments.factors()


class _SecondMoments:
    """Weighted sums of the second moments of inputs and output gradients of some layers."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        self.layers = layers
        self.calls: dict[str, list[tuple[Tensor, Tensor]]] = defaultdict(list)
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
        output.register_hook(lambda g: self.calls[name].append((x, g)))

    def add(self, weight: Tensor) -> None:
        """Add the calls noted for a batch, with the weights of its rows."""
        self.total += weight.sum().item()
        for name, calls in self.calls.items():
            x, g = self._columns(name, calls, len(weight))
            self.sums[name][0] += _second_moment(x, weight)
            self.sums[name][1] += _second_moment(g, weight / g.shape[1])
        self.calls.clear()

    def _columns(self, name: str, calls: list[tuple[Tensor, Tensor]], n_rows: int) -> list[Tensor]:
        """Put the places of all calls of a layer side by side, as if it were called once."""
        layer = self.layers[name]
        for x, _ in calls:
            if x.ndim < layer.weight.ndim or len(x) % n_rows:
                rule = f"a net that gives layer {name!r} the {n_rows} rows of a batch on the first "
                raise reject("estimator", rule + "axis of its input", tuple(x.shape))
        pairs = [_as_columns(layer, x, g, n_rows) for x, g in calls]
        return [torch.cat(columns, dim=1) for columns in zip(*pairs, strict=True)]

    def factors(self) -> dict[str, Factors]:
        """Return the weighted means of the layers that were called."""
        called = {name: sums for name, sums in self.sums.items() if isinstance(sums[0], Tensor)}
        return {
            name: Factors(*((moment / self.total).cpu() for moment in sums))
            for name, sums in called.items()
        }


def _layers_with_factors(module: nn.Module) -> dict[str, nn.Module]:
    """Find the layers whose weights may be moved: each by its name, and each weight once."""
    holders = Counter(weight for m in module.modules() for weight in m._parameters.values())
    return {
        name: layer
        for name, layer in module.named_modules()
        if _has_factors(layer) and holders[layer.weight] == 1
    }


def _has_factors(layer: nn.Module) -> bool:
    """Say whether a layer is a matrix product whose weights are trained."""
    is_product = isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d)
    if not is_product or trained_parameter(layer, "weight") is None:
        return False
    return isinstance(layer, nn.Linear) or (layer.groups == 1 and layer.padding_mode == "zeros")


def _as_columns(layer: nn.Module, x: Tensor, g: Tensor, n_rows: int) -> tuple[Tensor, Tensor]:
    """Write a call of a layer as matrix products: inputs and gradients at each place of each row.

    Returns
    -------
    x : Tensor of shape (n_rows, n_places, n_inputs)
    g : Tensor of shape (n_rows, n_places, n_outputs)
    """
    x, g = _as_double(x), _as_double(g)
    if not isinstance(layer, nn.Linear):
        x, g = _patches(layer, x), g.flatten(2).mT
    if trained_parameter(layer, "bias") is not None:
        x = F.pad(x, (0, 1), value=1.0)
    return x.reshape(n_rows, -1, x.shape[-1]), g.reshape(n_rows, -1, g.shape[-1])


def _as_double(x: Tensor) -> Tensor:
    """Return float64: in float32, columns that depend on each other have no positive definite A."""
    # Metal has no float64.
    return x.cpu().double() if x.device.type == "mps" else x.double()


def _second_moment(columns: Tensor, weight: Tensor) -> Tensor:
    """Weighted sum of outer products over the places of the rows."""
    weighted = columns * weight.to(columns)[:, None, None]
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
