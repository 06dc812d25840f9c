"""Random states: one seed for a fit, and torch's global state left as it was found."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import RLock
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

_GLOBAL_STATE = RLock()
"""Held while torch's global generators are set, and while a module draws its weights from them."""


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


def initialize_seeded(net: Any, seed: int, device: torch.device) -> None:
    """Initialise a skorch net from a seed.

    Modules draw their weights from torch's global generator. Our own nets draw the order of the
    rows from the seed too, each from a generator of its own.
    """
    weights_seed, net.order_seed_, _ = _streams(seed)
    with building_seeded(weights_seed, device):
        net.initialize()


@contextmanager
def building_seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators inside the block, one thread at a time."""
    with _GLOBAL_STATE, _seeded(seed, device):
        yield


@contextmanager
def training_seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed what a training draws from torch's global generators: dropout, and stock iterators.

    Threads may train at the same time. What they draw from the global generators is then mixed;
    weights and the order of rows are not drawn there.
    """
    with ExitStack() as stack:
        with _GLOBAL_STATE:
            stack.enter_context(_seeded(_streams(seed)[2], device))
        try:
            yield
        finally:
            with _GLOBAL_STATE:
                stack.close()


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators and put their states back afterwards."""
    devices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        # torch.manual_seed takes milliseconds: it speaks to each backend, there or not.
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)
        yield


def _streams(seed: int) -> list[int]:
    """Seeds of unrelated streams for weights, order and training."""
    return np.random.SeedSequence(seed).generate_state(3).tolist()
