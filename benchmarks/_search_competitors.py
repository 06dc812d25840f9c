"""The searches that are measured: ours in lock-step, and what else makes the same fits."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _comparison_data import digits, letter
from _competitors import MOMENTUM, Problem, blobs, build_mlp, ensemble, fit_handwritten
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, ParameterGrid, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch import nn

from skensemble import LockstepGridSearchCV, SnapshotEnsembleClassifier

BLOBS_GRID = {"M": [2, 5, 10], "alpha_zero": [0.01, 0.03, 0.1]}
LETTER_GRID = {"M": [2, 3, 5], "alpha_zero": [0.02, 0.05, 0.1, 0.2]}
RATES = [0.01, 0.013, 0.018, 0.024, 0.032, 0.042, 0.056, 0.075, 0.1]
"""What those who have no M search instead: as many candidates."""

OURS = "LockstepGridSearchCV"


@dataclass(frozen=True)
class Race:
    """Searches of one grid on the same rows, each of which makes all its fits or some.

    Attributes
    ----------
    name : str
    n_fits : int
        Candidates times folds.
    searches : dict of str to callable
        Without arguments; `OURS` is among them.
    measured : dict of str to int
        Fits that each search makes.
    reports : list
        The `lockstep_report_` of each search in lock-step that has been run.
    """

    name: str
    n_fits: int
    searches: dict[str, Callable[[], Any]]
    measured: dict[str, int]
    reports: list[Any]


def blobs_race(*, quick: bool = False) -> Race:
    """Set 45 fits of tiny nets against the same fits made one by one, by anybody's means."""
    problem, n_folds = blobs(quick=quick), 5
    # 5 fits, or 10 where two workers share them: the others are like them.
    one, two = {"M": [5], "alpha_zero": [0.03]}, {"M": [2, 10], "alpha_zero": [0.03]}
    search = partial(search_one_by_one, X=problem.X, y=problem.y, cv=n_folds)
    ours, reports = ensemble(problem), []
    searches = {
        OURS: partial(search_in_lockstep, ours, BLOBS_GRID, problem.X, problem.y, n_folds, reports),
        "hand-written loop": partial(fit_folds_by_hand, problem, one, n_folds),
        "GridSearchCV of skorch": partial(search, skorch_net(problem), {"lr": RATES[4:5]}),
        "GridSearchCV of MLPClassifier": partial(
            search, sklearn_net(problem), {"learning_rate_init": RATES[4:5]}
        ),
        "GridSearchCV of the ensemble, n_jobs=1": partial(search, ours, two),
        "GridSearchCV of the ensemble, n_jobs=2": partial(search, ours, two, n_jobs=2),
    }
    n_fits = len(ParameterGrid(BLOBS_GRID)) * n_folds
    measured = dict(zip(searches, (n_fits, 5, 5, 5, 10, 10), strict=True))
    return Race("blobs", n_fits, searches, measured, reports)


def short_race(*, quick: bool = False) -> Race:
    """Set 45 short fits, where what is not training counts most, against the same fits."""
    problem, n_folds = blobs(quick=quick), 5
    if not quick:
        problem = replace(problem, max_epochs=60)
    ours, reports, rows = ensemble(problem), [], (problem.X, problem.y, n_folds)
    searches = {
        OURS: partial(search_in_lockstep, ours, BLOBS_GRID, *rows, reports),
        "GridSearchCV of the ensemble, n_jobs=1": partial(
            search_one_by_one, ours, BLOBS_GRID, *rows
        ),
    }
    n_fits = len(ParameterGrid(BLOBS_GRID)) * n_folds
    return Race("short blobs", n_fits, searches, dict.fromkeys(searches, n_fits), reports)


def letter_race(folder: Path, *, quick: bool = False) -> Race:
    """Set nets whose steps are work, not overhead, against the same nets made one by one."""
    problem, n_folds = (digits if quick else letter)(folder), 3
    X, y = problem.train.X.astype(np.float32), problem.train.y
    net = clone(problem.net).set_params(max_epochs=2 if quick else 4)
    grid = {name: values[:2] for name, values in LETTER_GRID.items()} if quick else LETTER_GRID
    ours, reports = SnapshotEnsembleClassifier(net, random_state=0), []
    searches = {
        OURS: partial(search_in_lockstep, ours, grid, X, y, n_folds, reports),
        "GridSearchCV of the ensemble, n_jobs=1": partial(
            search_one_by_one, ours, grid, X, y, n_folds
        ),
    }
    n_fits = len(ParameterGrid(grid)) * n_folds
    name = "digits" if quick else "letter"
    return Race(name, n_fits, searches, dict.fromkeys(searches, n_fits), reports)


def search_in_lockstep(
    estimator: Any, grid: dict[str, Any], X: Any, y: Any, cv: int, reports: list[Any]
) -> None:
    """Make all fits together, and note how."""
    search = LockstepGridSearchCV(estimator, grid, cv=cv, refit=False).fit(X, y)
    reports.append(search.lockstep_report_)


def search_one_by_one(
    estimator: Any, grid: dict[str, Any], X: Any, y: Any, cv: int, n_jobs: int = 1
) -> None:
    """Make the fits as scikit-learn makes them."""
    search = GridSearchCV(estimator, grid, cv=cv, n_jobs=n_jobs, refit=False)
    with warnings.catch_warnings():
        # MLPClassifier regrets that it was not allowed to end early.
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, y)


def fit_folds_by_hand(problem: Problem, grid: dict[str, Any], n_folds: int) -> None:
    """Make the fits alone: a loop written by hand scores nothing here."""
    for rows in training_rows(problem, n_folds):
        for candidate in ParameterGrid(grid):
            fit_handwritten(replace(problem, X=problem.X[rows], y=problem.y[rows], **candidate))


def training_rows(problem: Problem, n_folds: int) -> Iterator[np.ndarray]:
    """Give the rows that each fit of a search trains on."""
    for rows, _ in StratifiedKFold(n_folds).split(problem.X, problem.y):
        yield rows


def skorch_net(problem: Problem) -> NeuralNetClassifier:
    """Build skorch's net as it comes, but shuffled, with nothing held out and nothing printed.

    The rate falls along cosines, five of them, by torch's own schedule.
    """
    n_batches = -(-len(next(training_rows(problem, 5))) // problem.batch_size)
    schedule = LRScheduler(
        torch.optim.lr_scheduler.CosineAnnealingWarmRestarts,
        T_0=problem.max_epochs * n_batches // 5,
        step_every="batch",
    )
    return NeuralNetClassifier(
        build_mlp,
        module__n_features=problem.X.shape[1],
        module__hidden_units=problem.hidden_units,
        module__n_classes=int(problem.y.max()) + 1,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        max_epochs=problem.max_epochs,
        batch_size=problem.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        callbacks=[schedule],
        **{f"optimizer__{name}": value for name, value in MOMENTUM.items()},
    )


def sklearn_net(problem: Problem) -> MLPClassifier:
    """Build scikit-learn's net, which trains all its epochs at a constant rate."""
    return MLPClassifier(
        problem.hidden_units,
        solver="sgd",
        batch_size=problem.batch_size,
        max_iter=problem.max_epochs,
        tol=0,
        n_iter_no_change=problem.max_epochs + 1,
        random_state=0,
    )
