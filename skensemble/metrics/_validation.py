"""What scores ask of their arguments, each rule in one place."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skensemble._arrays import TOLERANCE, are_probabilities, are_weights
from skensemble._checks import reject
from skensemble._typing import FloatArray
from skensemble.data import codes_of, unknown_labels


class LabelledProba(NamedTuple):
    """Rows with a label, probabilities and a weight each, all of them checked."""

    proba: FloatArray
    codes: NDArray[np.intp]
    weights: NDArray[np.float64]


def check_labelled(y_true: Any, y_proba: Any, sample_weight: Any, labels: Any) -> LabelledProba:
    """Return probabilities, the column of each row's label and the weights of rows, or raise."""
    proba = check_proba(y_proba)
    codes = columns_of(y_true, labels, proba)
    return LabelledProba(proba, codes, check_weights(sample_weight, len(proba)))


def check_proba(y_proba: Any) -> FloatArray:
    """Return probabilities with a column for each label, or raise if they are no probabilities."""
    proba = _as_own_floats("y_proba", y_proba)
    if proba.ndim == 1 and proba.size:
        proba = np.stack([1 - proba, proba], axis=1)
    if proba.ndim != 2 or not proba.size:
        raise reject("y_proba", "of shape (n_samples, n_classes) with rows in it", proba.shape)
    return _check_sums("y_proba", proba)


def check_member_proba(member_proba: Any, least: int = 1) -> FloatArray:
    """Return the probabilities of at least so many members, or raise if they are none."""
    proba = _as_own_floats("member_proba", member_proba)
    if proba.ndim != 3 or not proba.size:
        rule = "of shape (n_members, n_samples, n_classes) with rows in it"
        raise reject("member_proba", rule, proba.shape)
    _check_n_members(proba, least)
    return _check_sums("member_proba", proba)


def check_member_outputs(member_proba: Any, least: int) -> FloatArray:
    """Return finite values of any kind, of at least so many members, or raise."""
    outputs = _as_own_floats("member_proba", member_proba)
    if outputs.ndim < 2 or not outputs.size:
        rule = "of shape (n_members, n_samples, ...) with rows in it"
        raise reject("member_proba", rule, outputs.shape)
    if not np.isfinite(outputs).all():
        raise reject("member_proba", "finite numbers", member_proba)
    _check_n_members(outputs, least)
    return outputs


def columns_of(y_true: Any, labels: Any, proba: FloatArray) -> NDArray[np.intp]:
    """Return the column of each row's label."""
    y = np.asarray(y_true)
    if y.shape != proba.shape[:1]:
        raise reject("y_true", f"of shape {proba.shape[:1]}, as y_proba has rows", y.shape)
    try:
        known = np.unique(y if labels is None else np.asarray(labels))
    except TypeError:
        raise reject("y_true", "labels of one kind, none missing", y_true) from None
    if (known != known).any():
        raise reject("y_true" if labels is None else "labels", "without nan", known.tolist())
    if len(known) != proba.shape[1]:
        rule = f"one for each of the {proba.shape[1]} columns of y_proba"
        raise reject("labels", rule if labels is not None else f"given, {rule}", known.tolist())
    unknown = unknown_labels(y, known)
    if len(unknown):
        raise reject("y_true", f"among the labels {known.tolist()}", unknown[0])
    return codes_of(y, known)


def check_weights(
    sample_weight: Any, n_samples: int, name: str = "sample_weight"
) -> NDArray[np.float64]:
    """Return the weights of rows or members, ones for None, or raise if they are no weights."""
    if sample_weight is None:
        return np.ones(n_samples)
    weights = _as_floats(name, sample_weight)
    if weights.shape != (n_samples,):
        raise reject(name, f"of shape ({n_samples},)", weights.shape)
    if not are_weights(weights):
        raise reject(name, "finite, >= 0 and not 0 everywhere", sample_weight)
    return weights


def check_values(
    name: str, values: Any, n_samples: int | None = None, *, may_be_infinite: bool = False
) -> NDArray[np.float64]:
    """Return finite numbers, one for each row (None: of any number of rows), or raise."""
    numbers = _as_floats(name, values)
    if numbers.ndim != 1 or not numbers.size or n_samples not in (None, len(numbers)):
        rows = "(n,) with n >= 1" if n_samples is None else f"({n_samples},), as y_true"
        raise reject(name, f"of shape {rows}", numbers.shape)
    if not (np.isfinite(numbers) | (may_be_infinite & np.isinf(numbers))).all():
        raise reject(name, "without nan" if may_be_infinite else "finite", values)
    return numbers


def _as_floats(name: str, values: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise reject(name, "an array of numbers", values) from None


def _as_own_floats(name: str, values: Any) -> FloatArray:
    """Return floats as they are, which may be the user's own array, and others as float64."""
    is_float = getattr(getattr(values, "dtype", None), "kind", None) == "f"
    return np.asarray(values) if is_float else _as_floats(name, values)


def _check_sums(name: str, proba: FloatArray) -> FloatArray:
    # A mean that a user computes may be rounded below 0.
    if not are_probabilities(proba, -TOLERANCE):
        raise reject(name, "probabilities >= 0 that sum to 1 in each row", proba)
    return proba


def _check_n_members(outputs: FloatArray, least: int) -> None:
    if len(outputs) < least:
        raise reject("member_proba", f"those of at least {least} members", len(outputs))
