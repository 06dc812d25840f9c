"""Frozen layers: what else than their weights has to stay as it was."""

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def frozen_norms(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the normalisation layers of a module that are frozen.

    A layer is frozen if it has parameters and none of them needs a gradient. One without
    parameters goes with the smallest part around it that has some.

    Parameters
    ----------
    module : torch.nn.Module

    Yields
    ------
    layer : torch.nn.Module
        Batch or instance normalisation, whatever its mode.

    Examples
    --------
    >>> body = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).requires_grad_(False)
    >>> list(frozen_norms(nn.Sequential(body, nn.Linear(3, 1)))) == [body[1]]
    True
    """
    if not all(weight.requires_grad for weight in module.parameters()):
        yield from _frozen_norms(module, is_within_frozen=False)


def hold_frozen(module: nn.Module) -> None:
    """Put frozen normalisation layers into evaluation mode, so that their statistics stay.

    Weights that need no gradient are no reason for torch to leave the statistics beside them.
    """
    for layer in frozen_norms(module):
        layer.eval()


def _frozen_norms(module: nn.Module, *, is_within_frozen: bool) -> Iterator[nn.Module]:
    needs = [weight.requires_grad for weight in module.parameters()]
    is_frozen = not any(needs) if needs else is_within_frozen
    if is_frozen and isinstance(module, _NormBase):
        yield module
    for child in module.children():
        yield from _frozen_norms(child, is_within_frozen=is_frozen)
