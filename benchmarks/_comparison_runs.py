"""The runs of compare_methods.py: one fit each, in processes, kept as lines of JSON."""

import gc
import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from _comparison_data import LOADERS, Problem
from _methods import Method, deep, methods
from _report import environment
from _scores import score, score_sizes, usage
from threadpoolctl import threadpool_limits

Run = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A data set and how it is to be learnt.

    Attributes
    ----------
    data : str
    path : Path
        Folder of the data.
    epochs : int or None
        Budget of each method; None is that of the problem.
    is_quick : bool
        Whether it is a smoke run, of few epochs, cycles and nets, without the long fits.
    """

    data: str
    path: Path
    epochs: int | None
    is_quick: bool

    def problem(self) -> Problem:
        """Give the data, the net and the budget."""
        return _load(self)

    def methods(self) -> dict[str, Method]:
        """Give the rows of the table by name."""
        return {
            method.name: method
            for method in methods(self.problem())
            if not (self.is_quick and method.is_untouched)
        }

    def settings(self) -> dict[str, Any]:
        """Give what a reader needs to know to repeat it, as JSON gives it back."""
        return json.loads(json.dumps({**self.problem().settings(), "quick": self.is_quick}))


@lru_cache
def _load(study: Study) -> Problem:
    problem = LOADERS[study.data](study.path)
    if study.is_quick:
        problem = replace(problem, epochs=4, M=2, k=2, n_deep=2)
    problem = replace(problem, epochs=study.epochs or problem.epochs)
    if problem.epochs < problem.k:
        sys.exit(f"--epochs must be >= {problem.k}, one for each net, got {problem.epochs}.")
    return problem


def read_runs(folder: Path, study: Study) -> list[Run]:
    """Read what was measured before; runs of other settings cannot stand beside new ones."""
    return read_lines(raw_file(folder, study.data), study.settings())


def read_lines(file: Path, settings: dict[str, Any]) -> list[Run]:
    """Read the runs of a file, all of which have these settings; there may be no such file."""
    runs = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    if any(run["settings"] != settings for run in runs):
        sys.exit(f"--output must be a folder without runs of other settings, got {file.parent}.")
    return runs


def raw_file(folder: Path, data: str) -> Path:
    """Give the file of the runs of a data set."""
    return folder / f"methods_{data}.jsonl"


def missing(
    study: Study, runs: Iterable[Run], seeds: int, names: Sequence[str] | None
) -> list[tuple[Study, int, str]]:
    """List the runs that are not there yet, seed by seed."""
    done = {(run["seed"], run["method"]) for run in runs}
    return [
        (study, seed, name)
        for seed in range(seeds)
        for name in study.methods()
        if (seed, name) not in done and (names is None or name in names)
    ]


def make_runs(tasks: Sequence[tuple[Study, int, str]], jobs: int) -> Iterator[tuple[Study, Run]]:
    """Measure one after the other or in processes; yield each run when it is there."""
    if jobs == 1 or len(tasks) < 2:
        # NumPy's and SciPy's linear algebra has threads of its own.
        with threadpool_limits(1):
            for study in dict.fromkeys(task[0] for task in tasks):
                warm_up(study)
            for task in tasks:
                yield task[0], measure(*task)
        return
    studies = list(dict.fromkeys(task[0] for task in tasks))
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (studies,)) as pool:
        futures = {pool.submit(measure, *task): task[0] for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            # What fails, or breaks off, need not wait for all others.
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(studies: Sequence[Study]) -> None:
    """Prepare a process: one thread, and the data there."""
    threadpool_limits(1)
    for study in studies:
        warm_up(study)


def warm_up(study: Study) -> None:
    """Fit once without looking at the clock: a first fit imports and allocates more than others."""
    torch.set_num_threads(1)
    problem = study.problem()
    single, *_ = methods(problem)
    single.build(replace(problem, epochs=1), seed=0).fit(problem.train.X, problem.train.y)


def measure(study: Study, seed: int, name: str) -> Run:
    """Fit a method once; collect its scores, its costs and what it warned of.

    Steps of nets that train together are counted for each of them; those of a net of its own, with
    its own batches, are not counted in the nets of the others.
    """
    problem, method = study.problem(), study.methods()[name]
    model = method.build(problem, seed)
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begun = perf_counter()
        model.fit(problem.train.X, problem.train.y)
        seconds = perf_counter() - begun
    load = os.getloadavg()[0]
    run = {
        "seed": seed,
        "method": name,
        "class": type(model).__name__,
        **score(model, problem),
        "fit s": seconds,
        "steps": int(model.n_steps_) * getattr(model, "n_nets_", 1),
        "has own net": method.is_untouched,
        **usage(model, problem),
        "load": load,
        "warnings": sorted({str(warning.message) for warning in caught}),
        "settings": study.settings(),
        "machine": environment(),
    }
    if name == deep(problem):
        run["sizes"] = score_sizes(model, problem)
    return run


def append(folder: Path, study: Study, run: Run) -> None:
    """Keep a run, whatever comes after it."""
    append_line(raw_file(folder, study.data), run)


def append_line(file: Path, run: Run) -> None:
    """Add a run to a file, which need not be there yet."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as opened:
        opened.write(json.dumps(run) + "\n")
