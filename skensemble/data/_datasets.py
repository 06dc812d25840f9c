"""What users hand over in place of an array of rows: dicts, datasets and slices of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from skorch.dataset import Dataset
from skorch.helper import SliceDataset
from torch import Tensor
from torch.utils.data import IterableDataset, TensorDataset

from skensemble.data._rows import without_subsets


def is_rows(X: Any) -> bool:
    """Say whether `X` is one array of rows, and no dict, dataset or slice of a dataset."""
    # Some of SciPy's sparse matrices are dicts.
    return issparse(X) or not isinstance(X, Mapping | torch.utils.data.Dataset | SliceDataset)


def unwrap_rows(X: Any, y: Any = None) -> tuple[Any, Any]:
    """Take rows and targets out of skorch's own dataset of an array; leave all else as it is.

    Parameters
    ----------
    X : object
        Rows in any form.
    y : array-like of shape (n_samples, ...), optional
        Targets beside them; those of the dataset go before, as they do in skorch's training.

    Returns
    -------
    X, y : object
    """
    if type(X) is not Dataset or not (isinstance(X.X, np.ndarray | Tensor) or issparse(X.X)):
        return X, y
    return X.X, y if X.y is None else X.y


def targets_of(dataset: Any) -> np.ndarray | None:
    """Find the targets that a dataset holds, where it can be asked for them.

    They are looked up as `y` or `targets`, as skorch's and torchvision's datasets hold them, or as
    the second tensor of torch's; otherwise the dataset is read once, row by row.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Or a subset of one.

    Returns
    -------
    y : ndarray of shape (n_samples, ...) or None
        None for a dataset that only iterates, or whose targets are no array.
    """
    if not isinstance(dataset, torch.utils.data.Dataset):
        return None
    owner, index = without_subsets(dataset)
    y = getattr(owner, "y", getattr(owner, "targets", None))
    if y is None and isinstance(owner, TensorDataset) and len(owner.tensors) == 2:
        y = owner.tensors[1]
    if y is None:
        # Placeholders of skorch's dataset are no targets.
        is_blind = isinstance(owner, IterableDataset | Dataset) or not hasattr(owner, "__len__")
        y = None if is_blind else [_target(owner[i]) for i in range(len(owner))]
    y = as_targets(y)
    return y if y is None or index is None else y[index]


def _target(item: Any) -> Any:
    return item[1] if isinstance(item, tuple | list) and len(item) == 2 else None


def as_targets(y: Any) -> np.ndarray | None:
    """Return targets as an array, or None if they are several arrays, or none.

    Parameters
    ----------
    y : array-like, Tensor or SliceDataset of shape (n_samples,) or (n_samples, n_outputs)

    Returns
    -------
    y : ndarray of that shape, or None
    """
    if isinstance(y, SliceDataset):
        y = np.asarray(y)
    if isinstance(y, Tensor):
        y = y.detach().cpu().numpy()
    elif hasattr(y, "to_numpy"):
        y = y.to_numpy()
    elif isinstance(y, list) and y and isinstance(y[0], Tensor):
        y = [value.detach().cpu().numpy() for value in y]
    if not isinstance(y, np.ndarray | list) or not len(y):
        return None
    try:
        y = np.asarray(y)
    except ValueError:
        # Targets of several lengths.
        return None
    is_known = y.dtype.kind != "O" or all(isinstance(value, str) for value in y.flat)
    return y if y.ndim in (1, 2) and is_known else None
