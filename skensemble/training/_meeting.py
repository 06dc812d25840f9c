"""Fits that train together: each goes its own way but for the steps of its training."""

import warnings
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any

import torch
from scipy.sparse import issparse

from skensemble._checks import check_int
from skensemble.members import bare
from skensemble.training._course import Plan, lay_out
from skensemble.training._grouping import (
    group_key,
    largest_batch,
    make_population,
    same_training,
    step_bytes,
    try_out,
    way_of,
)
from skensemble.training._lockstep import train_in_lockstep
from skensemble.training._participants import (
    Participant,
    Request,
    current_participant,
)
from skensemble.training._populations import FunctionalPopulation
from skensemble.training._seats import Seat
from skensemble.training._stacked_batches import sizes_of

MEMORY = 2**30
"""Bytes that the fits which wait for each other may hold, and that a population may take."""

CACHED_WEIGHTS = 2**21
"""Bytes of weights of a population on a CPU; gradients, momentum and rows have to fit beside."""


@dataclass
class Report:
    """What was trained together, and why the rest was not.

    Parameters
    ----------
    groups : list of dict
        Of each population: `way`, `n_nets` that it trained, `n_fits` that they stand for.
    alone : Counter
        Number of trainings that were made one by one, by reason.
    """

    groups: list[dict[str, Any]] = field(default_factory=list)
    alone: Counter[str] = field(default_factory=Counter)


def run_together(
    tasks: Sequence[Callable[[], Any]], *, memory: int = MEMORY, report: Report | None = None
) -> list[Participant]:
    """Run fits whose trainings are made in lock-step where that can be.

    Parameters
    ----------
    tasks : sequence of callable
        The fits, without arguments. A training that they ask of `train` waits for the others.
    memory : int, default=MEMORY
        Bytes of rows and weights beyond which no further fit is begun before others have ended,
        and most bytes that the nets trained as one take for their steps, on their device.
    report : Report, optional
        Filled in.

    Returns
    -------
    participants : list of Participant
        Ended, in the order of the tasks, each with its `result` or its `error`.

    Raises
    ------
    InvalidParameterError
        If `memory` is not an int >= 1.
    """
    check_int("memory", memory, 1)
    report = Report() if report is None else report
    participants = [Participant(task) for task in tasks]
    if current_participant() is not None:
        # These trainings go to the meeting that this fit takes part in.
        for participant in participants:
            participant.run_here()
        return participants
    to_start, waiting = deque(participants), []
    with _global_state_kept():
        try:
            while to_start or waiting:
                held = sum(_cost(p.request) for p in waiting)
                while to_start and held < memory:
                    participant = to_start.popleft()
                    waiting.append(participant)
                    participant.start()
                    held += _cost(participant.request)
                waiting = [p for p in waiting if not p.has_ended]
                _serve(waiting, memory, report, is_full=bool(to_start))
                waiting = [p for p in waiting if not p.has_ended]
        except BaseException:
            for participant in waiting:
                participant.cancel()
            raise
    return participants


def _serve(waiting: Sequence[Participant], memory: int, report: Report, *, is_full: bool) -> None:
    """Give all that wait their training; others are still to begin if memory is full."""
    groups: dict[Hashable, list[Participant]] = {}
    plans = _Plans()
    for participant in waiting:
        try:
            way = way_of(participant.request)
            if not isinstance(way, str):
                plans.add(participant)
                key = way, group_key(participant.request, way)
                groups.setdefault(key, []).append(participant)
        except Exception as error:
            participant.tell(error)
            continue
        if isinstance(way, str):
            _train_alone(participant, way, report)
    for (way, _), members in groups.items():
        if len(members) > 1:
            _train_group(way, members, plans, memory, report)
            continue
        rest = " among those that memory lets begin" if is_full else ""
        _train_alone(members[0], f"no other training is like it{rest}", report)


def _train_group(
    way: type, members: Sequence[Participant], plans: "_Plans", memory: int, report: Report
) -> None:
    seats: dict[Hashable, Seat] = {}
    for participant in members:
        plan = plans.of(participant)
        key = same_training(participant.request, plan)
        seats.setdefault(key, Seat(plan)).add(participant)
    try:
        if way is FunctionalPopulation:
            try_out(members[0].request)
    except Exception as error:
        for participant in members:
            _train_alone(participant, f"torch.func refuses the module: {error}"[:120], report)
        return
    n_nets = _most_nets([*seats.values()], memory)
    if n_nets == 1 and len(seats) == len(members):
        for participant in members:
            _train_alone(participant, "no other net fits into memory beside it", report)
        return
    for start in range(0, len(seats), n_nets):
        _train_seats(way, [*seats.values()][start : start + n_nets], report)


def _most_nets(seats: Sequence[Seat], memory: int) -> int:
    """Give the size of the populations that a group is cut into.

    Their steps have to fit into memory and, on a CPU, their weights into the cache.
    """
    requests = [seat.request() for seat in seats]
    weights = list(bare(requests[0].net.module_).parameters())
    most = memory // step_bytes(requests[0], max(map(largest_batch, requests)))
    if weights[0].device.type == "cpu":
        most = min(most, max(2, CACHED_WEIGHTS // sum(weight.nbytes for weight in weights)))
    n_groups = ceil(len(seats) / max(1, most))
    return ceil(len(seats) / n_groups)


def _train_seats(way: type, seats: Sequence[Seat], report: Report) -> None:
    """Train the nets of some seats as one population."""
    members = [participant for seat in seats for participant in seat.requests]
    requests = [seat.request() for seat in seats]
    report.groups.append({"way": way.name, "n_nets": len(requests), "n_fits": len(members)})
    try:
        population = make_population(way, requests)
        outcomes = train_in_lockstep(requests, [seat.plan for seat in seats], population)
    except Exception as error:
        # What a batch is too much for fails these fits, as it would fail each alone.
        outcomes = [error] * len(seats)
    for seat, outcome in zip(seats, outcomes, strict=True):
        seat.deliver(outcome)


def _train_alone(participant: Participant, reason: str, report: Report) -> None:
    report.alone[reason] += 1
    participant.tell(None)


class _Plans:
    """Rates and moments of the trainings that wait; most share theirs with others."""

    def __init__(self) -> None:
        self.known: dict[Hashable, Plan] = {}
        self.by_participant: dict[Participant, Plan] = {}

    def add(self, participant: Participant) -> None:
        """Lay out the training of a participant, unless one bound alike is known."""
        request = participant.request
        T = request.net.max_epochs * len(sizes_of(request.net, len(request.data.y)))
        key = (T, _identity(request.schedule), _identity(request.moment))
        if key not in self.known:
            self.known[key] = lay_out(request.schedule, request.moment, T)
        self.by_participant[participant] = self.known[key]

    def of(self, participant: Participant) -> Plan:
        """Give the plan of a participant."""
        return self.by_participant[participant]


def _identity(function: Callable[..., Any]) -> Hashable:
    """Give what two functions have in common if they are bound alike."""
    if isinstance(function, partial) and not function.args:
        values = tuple(sorted(function.keywords.items()))
        try:
            hash(values)
        except TypeError:
            return id(function)
        return function.func, values
    return id(function)


def _cost(request: Request | None) -> int:
    """Bytes that a waiting fit holds: its rows, and weights, gradients, momentum and copies."""
    if request is None:
        return 0
    weights = sum(p.nbytes for p in bare(request.net.module_).parameters())
    X = request.data.X
    return (X.data if issparse(X) else X).nbytes + 8 * weights


@contextmanager
def _global_state_kept() -> Iterator[None]:
    """Put back what the fits change for their time, in whatever order they end."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices), warnings.catch_warnings():
        yield
