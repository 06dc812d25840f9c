"""Probabilities of classes, told from scores of any scale."""

from typing import Any

import numpy as np

from skensemble._arrays import are_probabilities
from skensemble._checks import InvalidParameterError


def told_of_scores(scores: np.ndarray, net: Any) -> str:
    """Say for a message which scores came from which net."""
    return (
        f"scores of {scores.min():.3g} to {scores.max():.3g} from {type(net).__name__} with "
        f"criterion {net.criterion!r}"
    )


def check_probabilities(scores: np.ndarray, net: Any) -> None:
    """Refuse a net that gives scores, of shape (n_samples, n_classes), instead of probabilities.

    Raises
    ------
    InvalidParameterError
    """
    if not are_probabilities(scores):
        rule = "a net that gives probabilities (predict_nonlinearity turns scores into them)"
        raise InvalidParameterError(f"estimator must be {rule}, got {told_of_scores(scores, net)}.")


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
    check_probabilities(proba, net)
    with np.errstate(divide="ignore"):
        return np.log(proba)
