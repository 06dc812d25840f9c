"""Steps of stochastic gradient descent, by torch's fused update."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

KNOWN_SETTINGS = frozenset(
    ("params", "lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")
    + ("foreach", "differentiable", "fused", "initial_lr")
)
"""Settings of a group of `torch.optim.SGD` that are known here; `initial_lr` is a note."""


def obstacle_of(group: dict[str, Any]) -> str | None:
    """Say which setting of a group the update does not know, or None."""
    if group["maximize"]:
        return "the optimizer maximises"
    if group["differentiable"]:
        return "the optimizer is differentiable"
    return None


class SGDUpdate(NamedTuple):
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


def updates_of(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> list[SGDUpdate]:
    """List the updates of a group; weights that joined in later make their first step apart."""
    weights = [weight for weight in group["params"] if weight.grad is not None]
    if not group["momentum"]:
        return [SGDUpdate(group, weights, [w.grad for w in weights], [], is_first=False)]
    updates = []
    for is_first in (False, True):
        own = [w for w in weights if (_buffer(optimizer, w) is None) == is_first]
        if is_first:
            for weight in own:
                optimizer.state[weight]["momentum_buffer"] = torch.empty_like(weight.grad)
        buffers = [_buffer(optimizer, weight) for weight in own]
        updates.append(SGDUpdate(group, own, [w.grad for w in own], buffers, is_first))
    return [update for update in updates if update.weights]


def _buffer(optimizer: torch.optim.Optimizer, weight: Tensor) -> Tensor | None:
    return optimizer.state[weight].get("momentum_buffer")
