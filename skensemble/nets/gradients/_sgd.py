"""Steps of stochastic gradient descent without the bookkeeping around them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import optimizer as torch_optimizer

KNOWN_SETTINGS = frozenset(
    ("params", "lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")
    + ("foreach", "differentiable", "fused", "initial_lr")
)
"""Settings of a group of `torch.optim.SGD` that are known here; `initial_lr` is a note."""


def obstacle_to_fused_step(optimizer: torch.optim.Optimizer) -> str | None:
    """Say why an optimizer's own `step` would do more than torch's fused update of SGD.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer

    Returns
    -------
    obstacle : str or None
    """
    if type(optimizer) is not torch.optim.SGD:
        return f"the optimizer is {type(optimizer).__name__}, not SGD"
    for group in optimizer.param_groups:
        if unknown_settings(group):
            return f"the optimizer has settings {unknown_settings(group)}"
        if not group["fused"]:
            return f"the optimizer has fused={group['fused']!r}"
        if group["maximize"]:
            return "the optimizer maximises"
    kinds = {(p.dtype, p.device) for group in optimizer.param_groups for p in group["params"]}
    if len(kinds) > 1:
        return "the weights have several types or devices"
    if is_step_watched(optimizer):
        return "a hook or a scheduler looks into the steps of the optimizer"
    return None


def unknown_settings(group: dict[str, Any]) -> list[str]:
    """List the settings of a group of SGD that are not known here, as those of a newer torch."""
    return sorted(group.keys() - KNOWN_SETTINGS)


def step_of(optimizer: torch.optim.SGD, *, keeps_gradients: bool = False) -> Callable[[], None]:
    """Return the function that makes a step of an SGD that has no obstacle to it.

    `torch.optim.SGD.step` takes ten times as long as the update of a small net: torch's fused
    update is called directly.

    Parameters
    ----------
    optimizer : torch.optim.SGD
        `obstacle_to_fused_step` finds nothing about it.
    keeps_gradients : bool, default=False
        Whether all steps find their gradients in the same tensors.

    Returns
    -------
    step : callable
    """
    kept: list[_Update] = []

    def step() -> None:
        """Update the weights from the gradients that they have."""
        if not optimizer.state:
            # A cold restart has dropped the buffers.
            kept.clear()
        updates = kept or [
            u for group in optimizer.param_groups for u in _updates(optimizer, group)
        ]
        with torch.no_grad():
            for update in updates:
                update.make()
        if keeps_gradients and not kept and not any(update.is_first for update in updates):
            kept[:] = updates

    return step


def is_step_watched(optimizer: torch.optim.Optimizer) -> bool:
    """Say whether a hook or a learning rate scheduler sees the steps of an optimizer."""
    return bool(
        # Learning rate schedulers wrap the method of the instance.
        "step" in vars(optimizer)
        or optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
        or torch_optimizer._global_optimizer_pre_hooks
        or torch_optimizer._global_optimizer_post_hooks
    )


class _Update(NamedTuple):
    """What a fused call updates: weights of a group that all have a momentum or all none."""

    group: dict[str, Any]
    weights: list[Tensor]
    gradients: list[Tensor]
    buffers: list[Tensor]
    is_first: bool

    def make(self) -> None:
        """Update the weights at the settings that the group has now."""
        torch._fused_sgd_(
            self.weights,
            self.gradients,
            self.buffers,
            weight_decay=self.group["weight_decay"],
            momentum=self.group["momentum"],
            lr=self.group["lr"],
            dampening=self.group["dampening"],
            nesterov=self.group["nesterov"],
            maximize=False,
            is_first_step=self.is_first,
        )


def _updates(optimizer: torch.optim.SGD, group: dict[str, Any]) -> list[_Update]:
    """List the updates of a group; weights that joined in later make their first step apart."""
    weights = [weight for weight in group["params"] if weight.grad is not None]
    if not group["momentum"]:
        return [_Update(group, weights, [w.grad for w in weights], [], is_first=False)]
    updates = []
    for is_first in (False, True):
        own = [w for w in weights if (_buffer(optimizer, w) is None) == is_first]
        if is_first:
            for weight in own:
                optimizer.state[weight]["momentum_buffer"] = torch.empty_like(weight.grad)
        buffers = [_buffer(optimizer, weight) for weight in own]
        updates.append(_Update(group, own, [w.grad for w in own], buffers, is_first))
    return [update for update in updates if update.weights]


def _buffer(optimizer: torch.optim.SGD, weight: Tensor) -> Tensor | None:
    return optimizer.state[weight].get("momentum_buffer")
