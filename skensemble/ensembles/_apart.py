"""Nets that are trained apart, in this process or in others."""

from collections.abc import Callable, Iterator, Sequence
from numbers import Integral
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.utils.parallel import Parallel, delayed
from skorch import NeuralNet

from skensemble._checks import reject
from skensemble._typing import Schedule, State
from skensemble.ensembles._answers import N_CHECKED, check_last_member
from skensemble.ensembles._net import autocast_dtype
from skensemble.ensembles._pickling import can_travel
from skensemble.ensembles._warnings import warn_if_processes_are_slower
from skensemble.members import MAIN, MemberState, Predictor, Structures, copy_member, filled
from skensemble.nets import device_of
from skensemble.seeding import fresh_net, training_seeded
from skensemble.training import Data, Trace, train_to_end


def check_ways(lockstep: Any, n_jobs: Any) -> None:
    """Refuse a `lockstep` or an `n_jobs` that says nothing of how several nets are trained."""
    if not isinstance(lockstep, bool | np.bool_) and lockstep != "auto":
        raise reject("lockstep", "True, False or 'auto'", lockstep)
    is_int = isinstance(n_jobs, Integral) and not isinstance(n_jobs, bool)
    if n_jobs is not None and not (is_int and n_jobs):
        raise reject("n_jobs", "None or an int other than 0", n_jobs)


def train_apart(
    net: NeuralNet, data: Data, schedule: Schedule, seed: int, is_checked: bool
) -> tuple[State, Trace]:
    """Train a net from a seed, in whatever process, and copy it.

    Parameters
    ----------
    net : NeuralNet
        Its arguments are those of the net that is trained.
    data : Data
    schedule : callable
        As in `train`.
    seed : int
        Of weights and orders.
    is_checked : bool
        Whether to hold the copy to its net.

    Returns
    -------
    state : MemberState
    trace : Trace
    """
    device = device_of(net)
    fresh = fresh_net(net, seed, device)
    with training_seeded(seed, device):
        trace = train_to_end(fresh, data, schedule)
    state = copy_member(fresh)
    if is_checked:
        transform = fresh._get_predict_nonlinearity()
        is_last = getattr(fresh, "channels_last", False)
        predictor = Predictor(device, transform, autocast_dtype(fresh), 1, channels_last=is_last)
        predictor.add(None, state)
        check_last_member(predictor, fresh, state, data.X[:N_CHECKED])
    return state, trace


class Packed:
    """A member on its way between processes, on one memory where it arrives.

    Parameters
    ----------
    state : MemberState
        A structure that no pickle can write stays behind: the template of the ensemble has it.
    """

    def __init__(self, state: MemberState) -> None:
        self.arrays, self.structures = dict(state), None
        if state.parts is not None:
            member = state.parts[MAIN]
            member = member if state.shell is None else filled(state.shell, state.parts)
            structures = Structures([member], [self.arrays])
            self.structures = structures if can_travel(structures) else None

    def unpack(self) -> MemberState:
        """Put the member together again."""
        if self.structures is None:
            return MemberState(self.arrays)
        return self.structures.fill([self.arrays])[0]


def train_and_pack(*arguments: Any) -> tuple[Packed, Trace]:
    """Do what `train_apart` does, in another process."""
    state, trace = train_apart(*arguments)
    return Packed(state), trace


def in_processes(tasks: Sequence[Callable[[], Any]], n_jobs: int | None) -> Iterator[Any]:
    """Yield what tasks return, in their order, from some processes at the same time."""
    parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    began, seconds = perf_counter(), []
    for result, duration in parallel(delayed(_timed)(task) for task in tasks):
        seconds.append(duration)
        yield result
    warn_if_processes_are_slower(n_jobs, seconds, perf_counter() - began)


def _timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function returns, and the seconds that it took."""
    began = perf_counter()
    return function(), perf_counter() - began
