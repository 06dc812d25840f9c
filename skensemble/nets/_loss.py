"""The loss of a batch whose rows have weights, and what a criterion is handed."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from skensemble._checks import reject
from skensemble.modules import unwrap_compiled

PLAIN_MEANS = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss) + (
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
    nn.PoissonNLLLoss,
    nn.GaussianNLLLoss,
)
"""Criteria of torch whose mean is that over all values of a batch, whatever else they are given."""

CLASS_MEANS = (nn.CrossEntropyLoss, nn.NLLLoss)
"""Criteria of torch whose mean leaves classes out, or weighs them."""

CLOSE = 1e-4
"""Relative difference up to which two ways to a loss agree, far above float32's rounding."""


def batch_loss(criterion: nn.Module, y_pred: Any, y_true: Any) -> Tensor:
    """Return what a criterion gives for a batch.

    `torch.nn.GaussianNLLLoss` gets the mean and the variance from a module that returns
    ``(mean, log_variance)``.

    Parameters
    ----------
    criterion : torch.nn.Module
    y_pred : Tensor of shape (n_samples, n_outputs), or tuple
        What the module returned.
    y_true : Tensor of shape (n_samples,) or (n_samples, n_outputs)

    Returns
    -------
    loss : Tensor

    Raises
    ------
    InvalidParameterError
        If the module of a Gaussian likelihood returns something else.
    """
    if not isinstance(unwrap_compiled(criterion), nn.GaussianNLLLoss):
        return criterion(y_pred, y_true)
    if not isinstance(y_pred, tuple) or len(y_pred) != 2:
        rule = "one that returns (mean, log_variance) for criterion GaussianNLLLoss"
        raise reject("module", rule, type(y_pred))
    mean, log_variance = y_pred
    return criterion(mean, y_true, log_variance.exp())


def weighted_loss(criterion: nn.Module, y_pred: Any, y_true: Tensor, weight: Tensor) -> Tensor:
    """Loss of a batch in which the loss of each row is multiplied by its weight.

    What the criterion makes of the losses of the rows stays: a mean is divided by what the
    criterion divides by without weights. With weights of mean 1 over *all* rows, not over those of
    a batch, a row counts the same in a batch of any size; weights of one change nothing.

    The criteria of torch for classes and values are known. Any other is asked for its own loss
    too, which has to be what this function gives for weights of one.

    Parameters
    ----------
    criterion : torch.nn.Module
        A loss with a `reduction`, as torch's own have it.
    y_pred : Tensor of shape (n_samples, n_outputs), or tuple
    y_true : Tensor of shape (n_samples,) or (n_samples, n_outputs)
    weight : Tensor of shape (n_samples,)
        Weights of the rows, divided by their mean over all rows of the training.

    Returns
    -------
    loss : Tensor of shape ()

    Raises
    ------
    InvalidParameterError
        If the criterion has no `reduction`, or one that is neither a mean nor a sum of the losses
        of the rows.
    """
    losses = _unreduced(criterion, y_pred, y_true)
    owner = unwrap_compiled(criterion)
    if losses.ndim == 0 or len(losses) != len(weight):
        rule = "one that gives a loss for each row with reduction='none' to use sample_weight"
        raise reject("criterion", rule, owner)
    divisor = _divisor(owner, losses, y_true)
    if type(owner) not in PLAIN_MEANS + CLASS_MEANS:
        _check_reduction(owner, y_pred, y_true, losses.detach(), divisor)
    return (losses * weight.view(-1, *(1,) * (losses.ndim - 1))).sum() / divisor


def row_losses(criterion: nn.Module, y_pred: Tensor, y_true: Tensor) -> Tensor:
    """Compute the loss of each row of a batch, of several outputs their mean.

    Parameters
    ----------
    criterion : torch.nn.Module
        A loss with a `reduction`, as torch's own have it.
    y_pred : Tensor of shape (n_samples, n_outputs)
    y_true : Tensor of shape (n_samples,) or (n_samples, n_outputs)

    Returns
    -------
    losses : Tensor of shape (n_samples,)

    Raises
    ------
    InvalidParameterError
        If the criterion has no `reduction`.
    """
    losses = _unreduced(criterion, y_pred, y_true)
    return losses.flatten(1).mean(1) if losses.ndim > 1 else losses


def _unreduced(criterion: nn.Module, y_pred: Any, y_true: Tensor) -> Tensor:
    """Return what a criterion gives with ``reduction="none"``."""
    owner = unwrap_compiled(criterion)
    if not hasattr(owner, "reduction"):
        raise reject("criterion", "one with a `reduction` to use sample_weight", owner)
    reduction, owner.reduction = owner.reduction, "none"
    try:
        return batch_loss(criterion, y_pred, y_true)
    finally:
        owner.reduction = reduction


def _divisor(owner: nn.Module, losses: Tensor, y_true: Tensor) -> Any:
    """Return what a criterion divides the sum of its losses by."""
    if owner.reduction == "sum":
        return 1
    if owner.reduction == "batchmean":
        return len(losses)
    if owner.reduction != "mean":
        rule = "one with reduction 'mean' or 'sum' to use sample_weight"
        raise reject("criterion", rule, owner.reduction)
    if not isinstance(owner, CLASS_MEANS) or y_true.is_floating_point():
        return losses.numel()
    kept = y_true != owner.ignore_index
    if owner.weight is None:
        return kept.sum()
    # To pick out those that are kept would wait, on a GPU, for their number.
    return torch.where(kept, owner.weight[torch.where(kept, y_true, 0)], 0).sum()


def _check_reduction(
    owner: nn.Module, y_pred: Any, y_true: Tensor, losses: Tensor, divisor: Any
) -> None:
    """Refuse a criterion whose own loss of a batch is not that of equal weights.

    A copy is asked, because a criterion may count or draw.
    """
    with torch.no_grad():
        own = batch_loss(deepcopy(owner), y_pred, y_true)
    difference = abs(own - losses.sum() / divisor)
    # A loss that is not finite is told of as a divergence.
    if (
        torch.isfinite(difference).all()
        and (difference > CLOSE * abs(losses).sum() / divisor).any()
    ):
        rule = (
            f"one whose loss of a batch is the {owner.reduction} of the losses that it gives with "
            "reduction='none', to use sample_weight or class_weight"
        )
        raise reject("criterion", rule, owner)
