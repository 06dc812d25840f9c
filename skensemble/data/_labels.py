"""Labels as codes: indices into the sorted classes."""

import numpy as np

from skensemble._checks import InvalidParameterError


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
    unknown = unknown_labels(y, classes)
    if len(unknown):
        got = f"{unknown.tolist()!r} as well"
        raise InvalidParameterError(f"{name} must hold classes seen in y, got {got}.")
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
    """Return the labels that are none of the classes, sorted."""
    return np.setdiff1d(y, classes)
