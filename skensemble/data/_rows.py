"""Rows in memory, and batches cut from them by indexing rather than by collating."""

import warnings
from collections.abc import Callable, Iterator
from copy import copy
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from skorch.dataset import Dataset
from torch import Tensor
from torch.utils.data import Subset

from skensemble.data._draws import draw_order, draw_stream
from skensemble.data._sizes import n_values_per_row
from skensemble.data._weights import relative_weights

BLOCK_VALUES = 2**20
"""Values of the block of shuffled rows that is gathered at once and cut into batches."""

FORWARD_VALUES = 2**17
"""Values of a batch in prediction: enough to hide the calls, few enough to stay in cache."""


class Rows(Dataset):
    """Rows, targets and weights in memory, dense ones as tensors on the device.

    To skorch and to its callbacks it is a dataset of rows `X` and targets `y` as the user gave
    them; the batches that are cut from it carry `targets`, which a net learns from.

    Parameters
    ----------
    X : ndarray, Tensor or CSR matrix of shape (n_samples, ...)
        Sparse rows stay sparse and become dense batch by batch.
    y : ndarray or Tensor of shape (n_samples, ...), optional
        Labels or targets.
    sample_weight : ndarray of shape (n_samples,), optional
        Weights of the rows, of any size; they are kept divided by their mean. With them a target
        is a pair (y, weight).
    codes : ndarray of shape (n_samples, ...), optional
        Codes of classes, or standardised targets; `y` itself where they are not given.
    dtype : torch.dtype, optional
        Of the rows, and of the weights if it is a float; that of `X` by default.
    device : torch.device, optional
        Where batches are wanted; that of `X` by default.
    """

    def __init__(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        codes: Any = None,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.X, self.y = X, y
        self.inputs = X if issparse(X) else shared_tensor(X).to(device, dtype)
        self.device = torch.device("cpu" if device is None else device)
        self.dtype = torch.float32 if dtype is None else dtype
        if not issparse(X):
            self.device, self.dtype = self.inputs.device, self.inputs.dtype
        self.sample_weight = None
        if sample_weight is not None:
            weight = torch.as_tensor(relative_weights(sample_weight))
            floats = self.dtype if self.dtype.is_floating_point else torch.float32
            self.sample_weight = weight.to(floats).to(self.device)
        self._targets: Tensor | None = None
        if codes is not None:
            self.code(codes)

    @property
    def targets(self) -> Tensor | None:
        """Targets as a net learns them, of shape (n_samples, ...); `y` until it is coded."""
        if self._targets is None and self.y is not None:
            self.code(self.y)
        return self._targets

    @property
    def is_coded(self) -> bool:
        """Whether `targets` has been made already."""
        return self._targets is not None

    def code(self, codes: Any) -> None:
        """Take what batches are to carry as targets, of shape (n_samples, ...)."""
        self._targets = shared_tensor(codes).to(self.device)

    def __len__(self) -> int:
        return self.X.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        """Return one row with its target as given, as a `torch.utils.data.DataLoader` asks."""
        index = range(len(self))[index]
        X, _ = self._rows(slice(index, index + 1))
        y = torch.tensor(0) if self.y is None else self.y[index]
        weight = self.sample_weight
        return X[0], y if weight is None else (y, weight[index])

    def take(self, index: slice | Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return the rows of an index: X, y and the weights, the latter two where there are any."""
        X, index = self._rows(index)
        y = None if self.targets is None else self.targets[index]
        return X, y, None if self.sample_weight is None else self.sample_weight[index]

    def _rows(self, index: slice | Tensor) -> tuple[Tensor, slice | Tensor]:
        """Return the rows of an index, and the index where the other tensors are."""
        if issparse(self.inputs):
            chosen = index if isinstance(index, slice) else index.numpy()
            X = torch.as_tensor(self.inputs[chosen].toarray(), dtype=self.dtype, device=self.device)
        index = index.to(self.device) if isinstance(index, Tensor) else index
        if issparse(self.inputs):
            return X, index
        # A slice is the user's own memory, and a module may work in place.
        rows = self.inputs[index]
        return (rows.clone() if isinstance(index, slice) else rows), index

    def relative_to(self, index: Tensor) -> "Rows":
        """Return the same rows with weights that have a mean of 1 over some of them."""
        rows = copy(self)
        if self.sample_weight is not None:
            weight = self.sample_weight
            rows.sample_weight = weight / weight[index.to(weight.device)].mean()
        return rows


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
    moves_order : bool
        Whether the order of an epoch goes to the device in one go, and not block by block.
    """

    encode: Callable[[Tensor], Tensor] | None = None
    drop_from: Callable[[Tensor, torch.Generator], Tensor] | None = None
    moves_order = False

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
        self.per_block = max(1, BLOCK_VALUES // per_batch)

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[tuple[Tensor, Any]]:
        order = self.draw_order()
        if self.moves_order and order is not None and isinstance(self.rows.inputs, Tensor):
            order = order.to(self.rows.device, non_blocking=True)
        drop = self.drop_from and partial(self.drop_from, generator=draw_stream(self.generator))
        sizes, start = iter(self.sizes), 0
        while block := list(islice(sizes, self.per_block)):
            stop = start + sum(block)
            index = slice(start, stop) if order is None else order[start:stop]
            X, y, weight = self.rows.take(index)
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


def with_own_weights(dataset: Any) -> Any:
    """Let the weights of the rows of a split have a mean of 1; other datasets stay as they are."""
    rows, index = without_subsets(dataset)
    if index is None or not isinstance(rows, Rows):
        return dataset
    return Subset(rows.relative_to(torch.as_tensor(index)), index)


def without_subsets(dataset: Any) -> tuple[Any, np.ndarray | None]:
    """Return what lies beneath the subsets of a dataset, and the indices that they choose of it.

    Returns
    -------
    dataset : torch.utils.data.Dataset
    index : ndarray of shape (n_chosen,) or None
        None where nothing is chosen.
    """
    index = None
    while isinstance(dataset, Subset):
        indices = np.asarray(dataset.indices)
        index = indices if index is None else indices[index]
        dataset = dataset.dataset
    return dataset, index


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    """Return the sizes of the batches of an epoch; a last row alone joins the batch before it."""
    sizes, rest = [batch_size] * (n_rows // batch_size), n_rows % batch_size
    if rest == 1 and sizes:
        sizes[-1] += 1
    elif rest:
        sizes.append(rest)
    return sizes


def shared_tensor(X: Any) -> Tensor:
    """Return a tensor on the memory of an array; rows are only read, so it may be read-only."""
    if getattr(getattr(X, "flags", None), "writeable", True):
        return torch.as_tensor(X)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.as_tensor(X)


def forward_batches(X: Any, batch_size: int, dtype: torch.dtype) -> Iterator[Tensor]:
    """Yield rows in their order, in batches for prediction.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, ...)
        Sparse rows become dense batch by batch.
    batch_size : int
        Least number of rows of a batch.
    dtype : torch.dtype

    Yields
    ------
    batch : Tensor of shape (n_rows, ...)
        On the CPU, of dense rows on the memory of `X`.
    """
    size = forward_batch_size(n_values_per_row(X), batch_size)
    if not issparse(X):
        yield from shared_tensor(X).to(dtype).split(size)
        return
    for start in range(0, X.shape[0], size):
        yield torch.as_tensor(X[start : start + size].toarray(), dtype=dtype)


def forward_batch_size(n_values: int, batch_size: int) -> int:
    """Return the rows of a batch in prediction, where memory allows more than in training."""
    return max(batch_size, min(4096, FORWARD_VALUES // max(1, n_values)))
