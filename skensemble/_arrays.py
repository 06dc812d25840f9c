"""Rules that several layers have for arrays, each in one place."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skensemble._checks import reject
from skensemble._typing import FloatArray

TOLERANCE = 1e-3
"""By how much the rounding of half precision may move a sum of probabilities."""


def are_probabilities(proba: NDArray[Any], least: float = 0.0) -> bool:
    """Say whether rows are probabilities, up to the rounding of half precision.

    Parameters
    ----------
    proba : ndarray of shape (..., n_classes)
    least : float, default=0
        The least that one may be: what users compute themselves may be a little below 0.

    Examples
    --------
    >>> are_probabilities(np.array([[0.25, 0.75]])), are_probabilities(np.array([[0.25, 0.7]]))
    (True, False)
    """
    if not (proba >= least).all():
        # So are comparisons with nan.
        return False
    sums = proba.sum(axis=-1, dtype=np.float64)
    return bool((abs(sums - 1) <= TOLERANCE).all())


def are_weights(numbers: FloatArray) -> bool:
    """Say whether numbers are weights of rows or members: finite, >= 0, and not all 0."""
    return bool(np.isfinite(numbers).all() and (numbers >= 0).all() and numbers.any())


def shares_of(weights: Any, n_members: int) -> NDArray[np.float64]:
    """Return weights of members that sum to 1.

    Parameters
    ----------
    weights : array-like of shape (n_members,) or None
        None is equal ones.
    n_members : int

    Returns
    -------
    shares : ndarray of shape (n_members,)

    Raises
    ------
    InvalidParameterError
        If `weights` are no weights, one for each member.

    Examples
    --------
    >>> shares_of([3, 1], 2)
    array([0.75, 0.25])
    """
    if weights is None:
        return np.full(n_members, 1 / n_members)
    rule = f"{n_members} finite numbers >= 0, one for each member, and not all 0"
    try:
        numbers = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise reject("weights", rule, weights) from None
    if numbers.shape != (n_members,) or not are_weights(numbers):
        raise reject("weights", rule, weights)
    whole: np.float64 = numbers.sum()
    return numbers / whole


def member_arrays(name: str, member: Any) -> dict[str, NDArray[Any]]:
    """Return the arrays of a member, which may have come as lists or tensors on the CPU.

    Parameters
    ----------
    name : str
        Argument that the member is, for the message.
    member : mapping of str to array-like

    Returns
    -------
    arrays : dict of str to ndarray
        Not copied where they are arrays.

    Raises
    ------
    InvalidParameterError
        If the member is no dict, or holds what is no array of numbers.
    """
    if not isinstance(member, Mapping):
        raise reject(name, "a dict of arrays by name", member)
    arrays = {}
    for key, value in member.items():
        try:
            arrays[key] = np.asarray(value)
        except (TypeError, ValueError, RuntimeError):
            # Lists of many lengths; tensors on another device, or with gradients.
            arrays[key] = np.array(None)
        if arrays[key].dtype.kind not in "fciub":
            raise reject(f"{name}[{key!r}]", "an array of numbers, on the CPU", value)
    return arrays
