"""The batches of K nets, each from rows and in an order of its own, as stacked tensors."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from skensemble.data import BLOCK_VALUES, Rows, draw_order, n_values_per_row
from skensemble.lockstep._paused_training import PausedTraining
from skensemble.lockstep._populations import Batch


class StackedBatches:
    """Batches of several nets, step by step; rows that several of them train on are held once.

    Nets whose batches are smaller than others' get rows of weight 0, so that losses and gradients
    are exactly those of their own rows.

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
        n_rows = [len(training.data.y) for training in trainings]
        # Nets of one seed, as those of a search are, draw the same orders.
        self.draws = [_Draw.of(training) for training in trainings]
        self.generators = {draw: torch.Generator().manual_seed(draw.seed) for draw in self.draws}
        for training in trainings:
            # Alone, a net makes one iterator to train with and one to count its batches.
            training.net.order_seed_ += 2
        self._join(trainings)
        self.sizes = torch.tensor([training.batch_sizes for training in trainings])
        self.widths = self.sizes.amax(0).tolist()
        width = max(self.widths)
        # Where each place of each batch finds its row in the order of the epoch.
        places = torch.arange(width).expand(*self.sizes.shape, width)
        begins = self.sizes.cumsum(1) - self.sizes
        is_row = places < self.sizes[..., None]
        # The orders of all nets stand one after another.
        starts = torch.tensor([0, *n_rows[:-1]]).cumsum(0)[:, None, None]
        self.places = torch.where(is_row, places + begins[..., None], 0) + starts
        per_step = len(trainings) * width * max(1, n_values_per_row(self.X))
        self.per_block = max(1, BLOCK_VALUES // per_step)
        # Shares of equal rows in the loss of their batch.
        self.shares = is_row.to(self.weight).div_(self.sizes[..., None].to(self.weight))
        self.shares = self.shares.transpose(0, 1)
        # Without weights of rows they are the same in each epoch.
        self.row_weights = [*self.shares]

    def _join(self, trainings: Sequence[PausedTraining]) -> None:
        """Put the rows of all nets below each other, and note where those of each begin."""
        dtype = trainings[0].parameters[0].dtype
        begins: dict[bytes, int] = {}
        parts: list[Rows] = []
        own = []
        for training in trainings:
            if training.data_digest not in begins:
                begins[training.data_digest] = sum(len(part) for part in parts)
                X, y, weight = training.data.coded
                parts.append(Rows(X, y, weight, dtype=dtype, device=training.device))
            own.append(begins[training.data_digest])
        self.is_weighted = any(part.sample_weight is not None for part in parts)
        weights = [
            part.inputs.new_ones(len(part)) if part.sample_weight is None else part.sample_weight
            for part in parts
        ]
        self.begins = torch.tensor(own)[:, None, None]
        self.X = torch.cat([part.inputs for part in parts])
        if trainings[0].net.precision == "bf16":
            # As products take them, once for the whole training.
            self.X = self.X.bfloat16()
        self.y = torch.cat([part.targets for part in parts])
        self.weight = torch.cat(weights)

    def epochs(self, n_epochs: int) -> Iterator[Batch]:
        """Yield the batches of some epochs, in the orders that the nets would draw alone."""
        n_batches = self.places.shape[1]
        per_draw = max(1, self.per_block // n_batches)
        for done in range(0, n_epochs, per_draw):
            n_drawn = min(per_draw, n_epochs - done)
            index = torch.cat([self._draw() for _ in range(n_drawn)]).to(self.X.device)
            for start in range(0, len(index), self.per_block):
                chosen = index[start : start + self.per_block]
                row_weights = self._row_weights(chosen, start)
                parts = _take(self.X, chosen), _take(self.y, chosen), row_weights
                for t, batch in enumerate(zip(*parts, strict=True), start=start):
                    # Cut the padding when every net's batch is shorter than the widest one.
                    width = self.widths[t % n_batches]
                    is_full = width == self.places.shape[-1]
                    yield batch if is_full else tuple(part[:, :width] for part in batch)

    def _draw(self) -> Tensor:
        """Draw the rows of an epoch, of shape (n_batches, K, width)."""
        drawn = {draw: draw.order(generator) for draw, generator in self.generators.items()}
        orders = torch.cat([drawn[draw] for draw in self.draws])
        return (orders[self.places] + self.begins).transpose(0, 1)

    def _row_weights(self, chosen: Tensor, start: int) -> Sequence[Tensor]:
        """Return the weights of the rows of a block, whose first batch is the one at `start`."""
        n_batches = len(self.row_weights)
        steps = [t % n_batches for t in range(start, start + len(chosen))]
        if not self.is_weighted:
            return [self.row_weights[t] for t in steps]
        return _take(self.weight, chosen) * self.shares[steps]


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
