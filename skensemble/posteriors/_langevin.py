"""Noise that turns stochastic gradient descent into a sampler."""

from math import sqrt

import torch


def langevin_std(rate: float, n_rows: float, temperature: float, momentum: float = 0.0) -> float:
    """Give the standard deviation of the noise of a step (Zhang et al., 2020, equation 3).

    The training loss is the mean over the rows, so that the posterior is ``exp(-n_rows * loss)``.
    With momentum a gradient acts as if the rate were ``rate / (1 - momentum)``.

    Parameters
    ----------
    rate : float
        Learning rate of the step.
    n_rows : float
        Training rows, or the sum of their weights.
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
    return sqrt(2 * rate / (1 - momentum) * temperature / n_rows)


def add_langevin_noise(
    optimizer: torch.optim.SGD, n_rows: float, temperature: float, generator: torch.Generator
) -> None:
    """Add the noise of a step to the weights that an optimizer has just updated.

    Parameters
    ----------
    optimizer : torch.optim.SGD
        Gives the weights, and the rate and the momentum of each group of them.
    n_rows : float
        Training rows, or the sum of their weights.
    temperature : float
        1 samples the posterior.
    generator : torch.Generator
        On the device of the weights.
    """
    for group in optimizer.param_groups:
        damped = 1 - group["dampening"] if group["momentum"] else 1
        std = langevin_std(group["lr"] * damped, n_rows, temperature, group["momentum"])
        for weight in group["params"]:
            if weight.grad is not None:
                like = {"dtype": weight.dtype, "device": weight.device}
                noise = torch.randn(weight.shape, generator=generator, **like)
                weight.data.add_(noise, alpha=std)
