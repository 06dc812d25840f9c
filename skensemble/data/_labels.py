"""Labels as codes: indices into the sorted classes."""

from typing import Any

import numpy as np

from skensemble._checks import InvalidParameterError, reject


def learn_classes(y: np.ndarray, classes: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Find the classes of labels, and each label's code.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    classes : array-like of shape (n_classes,), default=None
        All the classes there will be, in any order, where the labels may not show each of them.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted.
    codes : ndarray of shape (n_samples,)
        int64, indices into `classes`.

    Raises
    ------
    InvalidParameterError
        If there are fewer than two classes, one stands twice, or a label is none of them.
    """
    if classes is not None:
        known = sorted_classes(classes)
        return known, encode(y, known, among="classes")
    known, codes = np.unique(y, return_inverse=True)
    if len(known) < 2:
        raise InvalidParameterError(f"y must hold at least 2 classes, got 1 class: {known[0]!r}.")
    return known, codes.reshape(-1).astype(np.int64)


def sorted_classes(classes: Any) -> np.ndarray:
    """Return the classes that a user has announced, sorted.

    Raises
    ------
    InvalidParameterError
        If they are no list of two or more labels, or one stands twice.
    """
    # A list of labels of several kinds would become one of strings.
    given = classes if isinstance(classes, np.ndarray) else np.array(classes, dtype=object)
    labels = np.asarray(classes)
    kinds = {isinstance(label, str) for label in given.ravel().tolist()}
    if labels.ndim != 1 or len(kinds) > 1 or None in given.tolist():
        raise reject("classes", "a list of labels of one kind", classes)
    known, counts = np.unique(labels, return_counts=True)
    if (counts > 1).any():
        repeated = known[counts > 1].tolist()
        raise InvalidParameterError(f"classes must be distinct, got {repeated!r} more than once.")
    if len(known) < 2:
        raise reject("classes", "at least 2 labels", classes)
    return known


def encode(y: np.ndarray, classes: np.ndarray, name: str = "y", among: str = "") -> np.ndarray:
    """Turn labels into codes of known classes.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    classes : ndarray of shape (n_classes,)
        Sorted.
    name : str, default="y"
        Argument that the labels came in.
    among : str, default=""
        Argument that the classes came in; without it they were seen in `y`.

    Raises
    ------
    InvalidParameterError
        If a label is none of the classes.
    """
    unknown = unknown_labels(y, classes)
    if len(unknown):
        rule, got = "classes seen in y", f"{unknown.tolist()!r} as well"
        rule = f"labels among {among}={classes.tolist()!r}" if among else rule
        raise InvalidParameterError(f"{name} must hold {rule}, got {got}.")
    return codes_of(y, classes)


def codes_of(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the code of each label, all of which are among the sorted classes.

    Returns
    -------
    codes : ndarray of shape (n_samples,)
        int64, indices into `classes`.
    """
    return np.searchsorted(classes, y).astype(np.int64)


def unknown_labels(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the labels that are none of the classes, sorted; a number is no string of digits."""
    if _are_strings(y) != _are_strings(classes):
        return np.unique(y)
    return np.setdiff1d(y, classes)


def _are_strings(labels: np.ndarray) -> bool:
    is_object = labels.dtype.kind == "O" and len(labels)
    return isinstance(labels[0], str) if is_object else labels.dtype.kind in "US"
