"""The loss of a batch whose rows have weights."""

from torch import Tensor, nn

from skensemble._checks import reject
from skensemble.modules import unwrap_compiled


def weighted_loss(criterion: nn.Module, y_pred: Tensor, y_true: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean ``sum(weight * loss) / sum(weight)`` over the rows of a batch.

    Parameters
    ----------
    criterion : torch.nn.Module
        A loss with a `reduction`, as torch's own have it.
    y_pred : Tensor of shape (n_samples, n_outputs)
    y_true : Tensor of shape (n_samples,) or (n_samples, n_outputs)
    weight : Tensor of shape (n_samples,)

    Returns
    -------
    loss : Tensor of shape ()

    Raises
    ------
    InvalidParameterError
        If the criterion has no `reduction`.
    """
    losses = row_losses(criterion, y_pred, y_true)
    # torch's mean divides by the weights of the classes, where a criterion has them.
    class_weight = getattr(unwrap_compiled(criterion), "weight", None)
    total = weight if class_weight is None else weight * class_weight[y_true]
    return (losses * weight).sum() / total.sum()


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
    owner = unwrap_compiled(criterion)
    if not hasattr(owner, "reduction"):
        raise reject("criterion", "one with a `reduction` to use sample_weight", owner)
    reduction, owner.reduction = owner.reduction, "none"
    try:
        losses = criterion(y_pred, y_true)
    finally:
        owner.reduction = reduction
    return losses.flatten(1).mean(1) if losses.ndim > 1 else losses


def normalized(weight: Tensor) -> Tensor:
    """Divide the weights of the rows of each batch by their sum.

    Parameters
    ----------
    weight : Tensor of shape (..., n_samples)
        The leading axes are those of several nets or steps.

    Returns
    -------
    row_weight : Tensor of the shape of `weight`
        Of sum 1 along the last axis.
    """
    return weight / weight.sum(-1, keepdim=True)
