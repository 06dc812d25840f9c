"""The trainings of cifar.py, kept as lines of JSON with their predictions in files beside them."""

import gc
import json
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time
from types import SimpleNamespace
from typing import Any

import numpy as np
from _cifar_problems import Problem, net_name, trainings
from _comparison_runs import append_line, read_lines
from _report import environment
from _scores import score_classes, score_sizes

from skensemble.datasets import ImageData

Run = dict[str, Any]


class Study:
    """The runs of a net in a folder.

    Parameters
    ----------
    problem : Problem
    folder : Path
        Where the lines, predictions and the table lie.
    """

    def __init__(self, problem: Problem, folder: Path) -> None:
        self.problem = problem
        name = problem.net.lower().replace("-", "_")
        self.lines = folder / f"cifar_{name}.jsonl"
        self.table = folder / f"cifar_{name}.md"
        self.predictions = folder / f"cifar_{name}_predictions"
        self.settings = json.loads(json.dumps(problem.settings()))
        self.runs: list[Run] = read_lines(self.lines, self.settings)

    def missing(self, seeds: int, names: Sequence[str] | None = None) -> list[tuple[int, str]]:
        """List the seeds and names of the trainings that are not there yet, seed by seed."""
        done = {(run["seed"], run["training"]) for run in self.runs}
        return [
            (seed, name)
            for seed in range(seeds)
            for name in trainings(self.problem)
            if (seed, name) not in done and (names is None or name in names)
        ]

    def make(self, seed: int, name: str, images: ImageData) -> Run:
        """Train once, and keep the predictions and the line."""
        run, proba = measure(self.problem, seed, name, images)
        self._keep(seed, name, proba)
        if name == net_name(self.problem.M - 1):
            run["sizes"] = self._score_nets(seed, images)
        append_line(self.lines, run)
        self.runs.append(run)
        return run

    def _file(self, seed: int, name: str) -> Path:
        return self.predictions / f"{name.replace(' ', '_')}_seed{seed}.npy"

    def _keep(self, seed: int, name: str, proba: np.ndarray) -> None:
        """Write what members predict, whole or not at all."""
        self.predictions.mkdir(parents=True, exist_ok=True)
        file = self._file(seed, name)
        begun = file.with_suffix(".part")
        with begun.open("wb") as opened:
            np.save(opened, proba)
        begun.replace(file)

    def _score_nets(self, seed: int, images: ImageData) -> list[dict[str, float]]:
        """Score the deep ensembles of 1, 2, ... of the nets of a seed."""
        files = [self._file(seed, net_name(k)) for k in range(self.problem.M)]
        for file in files:
            if not file.is_file():
                sys.exit(f"{file} is needed, and not there: delete the line of its training.")
        proba = np.concatenate([np.load(file) for file in files])
        model = SimpleNamespace(
            member_predict_proba=lambda X: proba, classes_=np.unique(images.y_train)
        )
        rows = SimpleNamespace(X=None, y=images.y_test)
        return score_sizes(model, SimpleNamespace(is_classification=True, test=rows))


def measure(problem: Problem, seed: int, name: str, images: ImageData) -> tuple[Run, np.ndarray]:
    """Train once; score each member, and the mean of the last 1, 2, ... of them.

    Parameters
    ----------
    problem : Problem
    seed : int
    name : str
        Of the training.
    images : ImageData

    Returns
    -------
    run : dict
        A line of the results.
    proba : ndarray of shape (n_members, n_test, n_classes)
        Float32 probabilities of the test images.
    """
    model = trainings(problem)[name].build(problem, seed)
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begun, of_processor = perf_counter(), process_time()
        model.fit(images.X_train, images.y_train)
        seconds, of_processor = perf_counter() - begun, process_time() - of_processor
    proba = model.member_predict_proba(images.X_test)
    members = [score_classes(p, images.y_test, model.classes_) for p in proba]
    means = [
        score_classes(proba[-m:].astype(np.float64).mean(axis=0), images.y_test, model.classes_)
        for m in range(2, len(proba) + 1)
    ]
    run = {
        "seed": seed,
        "training": name,
        "members": members,
        "last": [members[-1], *means],
        "last losses": model.loss_curve_[-3:].tolist(),
        "fit s": seconds,
        "processor s": of_processor,
        "steps": int(model.n_steps_),
        "load": os.getloadavg()[0],
        "warnings": sorted({str(warning.message) for warning in caught}),
        "settings": json.loads(json.dumps(problem.settings())),
        "machine": environment(),
    }
    return run, proba.astype(np.float32)
