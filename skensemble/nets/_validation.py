"""Rows and targets at the border: scikit-learn's checks, with torch tensors let in."""

from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data
from torch import Tensor

from skensemble._checks import InvalidParameterError, check_int, check_real, reject
from skensemble.nets._device import PRECISIONS, resolve_device

CHECKS = {"accept_sparse": "csr", "allow_nd": True, "order": "C"}


def check_rows(estimator: Any, X: Any, *, dtype: Any, reset: bool = False) -> Any:
    """Validate rows of two or more axes.

    Parameters
    ----------
    estimator : BaseEstimator
        Gets `n_features_in_` and `feature_names_in_`, or is held to them.
    X : array-like, Tensor or CSR matrix of shape (n_samples, ...)
        Rows.
    dtype : dtype
        Dtype of the result.
    reset : bool, default=False
        Whether the estimator learns the features from these rows.

    Returns
    -------
    X : ndarray or CSR matrix
    """
    with config_context(array_api_dispatch=False):
        return validate_data(estimator, as_numpy(X), dtype=dtype, reset=reset, **CHECKS)


def check_labelled_rows(
    estimator: Any, X: Any, y: Any, *, dtype: Any, classify: bool, reset: bool
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
        Dtype of the rows.
    classify : bool
        Whether `y` holds labels.
    reset : bool
        Whether the estimator learns the features from these rows.

    Returns
    -------
    X : ndarray or CSR matrix
    y : ndarray
        Labels as given; targets as float64.
    """
    with config_context(array_api_dispatch=False):
        X, y = validate_data(
            estimator,
            as_numpy(X),
            as_numpy(y),
            dtype=dtype,
            reset=reset,
            multi_output=not classify,
            y_numeric=not classify,
            **CHECKS,
        )
        if classify:
            check_classification_targets(y)
            return X, y
        return X, np.asarray(y, dtype=np.float64)


def check_weights(sample_weight: Any, X: Any, *, dtype: Any) -> np.ndarray | None:
    """Validate the weights of rows; None stays None, negative or all-zero ones are refused."""
    if sample_weight is None:
        return None
    return _check_sample_weight(as_numpy(sample_weight), X, dtype=dtype, ensure_non_negative=True)


def drop_weightless(
    X: Any, y: np.ndarray, sample_weight: np.ndarray | None
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Leave out rows of weight 0: they count for nothing, not even as a class."""
    if sample_weight is None or sample_weight.all():
        return X, y, sample_weight
    keep = sample_weight > 0
    return X[keep], y[keep], sample_weight[keep]


def learn_classes(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the classes of labels, and each label's code.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted.
    codes : ndarray of shape (n_samples,)
        int64, indices into `classes`.

    Raises
    ------
    InvalidParameterError
        If there are fewer than two classes.
    """
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise InvalidParameterError(f"y must hold at least 2 classes, got 1 class: {classes[0]!r}.")
    return classes, codes.astype(np.int64)


def encode(y: np.ndarray, classes: np.ndarray, name: str = "y") -> np.ndarray:
    """Turn labels into codes of known classes.

    Raises
    ------
    InvalidParameterError
        If a label is none of the classes.
    """
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        got = f"{unknown.tolist()!r} as well"
        raise InvalidParameterError(f"{name} must hold classes seen in y, got {got}.")
    return np.searchsorted(classes, y).astype(np.int64)


def check_net_parameters(net: Any) -> None:
    """Refuse bad arguments of a net, before any data is looked at; stock nets have but some."""
    resolve_device(net.device)
    check_int("max_epochs", net.max_epochs, 1)
    if net.batch_size != -1:
        check_int("batch_size", net.batch_size, 1)
    if not callable(net.optimizer):
        raise reject("optimizer", "a class such as torch.optim.Adam", net.optimizer)
    if net.train_split is not None and not callable(net.train_split):
        raise reject("train_split", "None or a split such as skorch's ValidSplit", net.train_split)
    if not isinstance(getattr(net, "fast", True), bool | np.bool_):
        raise reject("fast", "True or False", net.fast)
    if getattr(net, "precision", "float32") not in PRECISIONS:
        raise reject("precision", f"one of {list(PRECISIONS)}", net.precision)
    if getattr(net, "max_grad_norm", None) is not None:
        check_real("max_grad_norm", net.max_grad_norm, 0, low_open=True)


def as_numpy(X: Any) -> Any:
    """Bring a torch tensor to NumPy, from any device; leave other input alone."""
    return X.detach().cpu().numpy() if isinstance(X, Tensor) else X
