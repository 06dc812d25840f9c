"""Batches of a net: from rows that are held on the device, or from a loader of torch."""

import inspect
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from skorch.dataset import Dataset
from skorch.utils import to_device
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, Subset

from skensemble import _arguments
from skensemble._checks import reject
from skensemble.augmentation import Augmentation, augmentations_of
from skensemble.data import (
    N_AXES,
    RowBatches,
    Rows,
    channels_first,
    forward_batch_size,
    forward_rows,
    is_rows,
    keywords_of,
    n_values_per_row,
    unwrap_rows,
    without_subsets,
)
from skensemble.modules import input_layers
from skensemble.nets._coded_targets import CodedBatches, CodedTargets

_IS_ANSWERING: ContextVar[bool] = ContextVar("_IS_ANSWERING", default=False)
"""Whether this thread makes batches to be answered; other threads may train the same net."""


class NetBatches(CodedTargets):
    """Mixin for a skorch net: checked rows on their way to batches."""

    order_seed_: int | None = None
    rows_dtype_: Any = None
    """Type that batches are cast to; None before any rows were seen."""

    augment: Any = None

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Hold rows as tensors on the device; leave dicts and datasets to skorch.

        Parameters
        ----------
        X : array-like, Tensor, CSR matrix, dict or dataset
            Rows.
        y : array-like of shape (n_samples, ...), optional
            Labels or targets, as the user gives them.

        Returns
        -------
        dataset : Rows or torch.utils.data.Dataset
        """
        if not self.holds_rows() or not is_rows(X):
            if y is not None and self._sample_weight_ is not None:
                rule = "None for rows that are no array"
                raise reject("sample_weight", rule, self._sample_weight_)
            return super().get_dataset(X, y)
        return self._rows(X, y, None if y is None else self._sample_weight_)

    def holds_rows(self) -> bool:
        """Say whether rows are held as tensors, and not left to a dataset or a loader of torch."""
        if self._has_own_dataset():
            return False
        kinds = (self.iterator_train, self.iterator_valid)
        cuts = any(inspect.isclass(kind) and issubclass(kind, RowBatches) for kind in kinds)
        return cuts or self._sample_weight_ is not None

    def _has_own_dataset(self) -> bool:
        return self.dataset is not Dataset or bool(self.get_params_for("dataset"))

    def _rows(self, X: Any, y: Any, sample_weight: Any = None) -> Rows:
        dtype = torch.int64 if self.rows_dtype_ is np.int64 else self._row_floats()
        codes = None if y is None or self._coding() is None else self._encode_targets(np.asarray(y))
        device = self.device_ if hasattr(self, "device_") else self.find_device()
        return Rows(X, y, sample_weight, codes=codes, dtype=dtype, device=device)

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Cut rows into batches; with `order_seed_` their order comes from the net's generator.

        Parameters
        ----------
        dataset : Rows or torch.utils.data.Dataset
            Of another dataset than our own, targets are encoded batch by batch.
        training : bool, default=False
            Whether the batches are to train on.

        Returns
        -------
        batches : iterable
        """
        prefix = "iterator_train" if training else "iterator_valid"
        kwargs = self.get_params_for(prefix)
        kwargs.setdefault("batch_size", self.batch_size)
        if kwargs["batch_size"] == -1:
            kwargs["batch_size"] = len(dataset)
        batches = getattr(self, prefix)
        if not (inspect.isclass(batches) and issubclass(batches, RowBatches)):
            return self._load(prefix, batches, dataset, kwargs)
        dataset = self._as_rows(dataset)
        rows, _ = without_subsets(dataset)
        if not isinstance(rows, Rows) or kwargs.keys() - keywords_of(batches):
            return self._load(prefix, DataLoader, dataset, kwargs)
        self._check_rows_to_cut(rows, training)
        if not training:
            n_values = n_values_per_row(rows.X)
            least = forward_rows(self.device_, len(dataset), n_values, kwargs["batch_size"])
            kwargs["batch_size"] = forward_batch_size(n_values, least)
        elif self.order_seed_ is not None:
            kwargs.setdefault("generator", torch.Generator().manual_seed(self.order_seed_))
            self.order_seed_ += 1
        iterator = batches(dataset, **kwargs)
        learns = training and not _IS_ANSWERING.get()
        iterator.augment = self._augmentations(rows) if learns else ()
        if training and (layers := input_layers(getattr(self, "module_", None))):
            layers.set_in_batches(True)
            iterator.encode = layers.encoding and layers.encoding.tables.encode
            iterator.drop_from = layers.dropout and layers.dropout.drop_from
        return iterator

    def _augmentations(self, rows: Rows) -> list[Augmentation]:
        """Return how images are changed before a net learns from them; other rows cannot be."""
        augmentations = augmentations_of(self.augment)
        if augmentations and rows.X.ndim != N_AXES:
            rule = "None for rows that are no images (n_samples, n_channels, height, width)"
            raise reject("augment", rule, self.augment)
        return augmentations

    def _load(self, prefix: str, loader: Any, dataset: Any, kwargs: Any) -> Any:
        """Load batches as torch does, with targets that are encoded as they come."""
        if prefix == "iterator_train":
            if self.augment is not None:
                rule = "None for batches that RowBatches has not cut"
                raise reject("augment", rule, self.augment)
            input_layers(getattr(self, "module_", None)).set_in_batches(False)
        kwargs = _without_conflicts(loader, dataset, kwargs)
        try:
            batches = loader(dataset, **kwargs)
        except TypeError as error:
            if loader is not DataLoader or "unexpected keyword" not in str(error):
                raise
            rule = "arguments of RowBatches or of torch's DataLoader"
            names = sorted(f"{prefix}__{name}" for name in kwargs.keys() - keywords_of(DataLoader))
            raise reject(f"{prefix}__...", rule, names) from error
        is_sized = isinstance(batches, DataLoader) and not isinstance(dataset, IterableDataset)
        if is_sized and not len(batches):
            raise reject(prefix, f"one that gives batches of {len(dataset)} rows", kwargs)
        if _IS_ANSWERING.get() or self._is_plain():
            return batches
        return CodedBatches(batches, self._encode_batch)

    def _as_rows(self, dataset: Any) -> Any:
        """Turn skorch's own dataset of an array, as of a predefined split, into rows like ours."""
        inner, index = without_subsets(dataset)
        X, y = unwrap_rows(inner)
        if X is inner or not self.holds_rows():
            return dataset
        y = None if _IS_ANSWERING.get() else y
        X = channels_first(X)
        rows = self._rows(X, y if y is None or isinstance(y, np.ndarray) else np.asarray(y))
        return rows if index is None else Subset(rows, index)

    def _check_rows_to_cut(self, rows: Rows, training: bool) -> None:
        """Encode the targets of rows that a split has put together anew."""
        if rows.y is not None and not rows.is_coded and not self._is_plain():
            rows.code(self._encode_targets(np.asarray(rows.y)))
        if training and self._sample_weight_ is not None and rows.sample_weight is None:
            rule = "None with a train_split that puts rows together anew, without their weights"
            raise reject("sample_weight", rule, self._sample_weight_)

    def forward_iter(
        self, X: Any, training: bool = False, device: Any = "cpu"
    ) -> Iterator[Tensor | tuple[Tensor, ...]]:
        """Yield the module's output of each batch, as in `skorch.NeuralNet.forward_iter`."""
        # Targets are no part of an answer: those of a dataset may be placeholders.
        answering = _IS_ANSWERING.set(True)
        try:
            batches = self.get_iterator(self.get_dataset(X), training=training)
        finally:
            _IS_ANSWERING.reset(answering)
        for batch in batches:
            yield to_device(self.evaluation_step(batch, training=training), device=device)

    def _row_floats(self) -> torch.dtype:
        """Return the floats of the net's weights."""
        return self._precision().weights


def _without_conflicts(loader: Any, dataset: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Leave out defaults of ours that a loader does not have or that the user's own rule out."""
    if not (inspect.isclass(loader) and issubclass(loader, DataLoader)):
        known = _arguments.keywords_of(loader) or {}
        takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
        return kwargs if takes_any or "shuffle" in known else _without(kwargs, "shuffle")
    if kwargs.get("batch_sampler") is not None:
        return _without(kwargs, "shuffle", "batch_size")
    has_order = kwargs.get("sampler") is not None or isinstance(dataset, IterableDataset)
    return _without(kwargs, "shuffle") if has_order else kwargs


def _without(kwargs: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if name not in names}
