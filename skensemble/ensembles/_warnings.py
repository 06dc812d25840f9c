"""Warnings of a fit that works and is still not what its user wants."""

import numpy as np
import torch
from scipy.special import entr
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from skensemble._warn import warn_user
from skensemble.members import Predictor
from skensemble.modules import unwrap_compiled
from skensemble.training import Data, Trace

ALIKE = 1e-3
"""Spread of probabilities, or share of the targets' spread, below which outputs are the same."""

SHORT_CYCLE = 10
"""Steps below which a cycle is too coarse a half cosine to settle."""


def warn_if_short(trace: Trace, n_cycles: int) -> None:
    """Warn about cycles of few steps."""
    shortest = min(np.diff(trace.moments, prepend=0), default=SHORT_CYCLE)
    if shortest < SHORT_CYCLE and not trace.was_interrupted:
        warn_user(
            f"A cycle of {shortest} steps is too short to settle (M={n_cycles} cycles in "
            f"T={trace.n_steps} steps): train for more epochs, or use fewer cycles.",
            ConvergenceWarning,
        )


def warn_if_softmax(module: nn.Module, logits: torch.Tensor) -> None:
    """Warn about a module that gives probabilities to a criterion that wants logits."""
    sums = logits.sum(-1)
    if (logits >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-5):
        warn_user(
            f"{type(module).__name__} seems to end in a softmax: its outputs sum to 1. It has to "
            "return logits, or probabilities blur."
        )


def warn_if_few(trace: Trace, n_averaged: int) -> None:
    """Warn about a mean over fewer weights than were asked for."""
    n_seen = len(trace.moments)
    if n_seen < n_averaged and trace.stopped_by is None:
        warn_user(
            f"n_averaged={n_averaged}, but only {n_seen} of T={trace.n_steps} steps come after "
            "pretraining, and each was averaged: train for more epochs.",
            ConvergenceWarning,
        )


def warn_if_draws_are_wide(losses: np.ndarray, trained_loss: float, remedy: str) -> None:
    """Warn about members drawn so far from the trained weights that they no longer fit the rows.

    Parameters
    ----------
    losses : ndarray of shape (n_samples,)
        Of training rows, for the average of the members.
    trained_loss : float
        Training loss of the net they were drawn around.
    remedy : str
        What to change.
    """
    if losses.mean() > 2 * trained_loss + 0.1:
        warn_user(
            f"The members fit the training rows much worse than the net that they were drawn "
            f"around: a loss of {losses.mean():.3g}, where the net has {trained_loss:.3g}. "
            f"{remedy} on held-out rows.",
            ConvergenceWarning,
        )


def warn_if_constant(
    predictor: Predictor, data: Data, criterion: nn.Module, last_loss: float
) -> None:
    """Warn about a net that died, as nets do on inputs that are not scaled.

    Parameters
    ----------
    predictor : Predictor
        Of the members.
    data : Data
        Training rows.
    criterion : torch.nn.Module
    last_loss : float
        Training loss of the net at its end.
    """
    if last_loss < 0.5 * _least_constant_loss(criterion, data):
        # What is far below is no constant, and need not be tried.
        return
    rows = slice(0, 256)
    output = predictor.outputs(data.X[rows], [len(predictor) - 1])[0]
    unit = 1 if data.y.ndim == 1 else data.y.std(axis=0)
    if np.ptp(data.y[rows], axis=0).any() and (np.ptp(output, axis=0) < ALIKE * unit).all():
        warn_user(
            "The last member gives the same output for all rows: the net has learnt nothing. "
            "Scale the inputs (StandardScaler in a Pipeline), or lower alpha_zero.",
            ConvergenceWarning,
        )


def _least_constant_loss(criterion: nn.Module, data: Data) -> float:
    """Return the least mean loss of outputs that are the same for all rows, 0 if it is not known.

    It is the entropy of the classes, and the variance of the targets for the squared error.
    """
    criterion = unwrap_compiled(criterion)
    if type(criterion) is nn.CrossEntropyLoss and criterion.weight is None:
        weights = np.bincount(data.y, data.sample_weight)
        return float(entr(weights / weights.sum()).sum())
    if type(criterion) is not nn.MSELoss or criterion.reduction != "mean":
        return 0.0
    y = data.y.astype(np.float64)
    mean = np.average(y, axis=0, weights=data.sample_weight)
    return float(np.average(((y - mean) ** 2).mean(axis=1), weights=data.sample_weight))
