"""What a net trains on and answers, at the border: rows, targets and weights, checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from skorch.helper import SliceDataset
from torch import Tensor
from torch.utils.data import DataLoader

from skensemble._checks import InvalidParameterError, reject
from skensemble._warn import warn_user
from skensemble.data import (
    RowBatches,
    are_pixels,
    as_numpy,
    as_targets,
    asks_for_statistics,
    channels_first,
    check_labelled_rows,
    check_rows,
    check_weights,
    drop_zero_weight_rows,
    image_sizes,
    is_rows,
    missing_sizes,
    n_values_per_row,
    targets_of,
    unwrap_rows,
)
from skensemble.nets._net_batches import NetBatches
from skensemble.nets._parameters import check_net_parameters
from skensemble.nets._rows_dtype import float_dtype, may_take_whole_numbers, rows_dtype


class NetData(NetBatches):
    """Mixin for a skorch net: rows and targets, checked and learnt from."""

    _scales_bytes_ = False
    """Whether the module was built with statistics of images of bytes."""

    def _check_data(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool, classes: Any = None
    ) -> tuple[Any, Any, Any]:
        """Validate rows and targets; the first time, learn sizes and the coding from them."""
        self.check_training_readiness()
        check_net_parameters(self, least_epochs=0)
        if self.holds_rows():
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
            self.n_values_per_row_, self.image_sizes_ = None, {}
            self.n_values_per_row_ = n_values_per_row(X) if is_rows(X) else self._n_values_of(X)
            self.image_sizes_ = image_sizes(self.module, self.get_params_for("module"), X)
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
        checks = {
            "dtype": dtype if self.rows_dtype_ is None else self.rows_dtype_,
            "reset": first,
            "keeps_pixels": self.holds_rows(),
        }
        if y is None:
            return check_rows(self, X, **checks), None, sample_weight
        X, y = check_labelled_rows(self, X, y, classify=is_classifier(self), **checks)
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

    def _warn_of_bytes(self, X: Any) -> None:
        """Warn of images of bytes for a module that was built without their statistics."""
        if self._scales_bytes_ or not are_pixels(X) or not asks_for_statistics(self.module):
            return
        warn_user(
            f"{type(self.module_).__name__} was built before images of bytes came, and does not "
            "normalise them: fit the net afresh, or set module__channel_mean and "
            "module__channel_std."
        )

    def _check_classes(self, classes: Any) -> None:
        """Refuse other classes than those that were learnt."""

    def _weigh(self, codes: Any, sample_weight: Any) -> Any:
        """Return the weights of the rows in the loss, from encoded targets and the user's own."""
        return sample_weight

    def _check_rows(self, X: Any) -> Any:
        """Validate rows to be answered, and cast them as in `fit`."""
        if self.holds_rows():
            X, _ = unwrap_rows(X)
        # Callbacks hand over rows that were checked when the training began.
        if not is_rows(X) or (self._is_training_ and isinstance(X, np.ndarray | Tensor)):
            return channels_first(X)
        dtype = float_dtype(self) if self.rows_dtype_ is None else self.rows_dtype_
        return check_rows(self, X, dtype=dtype, keeps_pixels=self.holds_rows())
