"""Probabilities of classes, told from scores of any scale."""

from typing import Any

import numpy as np

from skensemble._checks import InvalidParameterError


def are_probabilities(scores: np.ndarray) -> bool:
    """Say whether scores, of shape (n_samples, n_classes), are probabilities of the classes."""
    return bool((scores >= 0).all() and np.allclose(scores.sum(axis=1), 1, atol=1e-3))


def log_of_probabilities(proba: np.ndarray, net: Any) -> np.ndarray:
    """Return the logarithm of what a net gives, minus infinity for a probability of 0.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
    net : NeuralNet
        Named in the message.

    Returns
    -------
    log_proba : ndarray of shape (n_samples, n_classes)

    Raises
    ------
    InvalidParameterError
        If the net gives scores instead of probabilities.
    """
    if not are_probabilities(proba):
        rule = "a net that gives probabilities (predict_nonlinearity turns scores into them)"
        raise InvalidParameterError(
            f"estimator must be {rule}, got scores of {proba.min():.3g} to {proba.max():.3g} from "
            f"{type(net).__name__} with criterion {net.criterion!r}."
        )
    with np.errstate(divide="ignore"):
        return np.log(proba)
