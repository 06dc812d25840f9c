"""Weights of classes, as factors of the weights of rows."""

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from skensemble._checks import InvalidParameterError, check_real, reject


def check_class_weight(class_weight: Any) -> None:
    """Refuse what can be no weights of classes, before any label is looked at."""
    if class_weight is None or (isinstance(class_weight, str) and class_weight == "balanced"):
        return
    if not isinstance(class_weight, Mapping):
        rule = "a dict of weights by label, 'balanced' or None"
        raise reject("class_weight", rule, class_weight)
    for label, weight in class_weight.items():
        is_number = isinstance(weight, Real) and not isinstance(weight, bool | np.bool_)
        check_real(f"class_weight[{label!r}]", weight if is_number else None, 0)


def with_class_weight(
    class_weight: Any, classes: np.ndarray, codes: np.ndarray, sample_weight: np.ndarray | None
) -> np.ndarray | None:
    """Multiply weights of rows by those of their classes.

    The sum of the weights stays, so that a fit counts as many rows as before.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        By label, 1 for one that is not named. "balanced" gives each class that has rows the same
        weight in sum, `sample_weight` included.
    classes : ndarray of shape (n_classes,)
        Labels, sorted.
    codes : ndarray of shape (n_samples,)
        Indices into `classes`.
    sample_weight : ndarray of shape (n_samples,) or None

    Returns
    -------
    weight : ndarray of shape (n_samples,) or None
        float64; a row of a class of weight 0 has weight 0.

    Raises
    ------
    InvalidParameterError
        If the weights name what is no class, or leave no row.
    """
    check_class_weight(class_weight)
    if class_weight is None or len(class_weight) == 0:
        return sample_weight
    own = np.ones(len(codes)) if sample_weight is None else sample_weight
    # Neither the sums nor the products may leave the range of float64.
    unit = own.max()
    own = own / unit
    if isinstance(class_weight, str):
        totals = np.bincount(codes, own, minlength=len(classes))
        factors = np.divide(1.0, totals, out=np.zeros(len(classes)), where=totals > 0)
    else:
        factors = _factors(class_weight, classes)
    factors = factors / max(factors.max(), np.finfo(np.float64).tiny)
    weight = own * factors[codes]
    if not weight.any():
        raise InvalidParameterError(
            f"class_weight must leave a row of weight above 0, got {class_weight!r}."
        )
    return weight * (own.mean() / weight.mean()) * unit


def _factors(class_weight: Mapping[Any, float], classes: np.ndarray) -> np.ndarray:
    """Return the weight of each class, 1 for those that are not named."""
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    if unknown:
        raise InvalidParameterError(
            f"class_weight must name labels among {labels!r}, got {unknown!r} as well."
        )
    return np.array([class_weight.get(label, 1.0) for label in labels], dtype=np.float64)
