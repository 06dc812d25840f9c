"""Several nets trained: as one population, one by one, or in several processes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from joblib import effective_n_jobs

from skensemble._typing import State
from skensemble.ensembles._apart import Packed, in_processes
from skensemble.ensembles.cross_fitted._nets import NetInTraining, Take
from skensemble.lockstep import run_together
from skensemble.training import Step, Trace

TrainOne = Callable[[NetInTraining, Take], Trace]
"""``NetInTraining.train``, or `train_further` of some length."""


def train_nets(
    nets: Sequence[NetInTraining],
    train: TrainOne,
    takes: Sequence[Take],
    *,
    lockstep: bool,
    n_jobs: int | None,
) -> list[Trace]:
    """Train several nets, and hand over the members of each in their order.

    Parameters
    ----------
    nets : sequence of NetInTraining
    train : callable
        Trains one of them.
    takes : sequence of callable
        What the members of each net are handed to.
    lockstep : bool
        Whether nets are trained as one population where that can be.
    n_jobs : int or None
        Processes that train at the same time, each its share of the nets.

    Returns
    -------
    traces : list of Trace
        Of each net.
    """
    n_processes = min(len(nets), effective_n_jobs(n_jobs))
    if n_processes == 1:
        return _train_here(nets, train, takes, lockstep)
    shares = np.array_split(np.arange(len(nets)), n_processes)
    tasks = [partial(_train_share, [nets[k] for k in share], train, lockstep) for share in shares]
    traces = []
    for found in in_processes(tasks, n_jobs):
        for trained, members, trace in found:
            k = len(traces)
            nets[k].take_over(trained)
            for packed, step in members:
                state = packed.unpack()
                nets[k].collect(state, step)
                takes[k](state, step)
            traces.append(trace)
    return traces


def _train_here(
    nets: Sequence[NetInTraining], train: TrainOne, takes: Sequence[Take], lockstep: bool
) -> list[Trace]:
    tasks = [partial(train, net, take) for net, take in zip(nets, takes, strict=True)]
    if not lockstep:
        return [_uninterrupted(task()) for task in tasks]
    fits = run_together(tasks)
    for fit in fits:
        if fit.error is not None:
            raise fit.error
    # Inside another fit that waits, nets are trained here, one after another.
    return [_uninterrupted(fit.result) for fit in fits]


def _uninterrupted(trace: Trace) -> Trace:
    """Return the trace of a training; after Ctrl-C the other nets are not trained."""
    if trace.was_interrupted:
        raise KeyboardInterrupt
    return trace


def _train_share(nets: Sequence[NetInTraining], train: TrainOne, lockstep: bool) -> list[Any]:
    """Train some nets in another process; return each with its members, packed, and its trace."""
    members: list[list[tuple[Packed, Step]]] = [[] for _ in nets]
    takes = [partial(_pack, own) for own in members]
    traces = _train_here(nets, train, takes, lockstep)
    return [*zip(nets, members, traces, strict=True)]


def _pack(members: list[tuple[Packed, Step]], state: State, step: Step) -> bool:
    """Pack a member, and of its step what another process can read."""
    readable = replace(step, module=None, mean_loss=partial(float, step.loss))
    members.append((Packed(state), readable))
    return False
