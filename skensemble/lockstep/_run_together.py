"""Fits that are run together: each goes its own way but for the steps of its training."""

import gc
import warnings
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any

import torch

from skensemble._checks import check_int
from skensemble.data import give_back
from skensemble.lockstep._compatibility import engine_for, population_key, training_key
from skensemble.lockstep._loop import train_in_lockstep
from skensemble.lockstep._paused_fit import PausedFit, resume_in_turn
from skensemble.lockstep._paused_training import PausedTraining
from skensemble.lockstep._populations import FunctionalPopulation, Population
from skensemble.lockstep._shared_training import SharedTraining
from skensemble.lockstep._trial import step_bytes, try_out
from skensemble.training import StepPlan, plan_steps, taker

DEFAULT_MEMORY_BYTES = 2**30
"""Memory that fits which wait for each other may hold, and that a population may take."""

CACHED_WEIGHT_BYTES = 2**21
"""Weights of a population on a CPU; gradients, momentum and rows have to fit beside."""


@dataclass
class Report:
    """What was trained together, and why the rest was not.

    Parameters
    ----------
    groups : list of dict
        Of each population: its `engine`, `n_nets` that it trained, `n_fits` that they stand for.
    alone : Counter
        Number of trainings that were made one by one, by reason.
    """

    groups: list[dict[str, Any]] = field(default_factory=list)
    alone: Counter[str] = field(default_factory=Counter)


def run_together(
    tasks: Sequence[Callable[[], Any]],
    *,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    report: Report | None = None,
) -> list[PausedFit]:
    """Run fits whose trainings are made in lock-step where that can be.

    Parameters
    ----------
    tasks : sequence of callable
        The fits, without arguments. A training that they ask of `train` waits for the others.
    memory_bytes : int, default=2**30
        Memory budget in bytes. New fits wait while the rows and weights of unfinished fits exceed
        it, and a group of nets trained together never uses more on its device.
    report : Report, optional
        Filled in.

    Returns
    -------
    fits : list of PausedFit
        Ended, in the order of the tasks, each with its `result` or its `error`.

    Raises
    ------
    InvalidParameterError
        If `memory_bytes` is not an int >= 1.
    """
    check_int("memory_bytes", memory_bytes, 1)
    report = Report() if report is None else report
    fits = [PausedFit(task) for task in tasks]
    if taker.get() is not None:
        # These trainings are taken together with those of the fit that this runs in.
        for fit in fits:
            fit.run_here()
        return fits
    to_start, waiting = deque(fits), []
    with _global_state_kept():
        try:
            while to_start or waiting:
                while to_start and _held_bytes(waiting) < memory_bytes:
                    fit = to_start.popleft()
                    waiting.append(fit)
                    fit.start()
                waiting = [fit for fit in waiting if not fit.has_ended]
                _train_all(waiting, memory_bytes, report, is_full=bool(to_start))
                waiting = [fit for fit in waiting if not fit.has_ended]
        except BaseException:
            for fit in waiting:
                fit.cancel()
            raise
    return fits


def _train_all(
    waiting: Sequence[PausedFit], memory_bytes: int, report: Report, *, is_full: bool
) -> None:
    """Make the trainings of all that wait; others are still to begin if memory is full."""
    groups: dict[Hashable, list[PausedFit]] = {}
    plans = _Plans()
    for fit in waiting:
        try:
            engine = engine_for(fit.training)
            if engine.population is not None:
                plans.add(fit.training)
                key = engine.population, population_key(fit.training, engine.population)
                groups.setdefault(key, []).append(fit)
        except Exception as error:
            # Whatever a schedule or a module of the user's raises fails this fit alone.
            fit.resume(error)
            continue
        if engine.obstacle is not None:
            _train_alone(fit, engine.obstacle, report)
    for (population, _), fits in groups.items():
        if len(fits) > 1:
            _train_group(population, fits, plans, memory_bytes, report)
            continue
        rest = " among those that memory lets begin" if is_full else ""
        _train_alone(fits[0], f"no other training is like it{rest}", report)


def _train_group(
    population: type[Population],
    fits: Sequence[PausedFit],
    plans: "_Plans",
    memory_bytes: int,
    report: Report,
) -> None:
    """Make the trainings of fits that can be one population, as one or as several."""
    shared: dict[Hashable, SharedTraining] = {}
    for fit in fits:
        plan = plans.of(fit.training)
        key = training_key(fit.training, plan)
        shared.setdefault(key, SharedTraining(plan)).add(fit)
    try:
        if population is FunctionalPopulation:
            try_out(fits[0].training)
    except Exception as error:
        # torch.func has no error of its own for what it cannot vectorise.
        for fit in fits:
            _train_alone(fit, f"torch.func refuses the module: {error}"[:120], report)
        return
    trainings = [*shared.values()]
    n_nets = _most_nets([training.first for training in trainings], memory_bytes)
    if n_nets == 1 and len(trainings) == len(fits):
        for fit in fits:
            _train_alone(fit, "no other net fits into memory beside it", report)
        return
    for start in range(0, len(trainings), n_nets):
        _train_population(population, trainings[start : start + n_nets], report)


def _most_nets(trainings: Sequence[PausedTraining], memory_bytes: int) -> int:
    """Return the size of the populations that a group is cut into.

    Their steps have to fit into memory and, on a CPU, their weights into the cache.
    """
    first, n_rows = trainings[0], max(max(training.batch_sizes) for training in trainings)
    most = memory_bytes // step_bytes(first, n_rows)
    if first.device.type == "cpu":
        weight_bytes = sum(weight.nbytes for weight in first.parameters)
        most = min(most, max(2, CACHED_WEIGHT_BYTES // weight_bytes))
    n_groups = ceil(len(trainings) / max(1, most))
    return ceil(len(trainings) / n_groups)


def _train_population(
    population: type[Population], trainings: Sequence[SharedTraining], report: Report
) -> None:
    """Train some nets as one population."""
    n_nets, n_fits = len(trainings), sum(len(training.trainings) for training in trainings)
    report.groups.append({"engine": population.name, "n_nets": n_nets, "n_fits": n_fits})
    firsts = [training.first for training in trainings]
    try:
        ends = train_in_lockstep(trainings, population(firsts))
    except Exception as error:
        # An error in the middle, such as running out of memory, fails all fits of this population,
        # as it would fail each alone.
        ends = [error] * len(trainings)
    told = [
        pair
        for training, end in zip(trainings, ends, strict=True)
        for pair in training.outcomes(end)
    ]
    if told:
        resume_in_turn(told)
    give_back(firsts[0].row_bytes)


def _train_alone(fit: PausedFit, reason: str, report: Report) -> None:
    report.alone[reason] += 1
    fit.resume(None)


class _Plans:
    """Plans of the trainings that wait; most have the schedule of others, and their plan."""

    def __init__(self) -> None:
        self.known: dict[Hashable, StepPlan] = {}
        self.by_training: dict[PausedTraining, StepPlan] = {}

    def add(self, training: PausedTraining) -> None:
        """Plan a training, unless the plan of one with the same schedule is known."""
        request = training.request
        T = training.n_steps
        key = (T, _identity(request.schedule), _identity(request.moment))
        if key not in self.known:
            self.known[key] = plan_steps(request.schedule, request.moment, T)
        self.by_training[training] = self.known[key]

    def of(self, training: PausedTraining) -> StepPlan:
        """Return the plan of a training."""
        return self.by_training[training]


def _identity(function: Callable[..., Any]) -> Hashable:
    """Return what two functions have in common if they are bound to the same values."""
    if isinstance(function, partial) and not function.args:
        keywords = sorted(function.keywords.items())
        values = tuple((k, _identity(v) if isinstance(v, partial) else v) for k, v in keywords)
        try:
            hash(values)
        except TypeError:
            return id(function)
        return function.func, values
    return id(function)


def _held_bytes(fits: Sequence[PausedFit]) -> int:
    """Return the bytes that fits hold while they wait; rows that several train on count once."""
    trainings = [fit.training for fit in fits if fit.training is not None]
    rows = {id(training.data.X): training.row_bytes for training in trainings}
    return sum(rows.values()) + sum(training.held_bytes for training in trainings)


@contextmanager
def _global_state_kept() -> Iterator[None]:
    """Put back what the fits change for their time, in whatever order they end."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices), warnings.catch_warnings(), _old_objects_frozen():
        yield


@contextmanager
def _old_objects_frozen() -> Iterator[None]:
    """Let garbage collections inside the block look at nothing that was there before.

    Fits that wait keep what they have made, which makes Python look through all objects, those of
    torch and scikit-learn too: a quarter of a second in the middle of a short search.
    """
    if gc.get_freeze_count():
        # Somebody else has frozen objects, who would miss it if all were unfrozen.
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
