"""Steps of Adam and AdamW, by torch's fused updates."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

KNOWN_SETTINGS = frozenset(
    ("params", "lr", "betas", "eps", "weight_decay", "decoupled_weight_decay", "amsgrad")
    + ("maximize", "foreach", "capturable", "differentiable", "fused", "initial_lr")
)
"""Settings of a group of torch's Adam and AdamW that are known here; `initial_lr` is a note."""


def obstacle_of(group: dict[str, Any]) -> str | None:
    """Say which setting of a group the update does not know, or None."""
    for name in ("amsgrad", "maximize", "capturable", "differentiable"):
        if group[name]:
            return f"the optimizer has {name}=True"
    if any(isinstance(value, Tensor) for value in (group["lr"], *group["betas"])):
        return "the optimizer has tensors among its settings"
    return None


def is_decoupled(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> bool:
    """Say whether weights decay apart from the gradients, as those of AdamW do."""
    # Before torch 2.7 it followed from the class alone.
    return bool(group.get("decoupled_weight_decay", type(optimizer) is torch.optim.AdamW))


class AdamTensors(NamedTuple):
    """Weights with all that a step of Adam reads and writes, tensor by tensor.

    Attributes
    ----------
    weights, gradients : list of Tensor
    averages, squares : list of Tensor
        Running means of the gradients and of their squares.
    steps : list of Tensor of shape ()
        The number of each weight's step, from 1; counted by the caller.
    """

    weights: list[Tensor]
    gradients: list[Tensor]
    averages: list[Tensor]
    squares: list[Tensor]
    steps: list[Tensor]

    def update(self, rate: float, settings: dict[str, Any], *, is_decoupled: bool) -> None:
        """Update weights and running means by one fused call.

        Parameters
        ----------
        rate : float
        settings : dict
            `betas`, `eps` and `weight_decay`.
        is_decoupled : bool
            Whether weights decay as those of AdamW.
        """
        call = torch._fused_adamw_ if is_decoupled else torch._fused_adam_
        beta1, beta2 = settings["betas"]
        call(
            self.weights,
            self.gradients,
            self.averages,
            self.squares,
            [],
            self.steps,
            amsgrad=False,
            lr=rate,
            beta1=beta1,
            beta2=beta2,
            weight_decay=settings["weight_decay"],
            eps=settings["eps"],
            maximize=False,
        )


class AdamUpdate(NamedTuple):
    """What a fused call updates: the weights of a group that have gradients."""

    group: dict[str, Any]
    is_decoupled: bool
    tensors: AdamTensors
    ones: list[Tensor]
    is_first: bool = False

    def make(self) -> None:
        """Update the weights at the settings that the group has now."""
        # Tensors to add take a third of the time of a number.
        torch._foreach_add_(self.tensors.steps, self.ones)
        self.tensors.update(self.group["lr"], self.group, is_decoupled=self.is_decoupled)


def updates_of(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> list[AdamUpdate]:
    """Return the update of a group in a list, or none where no weight has a gradient."""
    weights = [weight for weight in group["params"] if weight.grad is not None]
    if not weights:
        return []
    for weight in weights:
        if not optimizer.state[weight]:
            optimizer.state[weight].update(fresh_state(weight))
    states = [optimizer.state[weight] for weight in weights]
    memory = [[state[name] for state in states] for name in ("exp_avg", "exp_avg_sq", "step")]
    tensors = AdamTensors(weights, [weight.grad for weight in weights], *memory)
    ones = [torch.ones_like(tensors.steps[0])] * len(weights)
    return [AdamUpdate(group, is_decoupled(optimizer, group), tensors, ones)]


def fresh_state(weight: Tensor, *, is_fused: bool = True) -> dict[str, Tensor]:
    """Return what torch's Adam remembers of a weight before its first step.

    Parameters
    ----------
    weight : Tensor
    is_fused : bool, default=True
        Whether its steps are fused; otherwise they are counted on the CPU, in torch's default type.
    """
    dtype = torch.float32
    if not is_fused:
        dtype = torch.promote_types(dtype, torch.get_default_dtype())
    return {
        "step": torch.zeros((), dtype=dtype, device=weight.device if is_fused else "cpu"),
        "exp_avg": torch.zeros_like(weight, memory_format=torch.preserve_format),
        "exp_avg_sq": torch.zeros_like(weight, memory_format=torch.preserve_format),
    }
