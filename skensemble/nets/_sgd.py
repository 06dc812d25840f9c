"""Steps of stochastic gradient descent without the bookkeeping around them."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import optimizer as torch_optimizer


def step_of(
    optimizer: torch.optim.Optimizer, *, keeps_gradients: bool = False
) -> Callable[[], None]:
    """Give the function that makes a step of an optimizer.

    `torch.optim.SGD.step` takes ten times as long as the update of a small net. Where it would do
    nothing else, torch's fused update is called at once.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
    keeps_gradients : bool, default=False
        Whether all steps find their gradients in the same tensors.

    Returns
    -------
    step : callable
    """
    is_plain = (
        type(optimizer) is torch.optim.SGD
        and all(group["fused"] and not group["maximize"] for group in optimizer.param_groups)
        and not is_step_watched(optimizer)
    )
    if not is_plain:
        return optimizer.step

    kept: list[Update] = []

    def step() -> None:
        """Update the weights from the gradients that they have."""
        if not optimizer.state:
            # A cold restart has dropped the buffers.
            kept.clear()
        if not (keeps_gradients and kept):
            updates = [_buffers(optimizer, group) for group in optimizer.param_groups]
            if None in updates:
                # The first step makes the buffers.
                optimizer.step()
                return
            kept[:] = updates
        with torch.no_grad():
            for group, (weights, gradients, buffers) in zip(
                optimizer.param_groups, kept, strict=True
            ):
                if weights:
                    torch._fused_sgd_(
                        weights,
                        gradients,
                        buffers,
                        weight_decay=group["weight_decay"],
                        momentum=group["momentum"],
                        lr=group["lr"],
                        dampening=group["dampening"],
                        nesterov=group["nesterov"],
                        maximize=False,
                        is_first_step=False,
                    )

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


Update = tuple[list[Tensor], list[Tensor], list[Tensor]]
"""Weights, gradients and the momentum's buffers of a group."""


def _buffers(optimizer: torch.optim.SGD, group: dict) -> Update | None:
    """Give the weights of a group that have a gradient, the gradients and the momentum's buffers.

    None stands for a buffer that is still to be made.
    """
    weights = [weight for weight in group["params"] if weight.grad is not None]
    gradients = [weight.grad for weight in weights]
    if not group["momentum"]:
        return weights, gradients, []
    buffers = [optimizer.state[weight].get("momentum_buffer") for weight in weights]
    return None if any(b is None for b in buffers) else (weights, gradients, buffers)
