"""Rows in memory, with targets and weights, which batches are cut from."""

import warnings
from copy import copy
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from skorch.dataset import Dataset
from torch import Tensor
from torch.utils.data import Subset

from skensemble.data._images import are_pixels
from skensemble.data._weights import relative_weights


class Rows(Dataset):
    """Rows, targets and weights in memory, dense ones as tensors on the device.

    To skorch and to its callbacks it is a dataset of rows `X` and targets `y` as the user gave
    them; the batches that are cut from it carry `targets`, which a net learns from.

    Parameters
    ----------
    X : ndarray, Tensor or CSR matrix of shape (n_samples, ...)
        Sparse rows stay sparse and become dense batch by batch; images of bytes stay bytes, and
        are cast batch by batch.
    y : ndarray or Tensor of shape (n_samples, ...), optional
        Labels or targets.
    sample_weight : ndarray of shape (n_samples,), optional
        Weights of the rows, of any size; they are kept divided by their mean. With them a target
        is a pair (y, weight).
    codes : ndarray of shape (n_samples, ...), optional
        Codes of classes, or standardised targets; `y` itself where they are not given.
    dtype : torch.dtype, optional
        Of the rows in batches, and of the weights if it is a float; that of `X` by default.
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
        held = None if are_pixels(X) else dtype
        self.inputs = X if issparse(X) else shared_tensor(X).to(device, held)
        self.device = torch.device("cpu" if device is None else device)
        self.dtype = torch.float32 if dtype is None else dtype
        if not issparse(X):
            self.device = self.inputs.device
            self.dtype = self.inputs.dtype if held is dtype else dtype
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
        return X[0].to(self.dtype), y if weight is None else (y, weight[index])

    def take(self, index: slice | Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return the rows of an index: X, y and the weights, the latter two where there are any.

        Images of bytes are bytes still.
        """
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
        # The channels of images may stand last in memory.
        return (rows.clone() if isinstance(index, slice) else rows).contiguous(), index

    def relative_to(self, index: Tensor) -> "Rows":
        """Return the same rows with weights that have a mean of 1 over some of them."""
        rows = copy(self)
        if self.sample_weight is not None:
            weight = self.sample_weight
            rows.sample_weight = weight / weight[index.to(weight.device)].mean()
        return rows


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


def shared_tensor(X: Any) -> Tensor:
    """Return a tensor on the memory of an array; rows are only read, so it may be read-only."""
    if getattr(getattr(X, "flags", None), "writeable", True):
        return torch.as_tensor(X)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.as_tensor(X)
