"""Do the defaults serve untouched? Snapshot ensembles against scikit-learn's MLPs.

Each ensemble and its MLP see the same standardised rows, in the same folds and with the same
seeds, one after the other on one thread. Scores are held-out log losses (nats) of classifiers and
squared errors of regressors; lower is better, and a ratio below 1 favours the ensemble.

Regressors meet two baselines: ``MLPRegressor()`` as it is, which learns targets in their own units
and hardly leaves the start where those are large, and the same on standardised targets.

`ablation.py` is the study that the defaults were chosen by.
"""

import argparse
import json
import os
import time
import warnings
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import torch
from _report import environment, listed
from sklearn.base import clone, is_classifier
from sklearn.compose import TransformedTargetRegressor, make_column_selector
from sklearn.compose import make_column_transformer as by_column
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skensemble import SnapshotEnsembleClassifier as EnsembleClassifier
from skensemble import SnapshotEnsembleRegressor as EnsembleRegressor

N_ROWS = 4000
"""Rows drawn from each of the large files."""


class Task(NamedTuple):
    """A data set and what compares on it."""

    name: str
    X: pd.DataFrame
    y: np.ndarray
    baselines: dict[str, Any]
    ensemble: Any


def read_rows(path: Path, target: str) -> tuple[pd.DataFrame, pd.Series]:
    """Draw `N_ROWS` rows of a file, always the same, as features and target."""
    rows = pd.read_csv(path, skipinitialspace=True, na_values="?")
    rows = rows.sample(N_ROWS, random_state=0)
    return rows.drop(columns=target), rows[target]


def classifier_tasks(data: Path) -> list[Task]:
    """Load the data sets of the classifier."""
    sets = {
        "wine": load_wine(return_X_y=True, as_frame=True),
        "breast cancer": load_breast_cancer(return_X_y=True, as_frame=True),
        "digits": load_digits(return_X_y=True, as_frame=True),
        "letter": read_rows(data / "letter.csv.xz", "Letter"),
        "adult": read_rows(data / "adult.csv.xz", "Salary"),
    }
    models = {"MLPClassifier": MLPClassifier()}, EnsembleClassifier()
    return [Task(name, X, np.asarray(y), *models) for name, (X, y) in sets.items()]


def regressor_tasks(data: Path) -> list[Task]:
    """Load the data sets of the regressor."""
    sets = {
        "diabetes": load_diabetes(return_X_y=True, as_frame=True),
        "california": read_rows(data / "california.csv.xz", "medianHouseValue"),
    }
    scaled = TransformedTargetRegressor(MLPRegressor(), transformer=StandardScaler())
    baselines = {"MLPRegressor": MLPRegressor(), "MLPRegressor, scaled targets": scaled}
    models = baselines, EnsembleRegressor()
    return [Task(name, X, np.asarray(y), *models) for name, (X, y) in sets.items()]


def preprocessor() -> Any:
    """Build what standardises numbers and turns categories, missing ones too, into columns."""
    numbers = make_column_selector(dtype_include="number")
    categories = make_column_selector(dtype_exclude="number")
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return by_column((StandardScaler(), numbers), (one_hot, categories))


def folds(task: Task) -> list[tuple[np.ndarray, ...]]:
    """Give preprocessed training rows, targets, held-out rows and targets of three folds."""
    kind = StratifiedKFold if is_classifier(task.ensemble) else KFold
    parts = []
    for train, test in kind(3, shuffle=True, random_state=0).split(task.X, task.y):
        prepare = preprocessor()
        X, X_test = prepare.fit_transform(task.X.iloc[train]), prepare.transform(task.X.iloc[test])
        parts.append((X, task.y[train], X_test, task.y[test]))
    return parts


def seeded(model: Any, seed: int) -> Any:
    """Copy a model, with a random state."""
    prefix = "regressor__" if isinstance(model, TransformedTargetRegressor) else ""
    return clone(model).set_params(**{f"{prefix}random_state": seed})


def measure(model: Any, fold: tuple[np.ndarray, ...]) -> dict[str, float]:
    """Fit a model to training rows and score it on held-out ones."""
    X, y, X_test, y_test = fold
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    if is_classifier(model):
        proba = model.predict_proba(X_test).astype(np.float64)
        # Sums of float32 differ from 1 by more than log_loss takes without a warning.
        proba /= proba.sum(axis=1, keepdims=True)
        score = log_loss(y_test, proba, labels=model.classes_)
    else:
        score = mean_squared_error(y_test, model.predict(X_test))
    return {"score": float(score), "seconds": seconds}


def compare(task: Task, models: dict[str, Any], n_seeds: int) -> list[dict[str, Any]]:
    """Measure models in each fold with each seed, in turns so that their times compare."""
    runs = []
    for (k, fold), seed, (name, model) in product(
        enumerate(folds(task)), range(n_seeds), models.items()
    ):
        where = {"data": task.name, "fold": k, "seed": seed, "model": name}
        runs.append({**where, **measure(seeded(model, seed), fold)})
    return runs


def ratios(runs: list[dict[str, Any]], model: str, baseline: str) -> pd.DataFrame:
    """Set a model against a baseline: means of the scores, medians of the ratios of times."""
    wide = pd.DataFrame(runs).pivot(index=["data", "fold", "seed"], columns="model")
    wide = wide.dropna(subset=[("score", baseline)])
    times = wide["seconds"][model] / wide["seconds"][baseline]
    score = wide["score"].groupby("data").mean()
    table = pd.DataFrame({"ensemble": score[model], "baseline": score[baseline]})
    table["score ratio"] = table["ensemble"] / table["baseline"]
    return table.assign(**{"time ratio": times.groupby("data").median()})


def geometric_mean(values: pd.Series) -> float:
    """Give the geometric mean of positive numbers."""
    return float(np.exp(np.log(values).mean()))


def as_markdown(table: pd.DataFrame, title: str) -> str:
    """Write a table of ratios, with their geometric mean in the last row."""
    lines = [f"### {title}", "", f"| data | {' | '.join(table.columns)} |", "|---" * 5 + "|"]
    for name, row in table.iterrows():
        lines.append(f"| {name} | {' | '.join(f'{value:.4g}' for value in row)} |")
    mean = geometric_mean(table["score ratio"])
    return "\n".join([*lines, f"| geometric mean | | | {mean:.4g} | |", ""])


def run_defaults(tasks: list[Task], n_seeds: int, output: Path) -> None:
    """Measure the shipped defaults; write every run as JSON and the ratios as markdown."""
    runs = []
    for task in tasks:
        runs += compare(task, {**task.baselines, "ensemble": task.ensemble}, n_seeds)
    tables = {name: ratios(runs, "ensemble", name) for task in tasks for name in task.baselines}
    texts = [as_markdown(table, f"Against {name}") for name, table in tables.items()]
    summary = {name: table.to_dict("index") for name, table in tables.items()}
    output.mkdir(parents=True, exist_ok=True)
    machine, settings = environment(), {"rows of large files": N_ROWS, "seeds": n_seeds, "folds": 3}
    texts = ["# Defaults\n", _header(settings, machine), *texts]
    report = {"environment": machine, "ratios": summary, "runs": runs}
    (output / "defaults.json").write_text(json.dumps(report, indent=1) + "\n")
    (output / "defaults.md").write_text("\n".join(texts))
    print("\n".join(texts))


def _header(settings: dict[str, Any], machine: dict[str, Any]) -> str:
    return (
        "Scores are held-out log-loss in nats, or squared error; times are whole fits on one "
        f"thread. Settings: {listed(settings)}.\nMachine and versions: {listed(machine)}.\n"
    )


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the csv.xz files")
    parser.add_argument("--seeds", type=int, default=3, help="seeds per fold")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", ConvergenceWarning)
    tasks = classifier_tasks(arguments.data), regressor_tasks(arguments.data)
    run_defaults([*tasks[0], *tasks[1]], arguments.seeds, arguments.output)


if __name__ == "__main__":
    main()
