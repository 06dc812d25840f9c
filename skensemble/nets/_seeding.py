"""Random states: one seed for a fit, and torch's global state left as it was found."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

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
    net.order_seed_ = seed
    with _INITIALIZATION, seeded(seed, device):
        net.initialize()
