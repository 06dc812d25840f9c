"""Forward passes of members, batch by batch."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skensemble._typing import State
from skensemble.averaging import average
from skensemble.data import forward_batches
from skensemble.members._template import MemberTemplate


class Predictor:
    """Forward passes of members, batch by batch.

    Parameters
    ----------
    device : torch.device
        Where the members compute.
    transform : callable
        Turns a module's output into probabilities or values.
    autocast : torch.dtype or None
        Lower precision to compute in.
    batch_size : int
        Least number of rows of a batch.

    Attributes
    ----------
    modules : list of torch.nn.Module
        In evaluation mode, oldest first.
    """

    def __init__(
        self,
        device: torch.device,
        transform: Callable[[Tensor], Tensor],
        autocast: torch.dtype | None,
        batch_size: int,
    ) -> None:
        self.device = device
        self.transform = transform
        self.autocast = autocast
        self.batch_size = batch_size
        self.modules: list[nn.Module] = []

    def add(self, template: MemberTemplate, state: State) -> None:
        """Add a member."""
        self.modules.append(template.build(state, self.device))

    def outputs(self, X: Any, members: Sequence[int]) -> np.ndarray:
        """Return what some members predict.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, ...)
            Rows in the dtype of the weights.
        members : sequence of int
            Indices of members.

        Returns
        -------
        outputs : ndarray of shape (len(members), n_samples, n_outputs)
        """
        return np.concatenate(
            [torch.stack(batch).cpu().numpy() for batch in self._batches(X, members)], axis=1
        )

    def second_outputs(self, X: Any, members: Sequence[int]) -> np.ndarray:
        """Return the second of what the modules of some members give, as they give it.

        Parameters
        ----------
        X, members
            As in `outputs`.

        Returns
        -------
        outputs : ndarray of shape (len(members), n_samples, n_outputs)
        """
        batches = self._batches(X, members, part=1)
        return np.concatenate([torch.stack(batch).cpu().numpy() for batch in batches], axis=1)

    def mean(self, X: Any, weights: np.ndarray) -> np.ndarray:
        """Return the weighted mean of what the members predict, without holding each.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, ...)
            Rows in the dtype of the weights.
        weights : ndarray of shape (n_members,)
            Weights that sum to 1; a member of weight 0 is not run.

        Returns
        -------
        mean : ndarray of shape (n_samples, n_outputs)
        """
        members = np.flatnonzero(weights)
        own = weights[members]
        batches = self._batches(X, members)
        return np.concatenate([average(outputs, own).cpu().numpy() for outputs in batches])

    def _batches(self, X: Any, members: Sequence[int], part: int = 0) -> Iterator[list[Tensor]]:
        modules = [self.modules[k] for k in members]
        dtype = torch.float64 if X.dtype == np.float64 else torch.float32
        with torch.inference_mode():
            for batch in forward_batches(X, self.batch_size, dtype):
                batch = batch.to(self.device)
                yield [self._forward(module, batch, part) for module in modules]

    def _forward(self, module: nn.Module, batch: Tensor, part: int) -> Tensor:
        if self.autocast is None:
            output = module(batch)
        else:
            with torch.autocast(self.device.type, dtype=self.autocast):
                output = module(batch)
        output = output[part] if isinstance(output, tuple) else output
        output = output.float() if self.autocast else output
        return output if part else self.transform(output)
