"""Columns of a table that are dropped from the rows of stacked batches."""

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from skensemble.data import draw_stream
from skensemble.modules import ColumnDropout

MOST_VALUES = 2**26
"""Columns of rows of an epoch that are drawn at once, a byte each."""


class StackedColumns:
    """Drops columns of the rows of S batches in each step, as each net would alone.

    Parameters
    ----------
    dropout : ColumnDropout
        Of one of the nets, which all have the same.
    draws : sequence of Hashable
        What the orders of each of the S follow from.
    sizes : Tensor of shape (S, n_batches)
        Rows of each batch.
    is_ahead : bool, default=False
        Whether an epoch is drawn at once, where it is not too large: each way to a GPU makes the
        step wait. What is drawn is the same.
    """

    def __init__(
        self,
        dropout: ColumnDropout,
        draws: Sequence[Hashable],
        sizes: Tensor,
        *,
        is_ahead: bool = False,
    ) -> None:
        self.dropout, self.sizes = dropout, sizes.T.tolist()
        # Batches of the same rows have the same columns dropped.
        self.kinds = list(zip(draws, map(tuple, sizes.tolist()), strict=True))
        self.waiting: deque[dict[Any, int]] = deque()
        self.streams: dict[Any, torch.Generator] = {}
        self.width = int(sizes.max())
        n_values = sizes.shape[1] * len(sizes) * self.width * dropout.n_columns
        self.is_ahead = is_ahead and n_values <= MOST_VALUES
        self.ahead: Tensor | None = None

    def draw(self, generators: Mapping[Any, torch.Generator]) -> None:
        """Draw the seeds of an epoch, from generators that have just drawn its orders."""
        self.waiting.append({draw: draw_stream(g).initial_seed() for draw, g in generators.items()})

    def drop(self, x: Tensor, t: int) -> Tensor:
        """Drop columns of the batches of step t from 0, each step once and in order.

        Parameters
        ----------
        x : Tensor of shape (S, n_samples, ...)
            Rows that fill up a batch lose nothing.
        t : int

        Returns
        -------
        x : Tensor of the same shape
        """
        t %= len(self.sizes)
        if not t:
            seeds = self.waiting.popleft()
            self.streams = {
                kind: torch.Generator().manual_seed(seeds[kind[0]]) for kind in self.kinds
            }
            self.ahead = self._draw_epoch(x.device) if self.is_ahead else None
        kept = self._draw(t) if self.ahead is None else self.ahead[t]
        return self.dropout.drop(x.flatten(2), kept[:, : x.shape[1]]).view(x.shape)

    def _draw_epoch(self, device: torch.device) -> Tensor:
        """Draw those of an epoch, of shape (n_batches, S, width, n_columns)."""
        kept = [self._draw(t).bool() for t in range(len(self.sizes))]
        return torch.stack(kept).to(device, non_blocking=True)

    def _draw(self, t: int) -> Tensor:
        """Draw the columns of the batches of step t, of shape (S, width, n_columns)."""
        size_of = dict(zip(self.kinds, self.sizes[t], strict=True))
        drawn = {k: self.dropout.draw(size_of[k], stream) for k, stream in self.streams.items()}
        kept = torch.ones(len(self.kinds), self.width, self.dropout.n_columns)
        for own, kind in zip(kept, self.kinds, strict=True):
            own[: len(drawn[kind])] = drawn[kind]
        return kept
