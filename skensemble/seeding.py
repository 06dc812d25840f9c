"""Random states: one seed for a fit, and torch's global state left as it was found."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from inspect import isclass
from threading import RLock
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils import check_random_state
from skorch import NeuralNet
from torch import nn

from skensemble._checks import InvalidParameterError, reject
from skensemble.modules import MLP

_GLOBAL_STATE = RLock()
"""Held while torch's global generators are set, and while a module draws its weights from them."""


class Streams(NamedTuple):
    """Seeds of unrelated streams, one for each kind of thing that a fit draws.

    Attributes
    ----------
    weights : int
        Of the weights that a module begins with.
    order : int
        Of the order of the rows.
    training : int
        Of what a training draws from torch's global generators: dropout, stock iterators.
    method : int
        Of what a method draws beside the training of its first net.
    validation : int
        Of the rows that are held out for validation.
    """

    weights: int
    order: int
    training: int
    method: int
    validation: int

    def of_training(self, n_before: int) -> int:
        """Return the seed of a training that goes on from so many others."""
        return spawn_seeds(self.training, n_before)[-1] if n_before > 0 else self.training


@lru_cache
def streams_of(seed: int) -> Streams:
    """Return the seeds that a fit derives from its one seed.

    Examples
    --------
    >>> streams_of(0) == streams_of(0)
    True
    >>> len(set(streams_of(0)))
    5
    """
    return Streams(*spawn_seeds(seed, len(Streams._fields)))


def draw_seed(random_state: Any) -> int:
    """Draw the one seed that a fit derives all others from.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As in scikit-learn; None draws from NumPy's global state.

    Returns
    -------
    seed : int
        Below 2**31 - 1.

    Raises
    ------
    InvalidParameterError
        If no state can be made of it.
    """
    try:
        if type(random_state) is int:
            return _seed_of(random_state)
        return int(check_random_state(random_state).randint(2**31 - 1))
    except (ValueError, TypeError):
        rule = f"None, an int in 0..{2**32 - 1} or a RandomState"
        raise reject("random_state", rule, random_state) from None


@lru_cache
def _seed_of(random_state: int) -> int:
    """Draw from a new state each time; making one takes longer than all else here."""
    return int(check_random_state(random_state).randint(2**31 - 1))


def initialize_seeded(net: Any, streams: Streams, device: torch.device) -> None:
    """Initialise a skorch net from seeds.

    Modules draw their weights from torch's global generator. Our own nets draw the order of the
    rows from a generator of their own.
    """
    net.order_seed_ = streams.order
    with building_seeded(streams.weights, device), _all_seeded(net, streams.weights):
        net.initialize()


def check_rebuildable(net: NeuralNet) -> None:
    """Refuse a net whose module is there already: nets made from it would all start alike.

    Parameters
    ----------
    net : NeuralNet
        Initialised.

    Raises
    ------
    InvalidParameterError
        If the net holds a module instead of a way to build one, or a function whose modules have
        trained weights in common.
    """
    if isinstance(net.module, nn.Module):
        raise InvalidParameterError(
            "estimator must be a net whose module is a class or a function, for members with "
            f"weights of their own, got {type(net.module)}. Write a function that builds it, loads "
            f"what is pretrained and freezes that, and give it as {type(net).__name__}(function)."
        )
    if isclass(net.module):
        return
    trained = {id(weight) for weight in net.module_.parameters() if weight.requires_grad}
    with building_seeded(0, torch.device("cpu")), _all_seeded(net, 0):
        other = net.initialized_instance(net.module, net.get_params_for("module"))
    common = [name for name, weight in other.named_parameters() if id(weight) in trained]
    if common:
        raise InvalidParameterError(
            "estimator must be a net whose module is built anew by each call, got a function whose "
            f"modules all train the same {common[0]!r}. Copy what is pretrained inside the "
            "function, with copy.deepcopy, or freeze it."
        )


def fresh_net(net: NeuralNet, seed: int, device: torch.device) -> NeuralNet:
    """Return a net of the same parameters, initialised with weights and order of its own."""
    other = clone(net)
    initialize_seeded(other, streams_of(seed), device)
    return other


def spawn_seeds(seed: int, n_seeds: int) -> list[int]:
    """Return seeds of unrelated streams; the first do not depend on how many are asked for."""
    return np.random.SeedSequence(seed).generate_state(n_seeds).tolist()


@contextmanager
def _all_seeded(net: Any, seed: int) -> Iterator[None]:
    """Seed NumPy's and Python's global generators too, for a module that is not torch's own."""
    if net.module is MLP:
        yield
        return
    # The global state is what a constructor may draw from, whatever NumPy advises.
    before, python_before = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
        random.setstate(python_before)


@contextmanager
def building_seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators inside the block, one thread at a time."""
    with _GLOBAL_STATE, _seeded(seed, device):
        yield


@contextmanager
def training_seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed what a training draws from torch's global generators, from the stream of that name.

    Threads may train at the same time. What they draw here is then mixed, and torch's state may
    stay changed. Our own nets without dropout draw nothing here.
    """
    with ExitStack() as stack:
        with _GLOBAL_STATE:
            stack.enter_context(_seeded(seed, device))
        try:
            yield
        finally:
            with _GLOBAL_STATE:
                stack.close()


def generator_states(device: torch.device) -> list[torch.Tensor]:
    """Return the states of torch's global generators, on the CPU and on a device."""
    states = [torch.get_rng_state()]
    if device.type in ("cuda", "mps"):
        states.append(getattr(torch, device.type).get_rng_state())
    return states


def set_generator_states(device: torch.device, states: list[torch.Tensor]) -> None:
    """Set torch's global generators, inside `training_seeded`.

    A device that has no state among these keeps its own.
    """
    torch.set_rng_state(states[0])
    if device.type in ("cuda", "mps") and len(states) > 1:
        getattr(torch, device.type).set_rng_state(states[1])


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators and put their states back afterwards."""
    with ExitStack() as stack:
        if device.type == "cuda":
            stack.enter_context(torch.cuda.device(device))
        elif device.type == "mps":
            stack.callback(torch.mps.set_rng_state, torch.mps.get_rng_state())
        on_cuda = device.type == "cuda"
        devices = [torch.cuda.current_device()] if on_cuda else []
        stack.enter_context(torch.random.fork_rng(devices=devices))
        # torch.manual_seed takes milliseconds: it speaks to each backend, there or not.
        torch.default_generator.manual_seed(seed)
        if device.type in ("cuda", "mps"):
            getattr(torch, device.type).manual_seed(seed)
        yield
