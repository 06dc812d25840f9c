"""Warnings of a fit that works and is still not what its user wants."""

import inspect
from typing import Any

import numpy as np
import torch
from scipy.special import entr
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNet
from skorch.callbacks import LRScheduler
from torch import nn

from skensemble._arguments import default_of
from skensemble._checks import short_repr
from skensemble._warn import warn_user
from skensemble.averaging import average
from skensemble.members import Predictor
from skensemble.modules import unwrap_compiled
from skensemble.training import Data, Trace

UNUSED_METHODS = {
    "fit": "an ensemble trains by fit_loop",
    "partial_fit": "an ensemble trains by fit_loop",
    "predict": "an ensemble averages what predict_proba gives",
}
"""Methods of a net that an ensemble does not call, and what it does instead."""

ALIKE = 1e-3
"""Spread of probabilities, or share of the targets' spread, below which outputs are the same."""

ADAMS = (torch.optim.Adam, torch.optim.AdamW, torch.optim.NAdam, torch.optim.RAdam)
"""Optimizers whose steps have the size of the rate."""

MOST_OF_ADAM = 0.03
"""Rate above which such an optimizer hardly learns."""

SHORT_CYCLE = 10
"""Steps below which a cycle is too coarse a half cosine to settle."""

FEW_EPOCHS = 10
"""Epochs up to which a member that fits the training rows better is hardly over-fitted to them."""

CLEARLY = 0.1
"""Share of the least loss of a constant by which one loss is clearly above another."""

N_ASKED = 500
"""Training rows, at most twice as many, on which the average is held against the last member."""


def warn_if_short(trace: Trace, n_cycles: int) -> None:
    """Warn about cycles of few steps."""
    shortest = min(np.diff(trace.moments, prepend=0), default=SHORT_CYCLE)
    if shortest < SHORT_CYCLE and not trace.was_interrupted:
        warn_user(
            f"A cycle of {shortest} steps is too short to settle (M={n_cycles} cycles in "
            f"T={trace.n_steps} steps): train for more epochs, or use fewer cycles.",
            ConvergenceWarning,
        )


def warn_if_never_warm(trace: Trace, warmup: int) -> None:
    """Warn about a warm-up of so many steps that the training is over before it."""
    if warmup > trace.n_steps:
        warn_user(
            f"A warm-up of {warmup} steps is longer than the training of T={trace.n_steps} steps: "
            "the learning rate never reaches alpha_zero.",
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


def warn_if_overruled(net: NeuralNet, ensemble: Any) -> None:
    """Warn about arguments of a net that its ensemble makes no use of.

    Parameters
    ----------
    net : NeuralNet
        As it was given.
    ensemble : BaseEnsemble
        Its schedule gives the learning rates, and it trains from fresh weights.
    """
    alpha_zero = getattr(ensemble, "alpha_zero", None)
    instead = "the schedule sets the learning rates" + (
        "" if alpha_zero is None else f": set alpha_zero (now {alpha_zero})"
    )
    for item in net.callbacks if isinstance(net.callbacks, list) else []:
        callback = item[1] if isinstance(item, tuple | list) else item
        if isinstance(callback, LRScheduler) or callback is LRScheduler:
            warn_user(f"The callback LRScheduler of the net has no effect, {instead}.")
    lr = getattr(net, "optimizer__lr", net.lr)
    has_groups = hasattr(net, "optimizer__param_groups")
    if lr not in (default_of(type(net), "lr"), alpha_zero) and not has_groups:
        warn_user(f"lr={short_repr(lr)} of the net has no effect, {instead}.")
    is_adam = inspect.isclass(net.optimizer) and issubclass(net.optimizer, ADAMS)
    if is_adam and alpha_zero is not None and alpha_zero > MOST_OF_ADAM:
        warn_user(
            f"alpha_zero={alpha_zero} is high for {net.optimizer.__name__}, which takes steps of "
            "that size whatever the gradients are: nets rarely learn above 0.03. Take 0.01 or less."
        )
    for name, what in UNUSED_METHODS.items():
        if not getattr(type(net), name).__module__.startswith(("skorch.", "skensemble.")):
            warn_user(f"{type(net).__name__} has a {name} of its own, which has no effect: {what}.")
    if net.warm_start:
        warn_user(
            "warm_start=True of the net has no effect: each fit of an ensemble trains from fresh "
            "weights."
        )


def warn_if_processes_are_slower(n_jobs: int | None, seconds: list[float], whole: float) -> None:
    """Warn if several processes took longer than one would have.

    Parameters
    ----------
    n_jobs : int or None
        As it was given.
    seconds : list of float
        What the trainings took, each in its process.
    whole : float
        Seconds from the first to the last, processes started and data sent.
    """
    alone = sum(seconds)
    # Processes that were not started, as within another process, take a little longer than none.
    if n_jobs not in (None, 1) and whole > 1.2 * alone + 0.1:
        warn_user(
            f"n_jobs={n_jobs} took {whole:.2g} seconds for {len(seconds)} trainings of "
            f"{alone:.2g} seconds together: starting processes took the rest. "
            "n_jobs=None trains such small nets faster, in lock-step."
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


def warn_if_early_members_spoil(
    ensemble: Any, data: Data, criterion: nn.Module, trace: Trace
) -> None:
    """Warn about an average that fits the training rows clearly worse than the last member alone.

    In a long training that says nothing: there the last member may be over-fitted, and the average
    mends it. In few epochs, early members had too few steps.

    Parameters
    ----------
    ensemble : BaseEnsemble
        With the members of one training.
    data : Data
        Training rows.
    criterion : torch.nn.Module
    trace : Trace
        Of the training; where it has not a moment for each member, nothing is said.
    """
    n_members = len(ensemble.members_)
    if len(trace.moments) != n_members or len(trace.loss_curve) > FEW_EPOCHS:
        return
    if min(np.diff(trace.moments, prepend=0)) < SHORT_CYCLE:
        # Of cycles as short as that, the length is told.
        return
    allowed = CLEARLY * _least_constant_loss(criterion, data)
    if not allowed:
        return
    rows = slice(None, None, max(1, data.X.shape[0] // N_ASKED))
    outputs = ensemble._predictor_.outputs(data.X[rows], range(n_members))
    weights = None if data.sample_weight is None else data.sample_weight[rows]
    mean, last = (
        np.average(ensemble._row_losses(output, data.y[rows]), weights=weights)
        for output in (average(outputs, ensemble.weights_), outputs[-1])
    )
    if mean - last > allowed:
        warn_user(
            "The average of the members fits the training rows clearly worse than the last member "
            f"alone: a loss of {mean:.3g}, where the last member has {last:.3g}. Earlier members "
            "had too few steps to converge: train for more epochs, or ask for fewer members.",
            ConvergenceWarning,
        )


def warn_if_constant(
    predictor: Predictor, data: Data, criterion: nn.Module, last_loss: float, advice: str
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
    advice : str
        What to do about it.
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
            f"{advice}{OF_IMAGES if data.X.ndim == 4 else ''}",
            ConvergenceWarning,
        )


OF_IMAGES = (
    " Images want a mean near 0: StandardScaler takes tables alone, ChannelScaling of "
    "skensemble.modules scales images."
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
