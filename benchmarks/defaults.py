"""Do the defaults serve untouched? Snapshot ensembles against scikit-learn's MLPs.

Each ensemble and its MLP see the same standardised rows, in the same folds and with the same
seeds, one after the other on one thread. Scores are held-out log losses (nats) of classifiers and
squared errors of regressors; lower is better, and a ratio below 1 favours the ensemble.

Regressors meet two baselines: ``MLPRegressor()`` as it is, which learns targets in their own units
and hardly leaves the start where those are large, and the same on standardised targets.

``--grid`` instead measures the candidates from which the defaults were chosen.
"""

import argparse
import json
import os
import platform
import time
import warnings
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import sklearn
import skorch
import torch
from sklearn.base import clone, is_classifier
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skensemble
from skensemble import (
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)

N_ROWS = 4000
"""Rows drawn from each of the large files."""

CLASSIFIER_GRID: dict[str, tuple[dict, dict]] = {}
REGRESSOR_GRID: dict[str, tuple[dict, dict]] = {}


class Task(NamedTuple):
    """A data set with what compares on it."""

    name: str
    X: Any
    y: np.ndarray
    baselines: dict[str, Any]
    ensemble: Any


def read_rows(path: Path, target: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw `N_ROWS` rows of a file, always the same, as features and target."""
    rows = pd.read_csv(path, skipinitialspace=True, na_values="?")
    rows = rows.sample(N_ROWS, random_state=0)
    return rows.drop(columns=target), rows[target].to_numpy()


def classifier_tasks(data: Path) -> list[Task]:
    """Load the data sets of the classifier."""
    sets = {
        "wine": load_wine(return_X_y=True),
        "breast cancer": load_breast_cancer(return_X_y=True),
        "digits": load_digits(return_X_y=True),
        "letter": read_rows(data / "letter.csv.xz", "Letter"),
        "adult": read_rows(data / "adult.csv.xz", "Salary"),
    }
    models = {"mlp": MLPClassifier()}, SnapshotEnsembleClassifier()
    return [Task(name, X, y, *models) for name, (X, y) in sets.items()]


def regressor_tasks(data: Path) -> list[Task]:
    """Load the data sets of the regressor."""
    sets = {
        "diabetes": load_diabetes(return_X_y=True),
        "california": read_rows(data / "california.csv.xz", "medianHouseValue"),
    }
    scaled = TransformedTargetRegressor(MLPRegressor(), transformer=StandardScaler())
    models = {"mlp": MLPRegressor(), "mlp_scaled": scaled}, SnapshotEnsembleRegressor()
    return [Task(name, X, y, *models) for name, (X, y) in sets.items()]


def preprocessor(X: Any) -> Any:
    """Build what standardises numbers and turns categories, missing ones too, into columns."""
    if not isinstance(X, pd.DataFrame):
        return StandardScaler()
    numbers = make_column_selector(dtype_include="number")
    categories = make_column_selector(dtype_exclude="number")
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer((StandardScaler(), numbers), (one_hot, categories))


def splits(task: Task) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give the three folds of a data set, always the same."""
    kind = StratifiedKFold if is_classifier(task.ensemble) else KFold
    return list(kind(3, shuffle=True, random_state=0).split(task.X, task.y))


def seeded(model: Any, seed: int) -> Any:
    """Copy a model, with a random state."""
    keys = [key for key in model.get_params() if key.split("__")[-1] == "random_state"]
    shortest = min(keys, key=len)
    return clone(model).set_params(**{shortest: seed})


def measure(model: Any, fold: tuple[Any, Any, Any, Any]) -> dict[str, float]:
    """Fit a model to preprocessed training rows and score it on the held-out ones."""
    X, y, X_test, y_test = fold
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    if is_classifier(model):
        proba = model.predict_proba(X_test).astype(np.float64)
        # Sums of float32 differ from 1 by more than log_loss lets pass.
        score = log_loss(y_test, proba / proba.sum(axis=1, keepdims=True), labels=model.classes_)
    else:
        score = mean_squared_error(y_test, model.predict(X_test))
    return {"score": score, "seconds": seconds}
