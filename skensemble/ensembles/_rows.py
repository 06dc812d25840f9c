"""The rows of a fit: checked, held out, learnt from."""

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier
from skorch import NeuralNet

from skensemble._checks import InvalidParameterError, reject
from skensemble.data import (
    are_pixels,
    check_labelled_rows,
    check_weights,
    check_whole_rows,
    drop_zero_weight_rows,
    holds_whole_numbers,
)
from skensemble.ensembles._held_out import HeldOut, split_rows
from skensemble.ensembles._net import dtype_to_check, is_binary, keeps_pixels
from skensemble.ensembles._validation_rows import naming_validation_rows
from skensemble.nets import Net, float_dtype, rows_dtype
from skensemble.training import Data

Validation = tuple[Any, Any, Any]
"""Validation rows, their labels or targets, and their weights, as `fit` takes them."""


class LearnsRows:
    """Mixin: what an ensemble makes of the rows that `fit` gets."""

    _keeps_pixels_ = False
    """Whether images of bytes stay bytes."""

    def _learn_data(
        self,
        net: NeuralNet,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: Validation,
        *,
        seed: int,
        classes: Any = None,
        is_first: bool = True,
    ) -> tuple[Data, HeldOut | None]:
        """Check the rows, and learn from those to train on; a further fit has learnt already.

        The seed decides on the rows that are held out. All the classes that there will be may be
        known beforehand.
        """
        if sample_weight is not None and not isinstance(net, Net):
            rule = f"None for a {type(net).__name__} (take {self._default_net.__name__})"
            raise reject("sample_weight", rule, sample_weight)
        dtype = dtype_to_check(net, X) if is_first else self._rows_dtype_
        self._keeps_pixels_ = keeps_pixels(net)
        classify = is_classifier(self)
        X, y = self._check_labelled_rows(X, y, dtype, reset=is_first)
        sample_weight = check_weights(sample_weight, X)
        n_given = X.shape[0]
        index = np.arange(n_given) if sample_weight is None else np.flatnonzero(sample_weight)
        X, y, sample_weight = drop_zero_weight_rows(X, y, sample_weight)
        held_out = None
        if self.validation_fraction is not None:
            rows, fraction = (X, y, sample_weight, index), self.validation_fraction
            rows, held_out = split_rows(rows, fraction, classify=classify, seed=seed)
            X, y, sample_weight, index = rows
        if not is_first:
            codes = self._encode_targets(y, "y of a further fit")
        elif classes is None:
            codes = self._learn_targets(net, y, sample_weight)
        else:
            self._learn_targets(net, np.asarray(classes), None)
            codes = self._encode_targets(y, "y")
        own = np.ones(len(codes)) if sample_weight is None else sample_weight
        sample_weight = self._weigh(net, codes, sample_weight)
        if sample_weight is not None and not sample_weight.all():
            keep = sample_weight > 0
            X, y, codes, own = X[keep], y[keep], codes[keep], own[keep]
            sample_weight, index = sample_weight[keep], index[keep]
        codes = codes.astype(float_dtype(net)) if _is_float(codes, net) else codes
        data = Data(X, codes, sample_weight, given=y, coding=self._coding(), own_weight=own)
        if len(index) < n_given:
            data = data._replace(index=index, n_given=n_given)
        if held_out is None:
            return data, self._hold_out(dtype, is_first, *validation)
        return data, self._held_out_rows(*held_out[:3])

    def _check_labelled_rows(
        self, X: Any, y: Any, dtype: Any, *, reset: bool
    ) -> tuple[Any, np.ndarray]:
        """Check rows with their labels or targets, and with `reset` learn the features."""
        classify = is_classifier(self)
        checks = {"dtype": dtype, "reset": reset, "keeps_pixels": self._keeps_pixels_}
        return check_labelled_rows(self, X, y, classify=classify, **checks)

    def _settle(self, net: NeuralNet, data: Data, held_out: HeldOut | None) -> Data:
        """Cast rows and targets to what a net takes that is initialised now; learn what that is."""
        self._rows_dtype_ = rows_dtype(net, data.X)
        if isinstance(net, Net):
            net.rows_dtype_ = self._rows_dtype_
        if held_out is not None:
            held_out.X = _cast(held_out.X, self._rows_dtype_, "X_val")
        y = data.y.astype(float_dtype(net), copy=False) if _is_float(data.y, net) else data.y
        return data._replace(X=_cast(data.X, self._rows_dtype_), y=y)

    def _hold_out(
        self, dtype: Any, is_first: bool, X: Any, y: Any, sample_weight: Any
    ) -> HeldOut | None:
        if (X is None) != (y is None):
            there, missing = ("y_val", "X_val") if X is None else ("X_val", "y_val")
            raise InvalidParameterError(f"{missing} must be given with {there}, got None.")
        if X is None:
            if sample_weight is not None:
                raise reject("sample_weight_val", "None without X_val", sample_weight)
            self._check_without_rows()
            return None
        with naming_validation_rows():
            if is_first and dtype is np.int64 and not holds_whole_numbers(X):
                # Whether the net takes whole numbers is to be seen yet.
                dtype = np.float64
            X, y = self._check_labelled_rows(X, y, dtype, reset=False)
            sample_weight = check_weights(sample_weight, X)
        X, y, sample_weight = drop_zero_weight_rows(X, y, sample_weight)
        return self._held_out_rows(X, y, sample_weight)

    def _held_out_rows(self, X: Any, y: np.ndarray, sample_weight: np.ndarray | None) -> HeldOut:
        y = self._encode_targets(y)
        return HeldOut(X, y, sample_weight, losses=self._row_losses, score=self._score)


def _is_float(codes: np.ndarray, net: NeuralNet) -> bool:
    return codes.dtype.kind == "f" or is_binary(net)


def _cast(X: Any, dtype: Any, name: str = "X") -> Any:
    """Cast rows, which the floats of the net may be too short for."""
    if X.dtype == dtype or are_pixels(X):
        return X
    if dtype is np.int64:
        return check_whole_rows(X, name)
    with np.errstate(over="ignore"):
        cast = X.astype(dtype)
    values = cast.data if issparse(cast) else cast
    if not np.isfinite(values).all():
        raise InvalidParameterError(
            f"X must hold values that the net's {np.dtype(dtype)} can hold, got "
            f"{abs(X).max():.3g}. Scale the inputs (StandardScaler in a Pipeline)."
        )
    return cast
