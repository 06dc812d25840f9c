"""The batches of K nets, each from rows and in an order of its own, as stacked tensors."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor

from skensemble.nets._rows import BLOCK_VALUES, Rows, batch_sizes, draw_order
from skensemble.nets._sizes import n_row_values
from skensemble.training._populations import Batch


def fingerprint(data: Any) -> bytes:
    """Give a digest of rows, targets and weights, equal where they are."""
    digest = hashlib.blake2b(digest_size=16)
    for part in data:
        if part is not None:
            part = np.ascontiguousarray(part)
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(part.data)
    return digest.digest()


def sizes_of(net: NeuralNet, n_rows: int) -> list[int]:
    """Give the sizes of the batches of an epoch of a net."""
    return batch_sizes(n_rows, n_rows if net.batch_size == -1 else net.batch_size)


class StackedBatches:
    """Batches of several nets, step by step; rows that several of them train on are held once.

    Nets whose batches are smaller than others' get rows of share 0, so that losses and gradients
    are exactly those of their own rows.

    Parameters
    ----------
    nets : sequence of NeuralNet
        Our own, initialised, with `order_seed_`.
    datas : sequence of Data
        Training rows of each; they make as many batches.

    Attributes
    ----------
    sizes : Tensor of shape (K, n_batches)
        Rows of each batch of each net.
    """

    def __init__(self, nets: Sequence[NeuralNet], datas: Sequence[Any]) -> None:
        self.n_rows = [len(data.y) for data in datas]
        # Nets of one seed, as those of a search are, draw the same orders.
        self.draws = [self._draw_of(net, n) for net, n in zip(nets, self.n_rows, strict=True)]
        self.generators = {draw: torch.Generator().manual_seed(draw[0]) for draw in self.draws}
        for net in nets:
            # Alone, a net makes one iterator to train with and one to count its batches.
            net.order_seed_ += 2
        self._join(nets[0], datas)
        sizes = [sizes_of(net, n) for net, n in zip(nets, self.n_rows, strict=True)]
        self.sizes = torch.tensor(sizes)
        self.widths = self.sizes.amax(0).tolist()
        width = max(self.widths)
        # Where each place of each batch finds its row in the order of the epoch.
        places = torch.arange(width).expand(*self.sizes.shape, width)
        begins = self.sizes.cumsum(1) - self.sizes
        self.is_row = places < self.sizes[..., None]
        # The orders of all nets stand one behind the other.
        starts = torch.tensor([0, *self.n_rows[:-1]]).cumsum(0)[:, None, None]
        self.places = torch.where(self.is_row, places + begins[..., None], 0) + starts
        per_step = len(nets) * width * max(1, n_row_values(self.X))
        self.per_block = max(1, BLOCK_VALUES // per_step)
        self.is_row = self.is_row.transpose(0, 1).to(self.X)
        self.shares = self.is_row / self.is_row.sum(-1, keepdim=True)

    def _join(self, net: NeuralNet, datas: Sequence[Any]) -> None:
        """Put the rows of all nets below each other, and note where those of each begin."""
        parameter = next(net.module_.parameters())
        kind = {"dtype": parameter.dtype, "device": parameter.device}
        begins: dict[bytes, int] = {}
        parts: list[Rows] = []
        own = []
        for data in datas:
            key = fingerprint(data)
            if key not in begins:
                begins[key] = sum(len(part) for part in parts)
                parts.append(Rows(data.X, data.y, data.sample_weight, **kind))
            own.append(begins[key])
        self.is_weighted = any(part.sample_weight is not None for part in parts)
        weights = [
            part.X.new_ones(len(part)) if part.sample_weight is None else part.sample_weight
            for part in parts
        ]
        self.begins = torch.tensor(own)[:, None, None]
        self.X = torch.cat([part.X for part in parts])
        self.y = torch.cat([part.y for part in parts])
        self.weight = torch.cat(weights)

    def epochs(self, n_epochs: int) -> Iterator[Batch]:
        """Give the batches of some epochs, in the orders that the nets would draw alone."""
        n_batches = self.places.shape[1]
        per_draw = max(1, self.per_block // n_batches)
        for done in range(0, n_epochs, per_draw):
            n_drawn = min(per_draw, n_epochs - done)
            index = torch.cat([self._draw() for _ in range(n_drawn)]).to(self.X.device)
            for start in range(0, len(index), self.per_block):
                chosen = index[start : start + self.per_block]
                parts = self.X[chosen], self.y[chosen], self._shares(chosen, start)
                for t, batch in enumerate(zip(*parts, strict=True), start=start):
                    # Where all nets have fewer rows, nothing is left of those that fill up.
                    width = self.widths[t % n_batches]
                    yield tuple(part[:, :width] for part in batch)

    def _draw(self) -> Tensor:
        """Draw the rows of an epoch, of shape (n_batches, K, width)."""
        drawn = {draw: _order(*draw[1:], self.generators[draw]) for draw in self.generators}
        orders = torch.cat([drawn[draw] for draw in self.draws])
        return (orders[self.places] + self.begins).transpose(0, 1)

    def _shares(self, chosen: Tensor, start: int) -> Tensor:
        """Give the shares of the rows of a block, whose first batch is that of a place."""
        steps = (start + torch.arange(len(chosen), device=chosen.device)) % len(self.is_row)
        if not self.is_weighted:
            return self.shares[steps]
        share = self.weight[chosen] * self.is_row[steps]
        return share / share.sum(-1, keepdim=True)

    @staticmethod
    def _draw_of(net: NeuralNet, n_rows: int) -> tuple[int, int, bool]:
        """Give what the orders of a net follow from."""
        is_shuffled = bool(net.get_params_for("iterator_train").get("shuffle"))
        return net.order_seed_, n_rows, is_shuffled


def _order(n_rows: int, is_shuffled: bool, generator: torch.Generator) -> Tensor:
    return draw_order(n_rows, generator) if is_shuffled else torch.arange(n_rows)
