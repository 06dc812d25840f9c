"""Which losses can learn standardised targets, and what a regressor predicts with the others."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from skensemble._checks import reject
from skensemble.modules import unwrap_compiled

WITH_DOMAIN = (
    (nn.PoissonNLLLoss, nn.BCELoss, nn.BCEWithLogitsLoss, nn.KLDivLoss)
    + (nn.CrossEntropyLoss, nn.HingeEmbeddingLoss, nn.SoftMarginLoss)
    + (nn.MultiLabelSoftMarginLoss,)
)
"""Losses of torch for counts, shares or signs; those of labels are refused by themselves."""

SCALES = ("standard", None)
"""Values of `target_scale`."""


def is_standardized(net: Any) -> bool:
    """Say whether targets are standardised for a net, one of our own or a stock net of skorch.

    A stock net has no `target_scale`; its targets stay as they are where its criterion is a loss of
    torch that has a domain.
    """
    if hasattr(net, "target_scale"):
        return net.target_scale is not None
    kind = net.criterion.func if isinstance(net.criterion, partial) else net.criterion
    kind = kind if isinstance(kind, type) else type(unwrap_compiled(kind))
    return not issubclass(kind, WITH_DOMAIN)


def refuse_domain(criterion: nn.Module, n_outputs: int | None = None) -> None:
    """Refuse a criterion that cannot learn standardised targets.

    Raises
    ------
    InvalidParameterError
        If it is a loss of torch for counts, shares or classes, or another that has no least value
        for a target below 0.
    """
    owner = unwrap_compiled(criterion)
    if isinstance(owner, nn.CrossEntropyLoss) and n_outputs == 1:
        # A loss of labels here, which is refused as such.
        return
    if isinstance(owner, WITH_DOMAIN) or _falls_without_end(owner):
        kind = type(owner).__name__
        rule = f"None for criterion {kind}, which takes no targets on both sides of 0"
        raise reject("target_scale", rule, "standard")


def _falls_without_end(criterion: Any) -> bool:
    """Say whether an own loss has no least value for targets below 0, as those of counts have.

    The negative log-likelihoods of Poisson, Gamma and Tweedie fall without end as the output falls,
    and a logarithm of a target or an output is not finite.
    """
    if type(criterion).__module__.startswith("torch."):
        return False
    y, z = torch.tensor([[-1.0], [-1.1]]), torch.tensor([[-10.0], [-11.0]])
    try:
        with torch.no_grad():
            below, above = (deepcopy(criterion)(sign * z, sign * y) for sign in (1, -1))
        is_finite = torch.isfinite(below).all()
        # A loss that falls as far on the other side of 0 takes both sides alike.
        return bool(not is_finite or ((below < -5) & (below < above - 1)).any())
    except Exception:
        # It takes other outputs than one value a row, about which nothing is known.
        return False


def response_of(criterion: nn.Module) -> Callable[[Tensor], Tensor] | None:
    """Return what turns a module's output into the targets' units, None where skorch knows it.

    skorch makes two columns of what a classifier of two classes gives; a regressor has as many as
    there are targets.
    """
    owner = unwrap_compiled(criterion)
    if isinstance(owner, nn.BCEWithLogitsLoss):
        return torch.sigmoid
    if isinstance(owner, nn.BCELoss):
        return nn.Identity()
    if isinstance(owner, nn.PoissonNLLLoss) and owner.log_input:
        return torch.exp
    return None
