"""A training that waits for others, and what is known of it before it begins."""

import hashlib
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from skensemble.data import batch_sizes
from skensemble.modules import unwrap_compiled
from skensemble.training import CopyWeights, Request


class PausedTraining:
    """A training that a fit waits for.

    Parameters
    ----------
    request : Request
        What was asked of `train`.

    Attributes
    ----------
    parameters : list of torch.nn.Parameter
        Of its module.
    generator_state : Tensor
        State of torch's global generator of its device, as the fit has seeded it.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.net, self.data = request.net, request.data
        self.module = unwrap_compiled(self.net.module_)
        # Listing them takes longer than adding them up, and nobody changes them while they wait.
        self.parameters = [*self.module.parameters()]
        self.device = self.parameters[0].device if self.parameters else torch.device("cpu")
        self.generator_state = torch_backend(self.device).get_rng_state()

    @cached_property
    def generator(self) -> torch.Generator:
        """What the net's dropout draws from: a copy of torch's global generator."""
        return torch.Generator(self.device).set_state(self.generator_state)

    @property
    def drawn_state(self) -> Tensor:
        """State of the generator after what dropout has drawn."""
        was_drawn_from = "generator" in vars(self)
        return self.generator.get_state() if was_drawn_from else self.generator_state

    @cached_property
    def batch_sizes(self) -> list[int]:
        """Rows of the batches of an epoch."""
        n_rows, batch_size = len(self.data.y), self.net.batch_size
        return batch_sizes(n_rows, n_rows if batch_size == -1 else batch_size)

    @property
    def n_steps(self) -> int:
        """Optimizer steps that were asked for, which may end within an epoch."""
        n_epochs = self.request.n_epochs or self.net.max_epochs
        return self.request.n_steps or n_epochs * len(self.batch_sizes)

    @cached_property
    def rows_digest(self) -> bytes:
        """Digest of rows and targets, equal where they are."""
        return self.data.rows_digest or digest_of([self.data.X, self.data.y])

    @cached_property
    def data_digest(self) -> bytes:
        """Digest of rows, targets and weights, equal where they are."""
        weight = self.data.sample_weight
        return self.rows_digest + (b"" if weight is None else digest_of([weight]))

    @property
    def observer_can_wait(self) -> bool:
        """Whether the observer takes copies of the weights, and may get them at the end."""
        observe = self.request.observe
        return isinstance(observe, CopyWeights) and observe.can_wait

    @property
    def held_bytes(self) -> int:
        """Bytes that it holds beside rows while it waits: weights, gradients, state and copies."""
        return 8 * sum(p.nbytes for p in self.parameters)

    @property
    def row_bytes(self) -> int:
        """Bytes of its rows, which others may have too."""
        X = self.data.X
        return int((X.data if issparse(X) else X).nbytes)


def digest_of(arrays: list[Any]) -> bytes:
    """Return a digest of arrays, their types and their shapes."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        array = np.ascontiguousarray(array)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.data)
    return digest.digest()


def torch_backend(device: torch.device) -> Any:
    """Return the part of torch that holds the global generator of a kind of device."""
    return {"cuda": torch.cuda, "mps": torch.mps}.get(device.type, torch)
