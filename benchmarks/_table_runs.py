"""Runs of methods on tables: each in a process of its own, and a line of JSON in the results."""

import gc
import json
import multiprocessing
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd
import torch
from _fresh import peak_bytes, reset_peak
from _table_competitors import CLASSES, Method
from _tables import Split, read_table, split_frame, split_rows
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error

from skensemble import SnapshotEnsembleClassifier
from skensemble.metrics import expected_calibration_error

MEGABYTE = 2**20


def warm_up() -> None:
    """Fit once without looking at the clock: in a first fit torch loads parts of itself."""
    torch.set_num_threads(1)
    SnapshotEnsembleClassifier().fit(np.eye(100), np.arange(100) % 2)


def splits_of(folder: Path, name: str, n_train: int, seed: int) -> dict[str, Split]:
    """Draw the same rows in each form that methods ask for; see `Method.rows`.

    Parameters
    ----------
    folder : Path
        See `read_table`.
    name : str
        Of the table.
    n_train, seed : int
        See `split_rows`.

    Returns
    -------
    splits : dict of str to Split
    """
    frame = split_frame(read_table(folder, name, keep_missing=True), n_train, seed)
    medians = frame.X.median(numeric_only=True)
    filled = frame._replace(X=frame.X.fillna(medians), X_test=frame.X_test.fillna(medians))
    strings = frame._replace(X=as_strings(frame.X), X_test=as_strings(frame.X_test))
    numbers = split_rows(read_table(folder, name), n_train, seed)
    return {"frame": frame, "filled": filled, "strings": strings, "numbers": numbers}


def as_strings(X: pd.DataFrame) -> pd.DataFrame:
    """Make strings of categories, and "missing" of missing ones."""
    categories = X.select_dtypes("category")
    return X.assign(**{name: X[name].astype(object).fillna("missing") for name in categories})


def measure(method: Method, split: Split, task: str, seed: int) -> dict[str, float]:
    """Fit a method in a process of its own, and score it on the test rows.

    Parameters
    ----------
    method : Method
    split : Split
        In the form of ``method.rows``.
    task : {"classification", "regression"}
    seed : int
        Of the method.

    Returns
    -------
    numbers : dict of str to float
        "loss" (log-loss in nats, or root mean squared error in units of the target) and "right"
        (accuracy or R2); "ece" for classes; "fit s" and "predict s", seconds of the processor;
        "fit wall s"; and "MB", the peak of the fit's memory beyond what was there before it.
    """

    def run() -> dict[str, float]:
        warnings.simplefilter("ignore")
        model = method.build(task, seed)
        # What the parent has left would be freed in mid-fit, and the peak be lower for it.
        gc.collect()
        before, wall, begun = reset_peak(), perf_counter(), process_time()
        method.fit(model, split.X, split.y, seed)
        fit, wall, peak = process_time() - begun, perf_counter() - wall, peak_bytes() - before
        begun = process_time()
        predicted = (model.predict_proba if task == CLASSES else model.predict)(split.X_test)
        predict = process_time() - begun
        # CatBoost gives its regressors an attribute of this name, too.
        classes = model.classes_ if task == CLASSES else None
        scores = score(predicted, split.y_test, classes)
        seconds = {"fit s": fit, "predict s": predict, "fit wall s": wall}
        return {**scores, **seconds, "MB": peak / MEGABYTE}

    return {name: float(f"{value:.6g}") for name, value in in_fork(run).items()}


def score(predicted: np.ndarray, y: np.ndarray, classes: np.ndarray | None) -> dict[str, float]:
    """Score probabilities of classes, or predicted targets where there are no classes.

    Parameters
    ----------
    predicted : ndarray of shape (n_samples, n_classes) or (n_samples,)
    y : ndarray of shape (n_samples,)
    classes : ndarray of shape (n_classes,) or None
        Labels of the columns.

    Returns
    -------
    scores : dict of str to float
    """
    if classes is None:
        loss = root_mean_squared_error(y, predicted)
        return {"loss": float(loss), "right": float(r2_score(y, predicted))}
    proba = np.asarray(predicted, dtype=np.float64)
    # Sums of float32 differ from 1 by more than log_loss takes without a warning.
    proba = proba / proba.sum(axis=1, keepdims=True)
    return {
        "loss": float(log_loss(y, proba, labels=classes)),
        "right": float(accuracy_score(y, classes[proba.argmax(axis=1)])),
        "ece": float(expected_calibration_error(y, proba, labels=classes)),
    }


def in_fork(work: Callable[[], Any]) -> Any:
    """Do work in a forked process, which has the data already and whose memory is its own.

    Parameters
    ----------
    work : callable
        Its result has to be one that can be pickled.

    Returns
    -------
    result : object

    Raises
    ------
    RuntimeError
        Where the work fails, with its traceback, or its process ends without a word.
    """
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def child(answer: Connection) -> None:
        try:
            answer.send((work(), ""))
        except Exception:
            answer.send((None, traceback.format_exc()))

    process = context.Process(target=child, args=(there,))
    process.start()
    there.close()
    try:
        result, failure = here.recv()
    except EOFError:
        failure = "it ended without a word, as a process does that has no memory left"
    process.join()
    if failure:
        raise RuntimeError(f"A run failed: {failure}")
    return result


class Runs:
    """Lines of JSON in a file, each a run with the keys that tell it from others.

    Parameters
    ----------
    path : Path
        Need not exist.
    keys : list of str
        Fields that a run is known by.
    """

    def __init__(self, path: Path, keys: list[str]) -> None:
        self.path, self.keys = path, keys
        path.parent.mkdir(parents=True, exist_ok=True)
        self.done = {self._key(run) for run in self.read()}

    def read(self) -> list[dict[str, Any]]:
        """Read all runs that are there, also those that other processes have made since."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [json.loads(line) for line in lines]

    def table(self) -> pd.DataFrame:
        """Read all runs, a row each.

        Raises
        ------
        SystemExit
            Where there is none.
        """
        runs = self.read()
        if not runs:
            raise SystemExit(f"A report needs runs in {self.path}, which has none.")
        return pd.DataFrame(runs)

    def lacks(self, run: dict[str, Any]) -> bool:
        """Whether no run with these keys was there at the beginning."""
        return self._key(run) not in self.done

    def add(self, run: dict[str, Any]) -> None:
        """Append a run, in one write, so that processes may share the file."""
        with self.path.open("a") as file:
            file.write(json.dumps(run) + "\n")
        self.done.add(self._key(run))

    def _key(self, run: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(run[key] for key in self.keys)
