"""What the optimizer of one net does to each of its weights, and what it remembers of them."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from skensemble.lockstep._paused_training import PausedTraining
from skensemble.nets.gradients import obstacle_to_optimizer
from skensemble.training import rate_ratios

MOMENTS = ("exp_avg", "exp_avg_sq")

MEMORY: dict[type[torch.optim.Optimizer], tuple[str, ...]] = {
    torch.optim.SGD: ("momentum_buffer",),
    torch.optim.Adam: MOMENTS,
    torch.optim.AdamW: MOMENTS,
}
"""The tensors of a weight's size that each optimizer keeps in its state."""

OF_EACH_GROUP = frozenset(("momentum", "weight_decay"))
"""Settings that each group of each net of a population may have of its own, besides the rate."""


class WeightSettings(NamedTuple):
    """How one weight is updated, as far as nets of a population may differ.

    Attributes
    ----------
    ratio : float
        Its rate, as a multiple of the net's.
    weight_decay : float
    momentum : float
        0 for optimizers that have none.
    """

    ratio: float
    weight_decay: float
    momentum: float


def settings_of(training: PausedTraining) -> list[WeightSettings]:
    """Return how each weight of a net is updated, in the order of its parameters."""
    optimizer = training.net.optimizer_
    by_weight = {
        weight: WeightSettings(ratio, group["weight_decay"], group.get("momentum", 0.0))
        for group, ratio in zip(optimizer.param_groups, rate_ratios(optimizer), strict=True)
        for weight in group["params"]
    }
    return [by_weight[parameter] for parameter in training.parameters]


def memory_of(training: PausedTraining) -> dict[str, list[Tensor]]:
    """Return what an optimizer remembers of the weights.

    Returns
    -------
    memory : dict of list of Tensor
        By the name in the optimizer's state; tensors in the order of the net's parameters. Empty
        before the first step.
    """
    optimizer = training.net.optimizer_
    states = [optimizer.state.get(parameter, {}) for parameter in training.parameters]
    names = MEMORY[type(optimizer)]
    memory = {name: [state.get(name) for state in states] for name in names}
    is_there = all(value is not None for values in memory.values() for value in values)
    return memory if is_there else {}


def steps_made(training: PausedTraining) -> float:
    """Return the number of steps that Adam has counted; 0 for optimizers that count none."""
    return max(_counts(training), default=0.0)


def _counts(training: PausedTraining) -> set[float]:
    states = training.net.optimizer_.state.values()
    return {float(state["step"]) for state in states if "step" in state}


def obstacle_to_stacking(training: PausedTraining) -> str | None:
    """Say why an optimizer cannot make its steps together with those of other nets, or None."""
    optimizer, parameters = training.net.optimizer_, training.parameters
    groups = optimizer.param_groups
    obstacle = obstacle_to_optimizer(optimizer)
    if obstacle is not None:
        return obstacle
    if any(isinstance(group["lr"], Tensor) for group in groups):
        return "the rate of the optimizer is a tensor"
    named = [_settings_of_all(group) for group in groups]
    different = sorted(name for name in named[0] if any(g[name] != named[0][name] for g in named))
    if different:
        return f"groups of the optimizer differ in {different}"
    if len({bool(group.get("momentum")) for group in groups}) > 1:
        return "some groups of the optimizer have a momentum, and some have none"
    if sorted(map(id, parameters)) != sorted(id(p) for group in groups for p in group["params"]):
        return "the optimizer trains other weights than those of the module"
    if not all(p.requires_grad for p in parameters):
        return "some weights are not trained"
    return _obstacle_of_memory(training)


def _settings_of_all(group: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that all groups of a net have to have in common."""
    return {
        k: v for k, v in group.items() if k not in {"params", "lr", "initial_lr"} | OF_EACH_GROUP
    }


def _obstacle_of_memory(training: PausedTraining) -> str | None:
    optimizer = training.net.optimizer_
    names = MEMORY[type(optimizer)]
    kept = {name for state in optimizer.state.values() for name in state}
    extra = sorted(kept - {*names, "step"})
    if extra:
        return f"the optimizer keeps {extra} beside {' and '.join(names)}"
    if kept and not memory_of(training):
        return "the optimizer remembers some weights, and others not"
    if len(_counts(training)) > 1:
        return "the optimizer has counted other steps of some weights than of others"
    if len(names) > 1 and training.device.type not in ("cpu", "cuda"):
        return f"there is no fused {type(optimizer).__name__} for {training.device.type}"
    return None
