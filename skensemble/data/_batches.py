"""Batches cut from rows in memory by indexing rather than by collating, to train and to answer."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import torch
from scipy.sparse import issparse
from torch import Tensor

from skensemble.augmentation import Augmentation, augmented, draw_augmentations
from skensemble.data._draws import draw_order, draw_stream, stream_beside
from skensemble.data._images import are_pixels
from skensemble.data._memory import Passing
from skensemble.data._rows import shared_tensor, without_subsets
from skensemble.data._sizes import n_values_per_row

BLOCK_VALUES = 2**20
"""Values of the block of shuffled rows that is gathered at once and cut into batches."""

DEVICE_BLOCK_VALUES = 2**24
"""As many on a device, where the calls cost more than the memory."""

FORWARD_VALUES = 2**17
"""Values of a batch in prediction: enough to hide the calls, few enough to stay in cache."""


class RowBatches:
    """Batches of `Rows`, in their order or shuffled anew in each epoch.

    A last batch of a single row joins the batch before it: batch normalisation cannot learn from
    one row.

    Parameters
    ----------
    dataset : Rows, or Subset of Rows
        What skorch hands over: all rows, or those of a train split.
    batch_size : int, default=1
        Rows of a batch.
    shuffle : bool, default=False
        Whether to draw the order.
    generator : torch.Generator or None, default=None
        What the order is drawn from; torch's global generator without it.

    Attributes
    ----------
    encode : callable or None
        Encodes the rows of a batch, as ``encode(X)``.
    drop_from : callable or None
        Drops part of these rows at random then, as ``drop_from(X, generator)``.
    augment : sequence of Augmentation
        Changes of the images of a batch, drawn for an epoch at once.
    """

    encode: Callable[[Tensor], Tensor] | None = None
    drop_from: Callable[[Tensor, torch.Generator], Tensor] | None = None
    augment: Sequence[Augmentation] = ()

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        self.rows, index = without_subsets(dataset)
        self.index = None if index is None else torch.as_tensor(index)
        self.shuffle = shuffle
        self.generator = generator
        self.sizes = batch_sizes(len(dataset), batch_size)
        per_batch = batch_size * max(1, n_values_per_row(self.rows.X))
        at_once = BLOCK_VALUES if self.rows.device.type == "cpu" else DEVICE_BLOCK_VALUES
        self.per_block = max(1, at_once // per_batch)

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[tuple[Tensor, Any]]:
        order = self.draw_order()
        if order is not None and isinstance(self.rows.inputs, Tensor):
            # In one go: to send it block by block would wait for the device each time.
            order = order.to(self.rows.device, non_blocking=True)
        drop = self.drop_from and partial(self.drop_from, generator=draw_stream(self.generator))
        drawn = self._draw_augmentations()
        passing, sizes, start = Passing(), iter(self.sizes), 0
        while block := list(islice(sizes, self.per_block)):
            stop = start + sum(block)
            index = slice(start, stop) if order is None else order[start:stop]
            X, y, weight = self.rows.take(index)
            if drawn is not None:
                X = augmented(X, self.augment, drawn[start:stop])
            if X.dtype != self.rows.dtype:
                X = X.to(self.rows.dtype)
                passing.note(X.nbytes)
            targets: Any = [None] * len(block) if y is None else y.split(block)
            if weight is not None:
                targets = zip(targets, weight.split(block), strict=True)
            for rows, target in zip(X.split(block), targets, strict=True):
                if self.encode is not None:
                    rows = self.encode(rows)
                yield self.make_batch(rows if drop is None else drop(rows), target)
            start = stop

    def draw_order(self) -> Tensor | None:
        """Draw the order of the rows of an epoch.

        Returns
        -------
        order : Tensor of shape (n_samples,) or None
            Indices into `rows`; None takes them all as they stand.
        """
        if not self.shuffle:
            return self.index
        order = draw_order(sum(self.sizes), self.generator)
        return order if self.index is None else self.index[order]

    def _draw_augmentations(self) -> Tensor | None:
        """Draw what is done with the images of an epoch, beside their order, and send it along."""
        if not self.augment:
            return None
        shape, stream = self.rows.X.shape[-2:], stream_beside(self.generator)
        drawn = draw_augmentations(self.augment, sum(self.sizes), tuple(shape), stream)
        return drawn.to(self.rows.device, non_blocking=True)

    def make_batch(self, X: Tensor, y: Any) -> tuple[Tensor, Any]:
        """Make the batch that a net sees of some rows: here the rows as they are.

        Parameters
        ----------
        X : Tensor of shape (n_samples, ...)
            Rows, on the device.
        y : Tensor of shape (n_samples, ...), pair or None
            Targets; with the weights of the rows as a pair.

        Returns
        -------
        X, y : as above
            Of as many rows.
        """
        return X, y


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    """Return the sizes of the batches of an epoch; a last row alone joins the batch before it."""
    sizes, rest = [batch_size] * (n_rows // batch_size), n_rows % batch_size
    if rest == 1 and sizes:
        sizes[-1] += 1
    elif rest:
        sizes.append(rest)
    return sizes


def forward_batches(
    X: Any, batch_size: int, dtype: torch.dtype, device: torch.device | None = None
) -> Iterator[Tensor]:
    """Yield rows in their order, in batches for prediction.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, ...)
        Sparse rows become dense batch by batch; images of bytes are cast on the device.
    batch_size : int
        Least number of rows of a batch.
    dtype : torch.dtype
    device : torch.device, optional
        Where they are wanted; the CPU by default.

    Yields
    ------
    batch : Tensor of shape (n_rows, ...)
        On the CPU, of dense rows on the memory of `X`.
    """
    size = forward_batch_size(n_values_per_row(X), batch_size)
    if issparse(X):
        for start in range(0, X.shape[0], size):
            yield torch.as_tensor(X[start : start + size].toarray(), dtype=dtype, device=device)
        return
    if not are_pixels(X):
        for batch in shared_tensor(X).to(dtype).split(size):
            yield batch.to(device)
        return
    passing = Passing()
    for pixels in shared_tensor(X).split(size):
        batch = pixels.to(device).contiguous().to(dtype)
        passing.note(batch.nbytes)
        yield batch


def forward_batch_size(n_values: int, batch_size: int) -> int:
    """Return the rows of a batch in prediction, where memory allows more than in training."""
    return max(batch_size, min(4096, FORWARD_VALUES // max(1, n_values)))
