"""Steps of torch's optimizers without the bookkeeping around them."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch.optim import optimizer as torch_optimizer

from skensemble.nets.gradients import _adam, _sgd


class Update(Protocol):
    """What one fused call updates.

    Attributes
    ----------
    is_first : bool
        Whether the next step of these weights is to be made otherwise.
    """

    is_first: bool

    def make(self) -> None:
        """Update the weights at the settings that their group has now."""


class Rule(NamedTuple):
    """What is known of a kind of optimizer.

    Attributes
    ----------
    known_settings : frozenset of str
        Of a group; a newer torch may have others, which are known to nobody here.
    obstacle_of : callable
        Says of a group of known settings why the fused update cannot do what it asks for, or None.
    updates_of : callable
        Lists the updates of a group of an optimizer.
    """

    known_settings: frozenset[str]
    obstacle_of: Callable[[dict[str, Any]], str | None]
    updates_of: Callable[[torch.optim.Optimizer, dict[str, Any]], list[Any]]


_OF_SGD = Rule(_sgd.KNOWN_SETTINGS, _sgd.obstacle_of, _sgd.updates_of)
_OF_ADAM = Rule(_adam.KNOWN_SETTINGS, _adam.obstacle_of, _adam.updates_of)
RULES: dict[type[torch.optim.Optimizer], Rule] = {
    torch.optim.SGD: _OF_SGD,
    torch.optim.Adam: _OF_ADAM,
    torch.optim.AdamW: _OF_ADAM,
}
"""The optimizers whose steps are made here."""


def obstacle_to_optimizer(optimizer: torch.optim.Optimizer) -> str | None:
    """Say why nobody but an optimizer itself knows what its steps do, or None.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer

    Returns
    -------
    obstacle : str or None
    """
    rule = RULES.get(type(optimizer))
    if rule is None:
        return f"the optimizer is {type(optimizer).__name__}, not SGD, Adam or AdamW"
    for group in optimizer.param_groups:
        unknown = sorted(group.keys() - rule.known_settings)
        if unknown:
            return f"the optimizer has settings {unknown}"
        obstacle = rule.obstacle_of(group)
        if obstacle is not None:
            return obstacle
    if is_step_watched(optimizer):
        return "a hook or a scheduler looks into the steps of the optimizer"
    return None


def obstacle_to_fused_step(optimizer: torch.optim.Optimizer) -> str | None:
    """Say why an optimizer's own `step` would do more than torch's fused update.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer

    Returns
    -------
    obstacle : str or None
    """
    obstacle = obstacle_to_optimizer(optimizer)
    if obstacle is not None:
        return obstacle
    for group in optimizer.param_groups:
        if not group["fused"]:
            return f"the optimizer has fused={group['fused']!r}"
    kinds = {(p.dtype, p.device) for group in optimizer.param_groups for p in group["params"]}
    if len(kinds) > 1:
        return "the weights have several types or devices"
    return None


def step_of(
    optimizer: torch.optim.Optimizer, *, keeps_gradients: bool = False
) -> Callable[[], None]:
    """Return the function that makes a step of an optimizer that has no obstacle to it.

    `step` of torch's optimizers takes three to ten times as long as the update of a small net:
    torch's fused update is called directly.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        `obstacle_to_fused_step` finds nothing about it.
    keeps_gradients : bool, default=False
        Whether all steps find their gradients in the same tensors.

    Returns
    -------
    step : callable
    """
    kept: list[Update] = []
    updates_of = RULES[type(optimizer)].updates_of

    def step() -> None:
        """Update the weights from the gradients that they have."""
        if not optimizer.state:
            # A cold restart has dropped the buffers.
            kept.clear()
        updates = kept or [
            u for group in optimizer.param_groups for u in updates_of(optimizer, group)
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
