"""Rows and targets at the border: scikit-learn's checks, with torch tensors let in."""

from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data
from torch import Tensor

from skensemble._checks import InvalidParameterError
from skensemble.data._datasets import is_rows, unwrap_rows
from skensemble.data._explained import check_not_missing, explained
from skensemble.data._images import are_pixels, channels_first

WHOLE_DTYPES = (torch.int8, torch.int16, torch.int32, torch.int64)
"""Types of tensors of whole numbers, bytes left out."""

CHECKS = {"accept_sparse": "csr", "allow_nd": True, "order": "C"}


def check_rows(
    estimator: Any, X: Any, *, dtype: Any, reset: bool = False, keeps_pixels: bool = False
) -> Any:
    """Validate rows of two or more axes.

    Parameters
    ----------
    estimator : BaseEstimator
        Gets `n_features_in_` and `feature_names_in_`, or is held to them.
    X : array-like, Tensor or CSR matrix of shape (n_samples, ...)
        Rows.
    dtype : dtype
        Dtype of the result; rows for `numpy.int64` have to be whole numbers of any dtype.
    reset : bool, default=False
        Whether the estimator learns the features from these rows.
    keeps_pixels : bool, default=False
        Whether images of bytes stay bytes, and are cast batch by batch later, instead of being
        cast to the floats that `dtype` names.

    Returns
    -------
    X : ndarray or CSR matrix
        Images with their channels before height and width.

    Raises
    ------
    InvalidParameterError
        If `X` is a dict or a dataset, or not whole where it has to be.
    """
    X = _one_array(X)
    with config_context(array_api_dispatch=False), explained(X):
        checks = _checks_of(X, dtype, keeps_pixels)
        X = validate_data(estimator, as_numpy(X), reset=reset, **checks)
        return check_whole_rows(X) if dtype is np.int64 else X


def check_labelled_rows(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    dtype: Any,
    classify: bool,
    reset: bool,
    keeps_pixels: bool = False,
) -> tuple[Any, np.ndarray]:
    """Validate rows together with their labels, or with targets of one or more columns.

    Parameters
    ----------
    estimator : BaseEstimator
        As in `check_rows`.
    X : array-like, Tensor or CSR matrix of shape (n_samples, ...)
        Rows.
    y : array-like or Tensor of shape (n_samples,) or, for targets, (n_samples, n_outputs)
        Labels or targets.
    dtype : dtype
        Dtype of the rows, as in `check_rows`.
    classify : bool
        Whether `y` holds labels.
    reset : bool
        Whether the estimator learns the features from these rows.
    keeps_pixels : bool, default=False
        As in `check_rows`.

    Returns
    -------
    X : ndarray or CSR matrix
    y : ndarray
        Labels as given; targets as float64.

    Raises
    ------
    InvalidParameterError
        If `X` is a dict or a dataset, or not whole where it has to be.
    """
    X, y = unwrap_rows(X, y)
    X = _one_array(X)
    with config_context(array_api_dispatch=False), explained(X, y, classify=classify):
        X, y = validate_data(
            estimator,
            as_numpy(X),
            as_numpy(y),
            reset=reset,
            multi_output=not classify,
            y_numeric=not classify,
            **_checks_of(X, dtype, keeps_pixels),
        )
        X = check_whole_rows(X) if dtype is np.int64 else X
        if classify:
            # To look at every value takes as long as all other checks of a small fit; whole
            # numbers, booleans and strings are labels whatever they are.
            if y.dtype.kind not in "biuUS":
                check_classification_targets(y)
            return X, y
        y = np.asarray(y, dtype=np.float64)
        check_not_missing(y)
        return X, y


def check_weights(sample_weight: Any, X: Any) -> np.ndarray | None:
    """Validate the weights of rows; None stays None, negative or all-zero ones are refused.

    Weights are float64 whatever the rows are: float32 ends at 3.4e38, and they may be of any size.
    """
    if sample_weight is None:
        return None
    weight = as_numpy(sample_weight)
    return _check_sample_weight(weight, X, dtype=np.float64, ensure_non_negative=True)


def drop_zero_weight_rows(
    X: Any, y: np.ndarray, sample_weight: np.ndarray | None
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Leave out rows of weight 0: they count for nothing, not even as a class."""
    if sample_weight is None or sample_weight.all():
        return X, y, sample_weight
    keep = sample_weight > 0
    return X[keep], y[keep], sample_weight[keep]


def _one_array(X: Any) -> Any:
    """Return rows that are one array, and refuse those that only a net by itself can take."""
    X, _ = unwrap_rows(X)
    if not is_rows(X):
        name = type(X).__name__
        raise InvalidParameterError(
            f"X must be one array of rows, got a {name}. Pass its rows as an array with y beside "
            "them; NetClassifier and NetRegressor by themselves take dicts and datasets."
        )
    return channels_first(X)


def check_whole_rows(X: Any, name: str = "X") -> Any:
    """Cast rows to whole numbers, and refuse those that would be others then.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, ...)
        Rows of any numbers.
    name : str, default="X"
        What they are called in a message.

    Returns
    -------
    X : ndarray or CSR matrix
        int64; the rows themselves where they are that already.

    Raises
    ------
    InvalidParameterError
        If a value has a fraction or is beyond int64.
    """
    if X.dtype == np.int64:
        return X
    with np.errstate(invalid="ignore"):
        whole = X.astype(np.int64)
    values, cast = (X.data, whole.data) if issparse(X) else (X, whole)
    is_other = values != cast
    # The largest float below is whole; what is beyond int64 may come out as its greatest number.
    is_other |= (values >= 2.0**63) | (values < -(2.0**63))
    if is_other.any():
        raise InvalidParameterError(
            f"{name} must hold whole numbers, as in fit, got {values[is_other][0]}. Fit on floats "
            "(X.astype(float)) for a net that is to take fractions too."
        )
    return whole


def _checks_of(X: Any, dtype: Any, keeps_pixels: bool) -> dict[str, Any]:
    """Return how rows are read: in a dtype that keeps fractions, where there may be some."""
    if dtype is np.int64:
        return CHECKS | {"dtype": dtype if holds_whole_numbers(X) else np.float64}
    if keeps_pixels and are_pixels(X):
        # Images whose channels came last stay where they are in memory; torch knows no array that
        # is read backwards, as the channels of X[..., ::-1] are.
        is_backwards = isinstance(X, np.ndarray) and min(X.strides) < 0
        return CHECKS | {"dtype": np.uint8, "order": "C" if is_backwards else None}
    return CHECKS | {"dtype": dtype}


def holds_whole_numbers(X: Any) -> bool:
    """Say whether rows are whole numbers, as ids and counts are, and neither bytes nor bits.

    Parameters
    ----------
    X : array-like, Tensor or CSR matrix of shape (n_samples, ...)
        Bytes (uint8) are taken for pixels, and a CSR matrix for rows that a net reads as floats.

    Returns
    -------
    whole : bool
    """
    if issparse(X) or not is_rows(X):
        return False
    if isinstance(X, Tensor):
        return X.dtype in WHOLE_DTYPES
    dtypes = getattr(X, "dtypes", None)
    if dtypes is None:
        dtypes = [np.asarray(X).dtype]
    kinds = [dtype for dtype in np.ravel(dtypes) if getattr(dtype, "kind", "O") in "iu"]
    return len(kinds) == np.size(dtypes) and np.dtype("uint8") not in kinds


def as_numpy(X: Any) -> Any:
    """Return a torch tensor from any device as a NumPy array, and other input as it is."""
    return X.detach().cpu().numpy() if isinstance(X, Tensor) else X
