"""Steps of a population, which can be recorded and replayed on a GPU."""

import torch
from torch import Tensor

from skensemble._warn import warn_user
from skensemble.lockstep._paused_training import PausedTraining
from skensemble.lockstep._populations import Batch, Population
from skensemble.lockstep._stacked_optimizers import StackedOptimizer
from skensemble.nets.gradients import RecordedCalls, recorder_for


class PopulationSteps:
    """The steps of a population: what is drawn, gradients, updates.

    Parameters
    ----------
    population : Population
    optimizer : StackedOptimizer
    sizes : Tensor of shape (K, n_batches)
        Rows of each batch of each net.
    training : PausedTraining
        Of one of the nets; in all of them `cuda_graph` is the same.
    """

    def __init__(
        self,
        population: Population,
        optimizer: StackedOptimizer,
        sizes: Tensor,
        training: PausedTraining,
    ) -> None:
        self.population, self.optimizer = population, optimizer
        self.sizes = sizes.T.tolist()
        self.asked = training.net.cuda_graph
        recorder = None if self.asked is False else recorder_for(training.device)
        self.calls = None if recorder is None else RecordedCalls(self._make, recorder)

    @torch.no_grad()
    def make(self, batch: Batch, t: int) -> Tensor:
        """Make a step.

        Parameters
        ----------
        batch : Batch
        t : int
            Steps made before this one.

        Returns
        -------
        losses : Tensor of shape (K,)
        """
        self.population.draw(batch[-1].shape[1], self.sizes[t % len(self.sizes)])
        self.optimizer.begin(t)
        losses = self._make(*batch)[0] if self.calls is None else self._replay(self.calls, batch)
        self.optimizer.end(t)
        return losses

    def _make(self, x: Tensor, y: Tensor, row_weight: Tensor) -> list[Tensor]:
        losses = self.population.backward((x, y, row_weight))
        self.optimizer.make()
        return [losses]

    def _replay(self, calls: RecordedCalls, batch: Batch) -> Tensor:
        (losses,), is_replayed = calls(*batch)
        if calls.obstacle is not None:
            if calls.has_failed or self.asked is True:
                warn_user(f"Steps in lock-step are no CUDA graph: {calls.obstacle}.")
            self.calls = None
        # The next replay writes others in their place.
        return losses.clone() if is_replayed else losses
