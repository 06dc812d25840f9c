"""What the classifier and the regressor net share: scikit-learn's manners over skorch."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.base import is_classifier
from skorch import NeuralNet
from skorch.callbacks import EpochTimer, PrintLog
from skorch.dataset import Dataset
from skorch.utils import to_tensor
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from skensemble._checks import reject
from skensemble.data import (
    RowBatches,
    Rows,
    check_labelled_rows,
    check_rows,
    check_weights,
    drop_zero_weight_rows,
    forward_batch_size,
    n_values_per_row,
)
from skensemble.device import PRECISIONS, Precision, numpy_dtype
from skensemble.modules import unwrap_compiled
from skensemble.nets._epoch import LeanEpochs
from skensemble.nets._faults import NamedFaults
from skensemble.nets._loss import weighted_loss
from skensemble.nets._names import NetNames
from skensemble.nets._parameters import check_net_parameters
from skensemble.nets._part_arguments import PartArguments
from skensemble.nets._real_device import RealDevice
from skensemble.nets.gradients import obstacle_to_closed_form
from skensemble.seeding import draw_seed, initialize_seeded, streams_of, training_seeded


class Net(NetNames, NamedFaults, LeanEpochs, PartArguments, RealDevice, NeuralNet):
    """Base of `NetClassifier` and `NetRegressor`.

    A subclass turns what users call `y` into what torch learns from, in `_learn_targets` and
    `_encode_targets`.
    """

    order_seed_: int | None = None
    _sample_weight_: np.ndarray | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> "Net":
        """Train the net from fresh weights.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows; or a dict of arrays, whose sizes are not filled in.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels of any kind, or targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss.
        **fit_params : dict
            As in `skorch.NeuralNet.fit`.

        Returns
        -------
        self : Net
        """
        X, y, sample_weight = self._check_data(X, y, sample_weight, first=True)
        fresh = not (self.warm_start and self.initialized_)
        return self._train(X, y, sample_weight, fresh, _routing_method="fit", **fit_params)

    def partial_fit(
        self, X: Any, y: Any, *, classes: Any = None, sample_weight: Any = None, **fit_params: Any
    ) -> "Net":
        """Train on from the weights that are there, or from fresh ones at the first call.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or targets.
        classes : array-like of shape (n_classes,), default=None
            All the classes there will be, for a first call of a classifier whose rows do not
            show them all.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss.
        **fit_params : dict
            As in `skorch.NeuralNet.partial_fit`.

        Returns
        -------
        self : Net
        """
        first = not self.initialized_
        X, y, sample_weight = self._check_data(X, y, sample_weight, first=first, classes=classes)
        return self._train(X, y, sample_weight, first, **fit_params)

    def fit_loop(
        self, X: Any, y: Any = None, epochs: Any = None, *, sample_weight: Any = None, **kwargs: Any
    ) -> "Net":
        """Run the epochs, as in `skorch.NeuralNet.fit_loop`, with encoded targets."""
        self._sample_weight_ = sample_weight
        try:
            with self._on_real_device():
                return super().fit_loop(X, y, epochs, **kwargs)
        finally:
            self._sample_weight_ = None

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the module's output after the criterion's non-linearity.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        output : ndarray of shape (n_samples, n_outputs)
        """
        self.check_is_fitted()
        return super().predict_proba(self._check_rows(X))

    def initialize(self) -> "Net":
        """Check the net's own arguments and build its parts, as in `skorch.NeuralNet`."""
        check_net_parameters(self)
        self.find_device()
        return super().initialize()

    def get_dataset(self, X: Any, y: Any = None) -> Any:
        """Hold rows as tensors on the device; leave dicts and datasets to skorch."""
        plain = self.dataset is Dataset and not self.get_params_for("dataset")
        if not plain or not _is_rows(X):
            if y is not None and self._sample_weight_ is not None:
                rule = "None for rows that are no array"
                raise reject("sample_weight", rule, self._sample_weight_)
            return super().get_dataset(X, y)
        weights = None if y is None else self._sample_weight_
        dtype = self._precision().weights
        return Rows(X, y, weights, dtype=dtype, device=self.device_)

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Cut rows into batches; with `order_seed_` their order comes from the net's generator."""
        prefix = "iterator_train" if training else "iterator_valid"
        kwargs = self.get_params_for(prefix)
        batches = getattr(self, prefix)
        if not (inspect.isclass(batches) and issubclass(batches, RowBatches)):
            return super().get_iterator(dataset, training=training)
        batch_size = kwargs.pop("batch_size", self.batch_size)
        batch_size = len(dataset) if batch_size == -1 else batch_size
        rows = dataset.dataset if isinstance(dataset, Subset) else dataset
        if not isinstance(rows, Rows):
            return DataLoader(dataset, batch_size, **kwargs)
        if not training:
            batch_size = forward_batch_size(n_values_per_row(rows.X), batch_size)
        elif self.order_seed_ is not None:
            kwargs.setdefault("generator", torch.Generator().manual_seed(self.order_seed_))
            self.order_seed_ += 1
        return batches(dataset, batch_size, **kwargs)

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module on a batch, under autocast where the precision asks for it."""
        x = self._on_device(x)
        if isinstance(x, Mapping):
            args, fit_params = (), self._merge_x_and_fit_params(x, fit_params)
        else:
            args = (x,)
        autocast = self._precision().autocast
        if autocast is None:
            return self.module_(*args, **fit_params)
        with torch.autocast(self.device_.type, dtype=autocast):
            return self.module_(*args, **fit_params).float()

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Mean loss of a batch; with weights, the weighted mean ``sum(w * loss) / sum(w)``."""
        y_true = self._on_device(y_true)
        if isinstance(unwrap_compiled(self.criterion_), nn.NLLLoss):
            # As in skorch, such a module gives probabilities.
            y_pred = torch.log(y_pred + torch.finfo(y_pred.dtype).eps)
        if isinstance(y_true, tuple | list):
            return weighted_loss(self.criterion_, y_pred, *y_true)
        return self.criterion_(y_pred, y_true)

    def _obstacle_to_closed_form(self) -> str | None:
        if not self.fast:
            return f"fast={self.fast!r}"
        if not type(self).__module__.startswith("skensemble.nets."):
            return f"{type(self).__name__} is a subclass, which may change anything"
        if self._precision().autocast is not None:
            return f"precision={self.precision!r} needs autocast"
        return obstacle_to_closed_form(self)

    def _precision(self) -> Precision:
        return PRECISIONS[self.precision]

    def _on_device(self, batch: Any) -> Any:
        if isinstance(batch, Tensor) and batch.device == self.device_:
            return batch
        return to_tensor(batch, device=self.device_)

    def check_data(self, X: Any, y: Any = None) -> None:
        """Do nothing: `fit` has checked the data, and its classes are not to be learnt again."""

    @property
    def _default_callbacks(self) -> list[tuple[str, Any]]:
        callbacks: list[tuple[str, Any]] = [("epoch_timer", EpochTimer())]
        if self.verbose:
            callbacks.append(("print_log", PrintLog()))
        return callbacks

    def _get_param_names(self) -> list[str]:
        # skorch counts a private set of its own among the parameters.
        return [name for name in super()._get_param_names() if not name.startswith("_")]

    def _check_data(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool, classes: Any = None
    ) -> tuple[Any, Any, Any]:
        """Validate rows and encode targets; the first time, learn sizes and codes from them."""
        check_net_parameters(self)
        if y is None:
            raise reject("y", "given", y)
        if _is_rows(X):
            dtype, classify = numpy_dtype(self.precision), is_classifier(self)
            X, y = check_labelled_rows(self, X, y, dtype=dtype, classify=classify, reset=first)
            sample_weight = check_weights(sample_weight, X, dtype=X.dtype)
            X, y, sample_weight = drop_zero_weight_rows(X, y, sample_weight)
        if classes is not None and not is_classifier(self):
            raise reject("classes", "None for a regressor", classes)
        if first:
            self.n_values_per_row_ = n_values_per_row(X) if _is_rows(X) else None
            self._learn_targets(np.asarray(y if classes is None else classes), sample_weight)
        return X, self._encode_targets(y), sample_weight

    def _learn_targets(self, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        """Set `n_outputs_` and what `_encode_targets` needs."""
        raise NotImplementedError

    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        """Turn targets into what torch learns from."""
        raise NotImplementedError

    def _check_rows(self, X: Any) -> Any:
        if not _is_rows(X):
            return X
        return check_rows(self, X, dtype=numpy_dtype(self.precision))

    def _train(self, X: Any, y: Any, sample_weight: Any, fresh: bool, **fit_params: Any) -> "Net":
        if sample_weight is not None:
            fit_params["sample_weight"] = sample_weight
        streams = streams_of(draw_seed(self.random_state))
        device = self.find_device()
        if fresh:
            initialize_seeded(self, streams, device)
        with training_seeded(streams.training, device):
            return super().partial_fit(X, y, **fit_params)


def _is_rows(X: Any) -> bool:
    """Say whether `X` is one array of rows, and no dict or dataset."""
    return not isinstance(X, Mapping | torch.utils.data.Dataset)
