"""The Gaussian of the weights that a training passes through: SWA's mean, SWAG's covariance."""

from collections import deque
from collections.abc import Iterator
from math import sqrt

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from skensemble._typing import Moment, Schedule
from skensemble.modules import unwrap_compiled
from skensemble.training import Data, ReadOnly, Step, Trace, refresh_batch_norm, train


class IterateGaussian:
    """Mean, variance and last deviations of weights that come one after another.

    The weights of a net are one vector, so that a draw moves all layers together. The covariance
    is ``scale * (diag(variance) + D D' / (K - 1))`` with the K last deviations as columns of D
    (Maddox et al., 2019, equation 1, where `scale` is 1/2).

    Parameters
    ----------
    max_rank : int, default=0
        Deviations to keep; with fewer than two the covariance is diagonal.

    Examples
    --------
    >>> iterates = IterateGaussian()
    >>> for value in (1.0, 2.0, 3.0, 4.0):
    ...     iterates.add(torch.tensor([value]))
    >>> iterates.mean
    tensor([2.5000])
    >>> iterates.variance
    tensor([1.2500])
    """

    def __init__(self, max_rank: int = 0) -> None:
        self.deviations: deque[Tensor] = deque(maxlen=max_rank)
        self.clear()

    def clear(self) -> None:
        """Forget the weights of all moments."""
        self.n = 0
        self.deviations.clear()

    def add(self, weights: Tensor) -> None:
        """Take in the weights of one moment.

        Parameters
        ----------
        weights : Tensor of shape (n_weights,)
            They are not kept.
        """
        if self.n == 0:
            self.mean, self._squares = torch.zeros_like(weights), torch.zeros_like(weights)
        self.n += 1
        ahead = weights - self.mean
        self.mean = self.mean + ahead / self.n
        # Welford's sum of squares: the mean of squares less the square of the mean, in float32,
        # would lose what it is to find.
        self._squares += ahead * (weights - self.mean)
        self.deviations.append(weights - self.mean)

    @property
    def variance(self) -> Tensor:
        """Variance of each weight over the moments, of shape (n_weights,)."""
        return (self._squares / self.n).clamp(min=1e-30)

    def draws(self, n_draws: int, scale: float, seed: int) -> Iterator[Tensor]:
        """Draw weights, or none where no moment was reached.

        Parameters
        ----------
        n_draws : int
            Number of draws.
        scale : float
            Factor of the covariance; 0 gives the mean.
        seed : int
            Of the draws.

        Yields
        ------
        weights : Tensor of shape (n_weights,)
        """
        if not self.n:
            return
        generator = torch.Generator().manual_seed(seed)
        rank = len(self.deviations)
        for _ in range(n_draws):
            step = self.variance.sqrt() * self._randn(len(self.mean), generator)
            if rank > 1:
                coefficients = self._randn(rank, generator) / sqrt(rank - 1)
                for coefficient, deviation in zip(coefficients, self.deviations, strict=True):
                    step += coefficient * deviation
            yield self.mean + sqrt(scale) * step

    def _randn(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw on the CPU, so that a seed gives the same draws on every device."""
        return torch.randn(n, generator=generator, dtype=self.mean.dtype).to(self.mean.device)


def fit_iterate_gaussian(
    net: NeuralNet, data: Data, *, schedule: Schedule, moment: Moment, max_rank: int = 0
) -> tuple[IterateGaussian, Trace]:
    """Train a net, and take in its weights at each moment, but frozen ones.

    Where other weights are frozen than at the moment before, all begins anew.

    Parameters
    ----------
    net : NeuralNet
        Initialised; it is trained in place.
    data : Data
    schedule, moment : callable
        As in `train`.
    max_rank : int, default=0
        Deviations to keep.

    Returns
    -------
    iterates : IterateGaussian
    trace : Trace
    """
    iterates = IterateGaussian(max_rank)
    before: list[int] = []

    def add(step: Step) -> None:
        """Take in the weights of a step."""
        weights = _trained_weights(step.module)
        if [id(weight) for weight in weights] != before:
            before[:] = [id(weight) for weight in weights]
            iterates.clear()
        iterates.add(torch.cat([weight.detach().flatten() for weight in weights]))

    return iterates, train(net, data, schedule=schedule, moment=moment, observe=ReadOnly(add))


def load_weight_vector(net: NeuralNet, data: Data, weights: Tensor) -> None:
    """Give a net other weights, and its batch normalisation the statistics that go with them.

    Parameters
    ----------
    net : NeuralNet
        Initialised.
    data : Data
        Training rows.
    weights : Tensor of shape (n_weights,)
        All that are not frozen.
    """
    parameters = _trained_weights(unwrap_compiled(net.module_))
    pieces = weights.split([p.numel() for p in parameters])
    for parameter, piece in zip(parameters, pieces, strict=True):
        # They stay in their memory, and images' weights in their format.
        parameter.data.copy_(piece.view(parameter.shape))
    refresh_batch_norm(net, data)


def _trained_weights(module: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in module.parameters() if weight.requires_grad]
