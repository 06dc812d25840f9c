"""The batches of K nets, each from rows and in an order of its own, as stacked tensors."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from skensemble.data import BLOCK_VALUES, DEVICE_BLOCK_VALUES, Rows, draw_order, n_values_per_row
from skensemble.lockstep._paused_training import PausedTraining
from skensemble.lockstep._populations import Batch
from skensemble.lockstep._stacked_columns import StackedColumns
from skensemble.modules import input_layers

ENCODED_VALUES = 2**25
"""Values of rows that are encoded once for a training; more are encoded batch by batch."""


class StackedBatches:
    """Batches of several nets, step by step; rows that several of them train on are held once.

    Nets whose batches are smaller than others' get rows of weight 0, so that losses and gradients
    are exactly those of their own rows. Nets that all see the same batches, whatever weights each
    of them gives to the rows, share them: rows and targets then have a leading axis of 1.

    Parameters
    ----------
    trainings : sequence of PausedTraining
        Of our own nets, initialised, with `order_seed_`; their rows make as many batches.

    Attributes
    ----------
    sizes : Tensor of shape (K, n_batches)
        Rows of each batch of each net.
    """

    def __init__(self, trainings: Sequence[PausedTraining]) -> None:
        self.sizes = torch.tensor([training.batch_sizes for training in trainings])
        # Nets of one seed, as those of a search are, draw the same orders.
        draws = [_Draw.of(training) for training in trainings]
        self.generators = {draw: torch.Generator().manual_seed(draw.seed) for draw in draws}
        # Other rows, other orders or other sizes are other batches.
        seen = {
            (draw, training.rows_digest, tuple(training.batch_sizes))
            for draw, training in zip(draws, trainings, strict=True)
        }
        # S batches are cut in each step: one that all nets share, or one for each.
        n_cut = 1 if len(seen) == 1 else len(trainings)
        self.draws = draws[:n_cut]
        for training in trainings:
            # Alone, a net makes one iterator to train with and one to count its batches.
            training.net.order_seed_ += 2
        self._join(trainings, n_cut)
        encoding, dropout = input_layers(trainings[0].module)
        self.encode = None if encoding is None else encoding.tables.encode
        if encoding is not None and len(self.X) * encoding.tables.n_features <= ENCODED_VALUES:
            self.X, self.encode = encoding.tables.encode_all(self.X), None
        self.columns = None
        if dropout is not None:
            is_ahead = trainings[0].net.cuda_graph is not False or not self.X.is_cpu
            sizes = self.sizes[:n_cut]
            self.columns = StackedColumns(dropout, self.draws, sizes, is_ahead=is_ahead)
        self._place(self.sizes[:n_cut], [len(training.data.y) for training in trainings[:n_cut]])
        per_step = n_cut * max(self.widths) * max(1, n_values_per_row(self.X))
        self.per_block = max(
            1, (BLOCK_VALUES if self.X.is_cpu else DEVICE_BLOCK_VALUES) // per_step
        )

    def _place(self, sizes: Tensor, n_rows: Sequence[int]) -> None:
        """Find where each place of each batch has its row in the orders of an epoch."""
        self.widths = sizes.amax(0).tolist()
        width = max(self.widths)
        places = torch.arange(width).expand(*sizes.shape, width)
        is_row = places < sizes[..., None]
        self.shape, self.places = is_row.shape, None
        if len(sizes) > 1 or (sizes[0, :-1] < width).any():
            begins = sizes.cumsum(1) - sizes
            # The orders of all nets stand one after another.
            starts = torch.tensor([0, *n_rows[:-1]]).cumsum(0)[:, None, None]
            self.places = torch.where(is_row, places + begins[..., None], 0) + starts
        # Shares of equal rows in the loss of their batch; those without weights are the same in
        # each epoch.
        shares = is_row.to(self.weight).div_(sizes[..., None].to(self.weight)).transpose(0, 1)
        self.shares = shares.expand(-1, len(self.sizes), -1)

    def _join(self, trainings: Sequence[PausedTraining], n_cut: int) -> None:
        """Put the rows of all nets below each other, and note where those of each begin."""
        dtype = trainings[0].parameters[0].dtype
        parts: dict[bytes, Rows] = {}
        weighted: dict[bytes, PausedTraining] = {}
        for training in trainings:
            X, y, _ = training.data.coded
            if training.rows_digest not in parts:
                rows = Rows(X, y, dtype=dtype, device=training.device)
                parts[training.rows_digest] = rows
            weighted.setdefault(training.data_digest, training)
        own = [training.rows_digest for training in trainings[:n_cut]]
        self.begins = _begins(parts, own).to(trainings[0].device)
        self.is_weighted = any(own.data.sample_weight is not None for own in weighted.values())
        names = [training.data_digest for training in trainings]
        begins = _begins({k: own.data.y for k, own in weighted.items()}, names)
        self.weight_begins = begins.to(trainings[0].device)
        self.weight = _joined_weights([*weighted.values()], parts)
        self.X = _below_each_other([part.inputs.to(part.dtype) for part in parts.values()])
        is_final = not input_layers(trainings[0].module)
        if trainings[0].net.precision == "bf16" and is_final:
            # As products take them, once for the whole training.
            self.X = self.X.bfloat16()
        self.y = _below_each_other([part.targets for part in parts.values()])

    def epochs(self, n_epochs: int) -> Iterator[Batch]:
        """Yield the batches of some epochs, in the orders that the nets would draw alone."""
        n_batches = self.shape[1]
        per_draw = max(1, self.per_block // n_batches)
        for done in range(0, n_epochs, per_draw):
            n_drawn = min(per_draw, n_epochs - done)
            drawn = [self._draw() for _ in range(n_drawn)]
            index = drawn[0] if n_drawn == 1 else torch.cat(drawn)
            index = index.to(self.X.device, non_blocking=True)
            for start in range(0, len(index), self.per_block):
                chosen = index[start : start + self.per_block]
                row_weights = self._row_weights(chosen, start)
                own = chosen + self.begins
                parts = _take(self.X, own), _take(self.y, own), row_weights
                for t, batch in enumerate(zip(*parts, strict=True), start=start):
                    # Cut the padding when every net's batch is shorter than the widest one.
                    width = self.widths[t % n_batches]
                    is_full = width == self.shape[-1]
                    x, *rest = batch if is_full else (part[:, :width] for part in batch)
                    if self.encode is not None:
                        x = self.encode(x)
                    yield x if self.columns is None else self.columns.drop(x, t), *rest

    def _draw(self) -> Tensor:
        """Draw the rows of an epoch among their own, of shape (n_batches, S, width)."""
        drawn = {draw: draw.order(generator) for draw, generator in self.generators.items()}
        if self.columns is not None:
            self.columns.draw(self.generators)
        if self.places is None:
            # One batch after another, and the last one filled up: nothing has to be looked up.
            order = drawn[self.draws[0]]
            n_places = self.shape.numel()
            order = F.pad(order, (0, n_places - len(order))) if len(order) < n_places else order
            return order.view(self.shape).transpose(0, 1)
        orders = torch.cat([drawn[draw] for draw in self.draws])
        return orders[self.places].transpose(0, 1)

    def _row_weights(self, chosen: Tensor, start: int) -> Sequence[Tensor]:
        """Return the weights of the rows of a block, whose first batch is the one at `start`."""
        n_batches = self.shape[1]
        steps = [t % n_batches for t in range(start, start + len(chosen))]
        if not self.is_weighted:
            return [self.shares[t] for t in steps]
        places = torch.tensor(steps).to(self.shares.device, non_blocking=True)
        return _take(self.weight, chosen + self.weight_begins) * self.shares[places]


def _joined_weights(trainings: Sequence[PausedTraining], parts: dict[bytes, Rows]) -> Tensor:
    """Return the weights of the rows of several trainings in the loss, below each other.

    Each is written to its place when it is made: of many rows no second copy is held.
    """
    n_rows = [len(training.data.y) for training in trainings]
    rows = parts[trainings[0].rows_digest]
    is_float = rows.dtype.is_floating_point
    joined = torch.ones(
        sum(n_rows), dtype=rows.dtype if is_float else torch.float32, device=rows.device
    )
    for own, training in zip(joined.split(n_rows), trainings, strict=True):
        weight = training.data.sample_weight
        if weight is not None:
            rows = parts[training.rows_digest]
            own.copy_(
                Rows(rows.X, None, weight, dtype=rows.dtype, device=rows.device).sample_weight
            )
    return joined


def _begins(parts: dict[bytes, Any], names: Sequence[bytes]) -> Tensor:
    """Return where each named part begins when all stand below each other, of (n_names, 1)."""
    begins, n_before = {}, 0
    for name, part in parts.items():
        begins[name] = n_before
        n_before += len(part)
    return torch.tensor([begins[name] for name in names])[:, None]


def _below_each_other(parts: Sequence[Tensor]) -> Tensor:
    """Join parts; a single one stays where it is, on the memory of the user's rows."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _take(values: Tensor, index: Tensor) -> Tensor:
    """Return ``values[index]``, in a third of the time."""
    return values.index_select(0, index.flatten()).view(*index.shape, *values.shape[1:])


class _Draw(NamedTuple):
    """What the orders of a net follow from."""

    seed: int
    n_rows: int
    is_shuffled: bool

    @classmethod
    def of(cls, training: PausedTraining) -> "_Draw":
        """Return what the orders of a training follow from."""
        is_shuffled = bool(training.net.get_params_for("iterator_train").get("shuffle"))
        return cls(training.net.order_seed_, len(training.data.y), is_shuffled)

    def order(self, generator: torch.Generator) -> Tensor:
        """Draw the order of an epoch."""
        return draw_order(self.n_rows, generator) if self.is_shuffled else torch.arange(self.n_rows)
