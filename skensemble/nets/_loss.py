"""The loss of a batch whose rows have weights."""

from torch import Tensor, nn

from skensemble._checks import reject


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
    owner = getattr(criterion, "_orig_mod", criterion)
    if not hasattr(owner, "reduction"):
        raise reject("criterion", "one with a `reduction` to use sample_weight", owner)
    reduction, owner.reduction = owner.reduction, "none"
    try:
        losses = criterion(y_pred, y_true)
    finally:
        owner.reduction = reduction
    losses = losses.flatten(1).mean(1) if losses.ndim > 1 else losses
    # torch's mean divides by the weights of the classes, where a criterion has them.
    class_weight = getattr(owner, "weight", None)
    total = weight if class_weight is None else weight * class_weight[y_true]
    return (losses * weight).sum() / total.sum()
