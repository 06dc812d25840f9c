"""Members that are MLPs of one structure as one stack: a product for each layer of all of them."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from skensemble.members._lean_copies import is_cheap_to_copy
from skensemble.modules import (
    MLP,
    ColumnDropout,
    ColumnScale,
    TableEncoding,
    index_of,
    input_layers,
)

ACTIVATIONS: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.ReLU: torch.relu_,
    nn.Tanh: torch.tanh_,
    nn.SiLU: torch.ops.aten.silu_,
    nn.GELU: torch.ops.aten.gelu_,
}
"""The activations of `MLP`, written over what they are given."""

BLOCK_ROWS = 512
"""Rows that are computed at once on a CPU."""

BLOCK_VALUES = 2**18
"""Values of the widest layer, for all rows and members that a CPU computes at once: they stay in
cache from one product to the next."""

DEVICE_VALUES = 2**26
"""The same for other devices, where they only have to fit into memory."""

FEW_ROWS = 16
"""Rows below which a product is several times faster if they are its rows, and not its columns."""

MAX_WEIGHTS = 2**16
"""Weights of the largest members that are stacked. Products of larger ones take so long that calls
count for little, and the stack holds each weight a second time. Members that encode their rows are
stacked whatever their size, so that rows are encoded once."""


class StackedMLPs:
    """Members that are MLPs of one structure, with the weights of each layer in one tensor.

    A layer is one product for many members, where each by itself would cost its calls. Units are
    on the axis before that of the rows. Then the first layer of all members is one product with the
    same rows, and a softmax runs over rows that lie side by side.

    Weights are copies of those of the members, which cost as much memory again. Nothing changes
    after `__init__`, so that threads may share a stack.

    Parameters
    ----------
    members : sequence of MLP
        Of one structure, on one device; `stack_of` makes sure of it.
    transform : callable
        Turns the output of a module, of shape (n_samples, n_outputs), into probabilities or values.

    Attributes
    ----------
    members : list of MLP
        The members whose weights these are.
    dtype : torch.dtype
        Of the weights, and of the rows that they take.
    """

    def __init__(self, members: Sequence[MLP], transform: Callable[[Tensor], Tensor]) -> None:
        self.members = list(members)
        self.transform = transform
        self.is_softmax = _is_softmax(transform)
        encoding, _ = input_layers(members[0])
        self.tables = None if encoding is None else encoding.tables
        places = list(zip(*map(_layers, members), strict=True))
        scales = places.pop(0) if type(places[0][0]) is ColumnScale else None
        self.steps = [_Linear(places[0], scales)]
        self.steps += [STEPS[type(layers[0])](layers) for layers in places[1:]]
        weights = [layers[0].weight for layers in places if type(layers[0]) is nn.Linear]
        self.dtype = weights[0].dtype
        self.width = max(len(weight) for weight in weights)

    def outputs(self, batch: Tensor, members: Sequence[int], *, is_encoded: bool = False) -> Tensor:
        """Return what some members predict.

        Parameters
        ----------
        batch : Tensor of shape (n_samples, ...)
            Rows, on the device of the members.
        members : sequence of int
            Indices of members.
        is_encoded : bool, default=False
            Whether the rows are features already that members would encode.

        Returns
        -------
        outputs : Tensor of shape (len(members), n_samples, n_outputs)
        """
        blocks = [
            torch.cat(list(self._pieces(x, members))) for x in self._blocks(batch, is_encoded)
        ]
        return torch.cat(blocks, 2).transpose(1, 2).contiguous()

    def mean(self, batch: Tensor, members: Sequence[int], weights: Sequence[float]) -> Tensor:
        """Return the weighted mean of what some members predict.

        Parameters
        ----------
        batch, members
            As in `outputs`.
        weights : sequence of float
            One for each of `members`.

        Returns
        -------
        mean : Tensor of shape (n_samples, n_outputs)
        """
        blocks = []
        for x in self._blocks(batch):
            mean: Any = None
            start = 0
            for piece in self._pieces(x, members):
                stop = start + len(piece)
                floats = torch.result_type(piece, 1.0)
                own = torch.tensor(weights[start:stop], dtype=floats, device=piece.device)
                part = own @ piece.flatten(1).to(floats)
                mean = part if mean is None else mean.add_(part)
                start = stop
            blocks.append(mean.view(piece.shape[1:]))
        return torch.cat(blocks, 1).transpose(0, 1).contiguous()

    def _blocks(self, batch: Tensor, is_encoded: bool = False) -> Iterator[Tensor]:
        """Yield rows, encoded, in blocks of shape (n_features, n_samples)."""
        size = BLOCK_ROWS if batch.is_cpu else len(batch)
        for block in batch.flatten(1).split(size):
            is_final = is_encoded or self.tables is None
            yield (block if is_final else self.tables.encode(block)).t()

    def _pieces(self, x: Tensor, members: Sequence[int]) -> Iterator[Tensor]:
        """Yield what members give in turn, of shape (n_members, n_outputs, n_samples)."""
        n_values = BLOCK_VALUES if x.is_cpu else DEVICE_VALUES
        size = max(1, n_values // (self.width * x.shape[1]))
        for first, last in runs(members, size):
            units = x
            for step in self.steps:
                units = step(units, slice(first, last))
            yield self._transformed(units)

    def _transformed(self, units: Tensor) -> Tensor:
        if self.is_softmax:
            return torch.softmax(units, 1)
        # Whatever else it is sees the output of one member at a time, as that member gives it.
        rows = units.transpose(1, 2).contiguous()
        outputs = torch.stack([self.transform(output) for output in rows])
        return (outputs[:, :, None] if outputs.ndim == 2 else outputs).transpose(1, 2)


def runs(members: Sequence[int], size: int) -> Iterator[tuple[int, int]]:
    """Cut indices into runs of consecutive ones, whose weights are a view of the stack.

    Parameters
    ----------
    members : sequence of int
    size : int
        Most indices of a run.

    Yields
    ------
    first, last : int
        The first index of a run, and the one after its last.

    Examples
    --------
    >>> list(runs([0, 2, 3, 4, 5], 3))
    [(0, 1), (2, 5), (5, 6)]
    """
    first = last = members[0]
    for k in members:
        if k != last or last - first == size:
            yield first, last
            first = k
        last = k + 1
    yield first, last


class _Linear:
    """A linear layer of all members: one product of the rows, or one for each member's units."""

    def __init__(self, layers: Sequence[Any], scales: Sequence[Any] | None = None) -> None:
        self.weight = torch.stack([layer.weight.detach() for layer in layers])
        if scales is not None:
            # Scales of the columns of the rows are part of the weights that multiply them.
            index = index_of(scales[0].columns, self.weight.device)
            own = torch.stack([layer.scale.detach() for layer in scales])
            self.weight *= own[:, None, index]
        self.bias = torch.stack([layer.bias.detach() for layer in layers])[:, :, None]

    def __call__(self, x: Tensor, members: slice) -> Tensor:
        weight, bias = self.weight[members], self.bias[members]
        if x.ndim == 3:
            return _affine(torch.baddbmm, bias, weight, x)
        joined = _affine(torch.addmm, bias.flatten(0, 1), weight.flatten(0, 1), x)
        return joined.view(*weight.shape[:2], -1)


def _affine(product: Callable[..., Tensor], bias: Tensor, weight: Tensor, x: Tensor) -> Tensor:
    """Return ``bias + weight @ x``, of few rows by way of the transposed product."""
    if x.shape[-1] < FEW_ROWS:
        return product(bias.mT, x.mT, weight.mT).mT
    return product(bias, weight, x)


class _Activation:
    """An activation, which is that of all members."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        self.function = ACTIVATIONS[type(layers[0])]

    def __call__(self, x: Tensor, members: slice) -> Tensor:
        return self.function(x)


IDENTITIES = (nn.Dropout, ColumnDropout)
"""Layers that do nothing in evaluation mode."""

STEPS: dict[type[nn.Module], Any] = {nn.Linear: _Linear, **dict.fromkeys(ACTIVATIONS, _Activation)}
"""What computes each kind of layer; members of any other kind are not stacked."""


def _layers(member: MLP) -> list[nn.Module]:
    """List the layers of an MLP that compute something in evaluation mode."""
    return [layer for layer in member if type(layer) not in (*IDENTITIES, TableEncoding)]


def structure_to_stack(member: Any) -> Hashable:
    """Return what two members have to have in common to be stacked.

    Parameters
    ----------
    member : Module or NeuralNet
        In evaluation mode.

    Returns
    -------
    structure : Hashable
        None for a member that cannot be stacked.
    """
    if type(member) is not MLP or not is_cheap_to_copy(member):
        return None
    layers, encoding = _layers(member), input_layers(member).encoding
    if any(layer.training for layer in member):
        return None
    first = layers[1] if type(layers[0]) is ColumnScale else layers[0]
    if type(first) is not nn.Linear or any(type(layer) is TableEncoding for layer in [*member][1:]):
        return None
    if encoding is None and sum(p.numel() for p in member.parameters()) > MAX_WEIGHTS:
        return None
    kinds = [_kind(layer) for layer in layers]
    return None if None in kinds else (encoding and encoding.tables.digest, *kinds)


def _kind(layer: nn.Module) -> Hashable:
    """Return what a layer is beside its weights; None for one that no step computes as it does."""
    if type(layer) is ColumnScale:
        return layer.columns, layer.scale.dtype
    if type(layer) is nn.Linear and layer.bias is not None:
        weight = layer.weight
        return weight.shape, weight.dtype, weight.device, layer.bias.dtype
    is_exact = getattr(layer, "approximate", "none") == "none"
    return type(layer) if type(layer) in ACTIVATIONS and is_exact else None


def _is_softmax(transform: Any) -> bool:
    """Say whether a transform is skorch's for `torch.nn.CrossEntropyLoss`."""
    return (
        type(transform) is partial
        and transform.func is torch.softmax
        and (transform.args, transform.keywords) == ((), {"dim": -1})
    )
