"""Random states: one seed for a fit, and torch's global state left as it was found."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import RLock
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

_INITIALIZATION = RLock()


def draw_seed(random_state: Any) -> int:
    """Draw the one seed that a fit derives everything from.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As in scikit-learn; None draws from NumPy's global state.

    Returns
    -------
    seed : int
        Below 2**31 - 1.
    """
    return int(check_random_state(random_state).randint(2**31 - 1))


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators inside the block and put their states back after it."""
    devices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def initialize_seeded(net: Any, seed: int, device: torch.device) -> None:
    """Initialise a skorch net from a seed, one thread at a time.

    Modules draw their weights from torch's global generator, which threads share. Our own nets
    draw the order of the rows from the seed too, each from a generator of its own.
    """
    weights_seed, net.order_seed_, _ = _streams(seed)
    with _INITIALIZATION, seeded(weights_seed, device):
        net.initialize()


def training_seeded(seed: int, device: torch.device) -> AbstractContextManager[None]:
    """Seed what a training draws from torch's global generators: dropout, and stock iterators."""
    return seeded(_streams(seed)[2], device)


def _streams(seed: int) -> list[int]:
    """Seeds of unrelated streams for weights, order and training."""
    return np.random.SeedSequence(seed).generate_state(3).tolist()
