"""What a net trains on and answers: rows checked, held in memory and cut into batches."""

import inspect
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from sklearn.base import is_classifier
from skorch.dataset import Dataset
from skorch.helper import SliceDataset
from skorch.utils import to_device
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, Subset

from skensemble import _arguments
from skensemble._checks import InvalidParameterError, reject
from skensemble.data import (
    RowBatches,
    Rows,
    as_numpy,
    as_targets,
    check_labelled_rows,
    check_rows,
    check_weights,
    drop_zero_weight_rows,
    forward_batch_size,
    is_rows,
    keywords_of,
    missing_sizes,
    n_values_per_row,
    targets_of,
    unwrap_rows,
    without_subsets,
)
from skensemble.modules import input_layers
from skensemble.nets._coded_targets import CodedBatches, CodedTargets
from skensemble.nets._parameters import check_net_parameters
from skensemble.nets._rows_dtype import float_dtype, may_take_whole_numbers, rows_dtype

_IS_ANSWERING: ContextVar[bool] = ContextVar("_IS_ANSWERING", default=False)
"""Whether this thread makes batches to be answered; other threads may train the same net."""


class NetData(CodedTargets):
    """Mixin for a skorch net: rows and targets on their way to batches."""

    order_seed_: int | None = None
    rows_dtype_: Any = None
    """Type that rows are cast to; None before any were seen."""

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
        if not self._holds_rows() or not is_rows(X):
            if y is not None and self._sample_weight_ is not None:
                rule = "None for rows that are no array"
                raise reject("sample_weight", rule, self._sample_weight_)
            return super().get_dataset(X, y)
        return self._rows(X, y, None if y is None else self._sample_weight_)

    def _holds_rows(self) -> bool:
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
            kwargs["batch_size"] = forward_batch_size(n_values, kwargs["batch_size"])
        elif self.order_seed_ is not None:
            kwargs.setdefault("generator", torch.Generator().manual_seed(self.order_seed_))
            self.order_seed_ += 1
        iterator = batches(dataset, **kwargs)
        iterator.moves_order = training and self.cuda_graph is not False
        if training and (layers := input_layers(getattr(self, "module_", None))):
            layers.set_in_batches(True)
            iterator.encode = layers.encoding and layers.encoding.tables.encode
            iterator.drop_from = layers.dropout and layers.dropout.drop_from
        return iterator

    def _load(self, prefix: str, loader: Any, dataset: Any, kwargs: Any) -> Any:
        """Load batches as torch does, with targets that are encoded as they come."""
        if prefix == "iterator_train":
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
        if X is inner or not self._holds_rows():
            return dataset
        y = None if _IS_ANSWERING.get() else y
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

    def _check_data(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool, classes: Any = None
    ) -> tuple[Any, Any, Any]:
        """Validate rows and targets; the first time, learn sizes and the coding from them."""
        self.check_training_readiness()
        check_net_parameters(self, least_epochs=0)
        if self._holds_rows():
            X, y = unwrap_rows(X, y)
        learnt_from = targets_of(X) if y is None else as_targets(y)
        if is_rows(X):
            if y is None and not self._makes_targets():
                name = type(self).__name__
                raise InvalidParameterError(
                    f"y must be given, got None: {name} requires y to be passed, but the target y "
                    "is None."
                )
            X, y, sample_weight = self._check_arrays(X, y, sample_weight, first)
            learnt_from = y
        if classes is not None and not is_classifier(self):
            raise reject("classes", "None for a regressor", classes)
        if first:
            self.n_values_per_row_ = None
            self.n_values_per_row_ = n_values_per_row(X) if is_rows(X) else self._n_values_of(X)
            if learnt_from is None and classes is None:
                self._forget_targets()
            else:
                known = np.asarray(classes) if learnt_from is None else learnt_from
                self._learn_targets(known, sample_weight, classes)
        else:
            self._check_classes(classes)
        if y is not None and learnt_from is not None and (not first or classes is not None):
            # Labels that are none of the classes are refused before the training.
            self._encode_targets(as_targets(y))
        if getattr(self, "class_weight", None) is None:
            return X, y, sample_weight
        if not is_rows(X) or y is None:
            raise reject("class_weight", "None for rows that are no array", self.class_weight)
        weight = self._weigh(self._encode_targets(as_targets(y)), sample_weight)
        return drop_zero_weight_rows(X, y, weight)

    def _n_values_of(self, X: Any) -> int | None:
        """Find the values of a row of a dataset, where the module asks for its sizes."""
        given = self.get_params_for("module")
        if isinstance(X, Mapping) or not hasattr(X, "__getitem__"):
            return None
        if not missing_sizes(self.module, given, n_features=0, n_outputs=0):
            return None
        row = X[0] if isinstance(X, SliceDataset) else X[0][0]
        return int(np.size(as_numpy(row)))

    def _makes_targets(self) -> bool:
        """Say whether an iterator or a dataset of the user's own may bring the targets along."""
        return self._has_own_dataset() or self.iterator_train not in (RowBatches, DataLoader)

    def _check_arrays(
        self, X: Any, y: Any, sample_weight: Any, first: bool
    ) -> tuple[Any, Any, Any]:
        dtype = float_dtype(self)
        if first:
            self.rows_dtype_ = np.int64 if may_take_whole_numbers(self, X) else dtype
        cast = dtype if self.rows_dtype_ is None else self.rows_dtype_
        if y is None:
            return check_rows(self, X, dtype=cast, reset=first), None, sample_weight
        classify = is_classifier(self)
        X, y = check_labelled_rows(self, X, y, dtype=cast, classify=classify, reset=first)
        sample_weight = check_weights(sample_weight, X)
        return drop_zero_weight_rows(X, y, sample_weight)

    def _settle_rows(self, X: Any) -> Any:
        """Find out whether the net, which is initialised now, takes rows as whole numbers."""
        if not is_rows(X) or self.rows_dtype_ is not np.int64:
            return X
        self.rows_dtype_ = rows_dtype(self, X)
        return X.astype(self.rows_dtype_, copy=False)

    def _learn_targets(
        self, y: np.ndarray, sample_weight: np.ndarray | None, classes: Any = None
    ) -> None:
        """Set `n_outputs_` and what `_encode_targets` needs."""
        raise NotImplementedError

    def _check_classes(self, classes: Any) -> None:
        """Refuse other classes than those that were learnt."""

    def _weigh(self, codes: Any, sample_weight: Any) -> Any:
        """Return the weights of the rows in the loss, from encoded targets and the user's own."""
        return sample_weight

    def _check_rows(self, X: Any) -> Any:
        """Validate rows to be answered, and cast them as in `fit`."""
        if self._holds_rows():
            X, _ = unwrap_rows(X)
        # Callbacks hand over rows that were checked when the training began.
        if not is_rows(X) or (self._is_training_ and isinstance(X, np.ndarray | Tensor)):
            return X
        dtype = float_dtype(self) if self.rows_dtype_ is None else self.rows_dtype_
        return check_rows(self, X, dtype=dtype)

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
