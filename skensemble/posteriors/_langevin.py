"""Noise that turns stochastic gradient descent into a sampler."""

from math import sqrt

import torch
from torch import Tensor


def langevin_std(rate: float, n_rows: float, temperature: float, momentum: float = 0.0) -> float:
    """Return the standard deviation of the noise of a step (Zhang et al., 2020).

    The training loss is the mean over the rows, so that the posterior is ``exp(-n_rows * loss)``.
    With momentum the noise belongs to the velocity, which keeps ``momentum`` of it at each step.

    Parameters
    ----------
    rate : float
        Learning rate of the step.
    n_rows : float
        Training rows, from `n_effective_rows`.
    temperature : float
        1 samples the posterior, 0 adds no noise.
    momentum : float, default=0.0
        Momentum of the optimizer.

    Returns
    -------
    std : float

    Examples
    --------
    >>> langevin_std(0.02, 100, 1.0)
    0.02
    """
    return sqrt(2 * (1 - momentum) * rate * temperature / n_rows)


class LangevinNoise:
    """Noise for the weights that an SGD optimizer updates.

    Momentum carries the noise of a step on, as it does the gradient: white noise on the weights
    would give too wide a distribution where the loss is curved. The noisy part of the velocity is
    kept here, in units of the weights, as the optimizer's buffer is multiplied by the rate, which
    changes. Nesterov's look-ahead is off between `add` and `stop`: it is a friction that grows
    with the curvature, for which no noise would be right.

    Parameters
    ----------
    optimizer : torch.optim.SGD
        Gives the weights, and the rate and the momentum of each group of them.
    n_rows : float
        Training rows, from `n_effective_rows`.
    generator : torch.Generator
        On the device of the weights.
    """

    def __init__(
        self, optimizer: torch.optim.SGD, n_rows: float, generator: torch.Generator
    ) -> None:
        self.optimizer = optimizer
        self.n_rows = n_rows
        self.generator = generator
        self.nesterov = [group["nesterov"] for group in optimizer.param_groups]
        self.velocities: dict[Tensor, Tensor] = {}

    def add(self, temperature: float) -> None:
        """Add the noise of a step to the weights that the optimizer has just updated.

        Parameters
        ----------
        temperature : float
            1 samples the posterior; 0 leaves everything as it is.
        """
        if temperature == 0:
            return
        for group in self.optimizer.param_groups:
            group["nesterov"] = False
            # Without momentum torch ignores the dampening.
            damped = 1 - group["dampening"] if group["momentum"] else 1
            rate = group["lr"] * damped
            std = langevin_std(rate, self.n_rows, temperature, group["momentum"])
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, std, group["momentum"])

    def _move(self, weight: Tensor, std: float, momentum: float) -> None:
        noise = std * torch.randn(
            weight.shape, generator=self.generator, dtype=weight.dtype, device=weight.device
        )
        if weight in self.velocities:
            noise.add_(self.velocities[weight], alpha=momentum)
        weight.data.add_(noise)
        self.velocities[weight] = noise

    def stop(self) -> None:
        """Leave the optimizer as it was, and let the next noise begin anew."""
        for group, nesterov in zip(self.optimizer.param_groups, self.nesterov, strict=True):
            group["nesterov"] = nesterov
        self.velocities.clear()
