from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import nan
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import check_scoring

from skensemble._checks import check_int, reject
from skensemble.lockstep import DEFAULT_MEMORY_BYTES, Report, run_together


@dataclass(frozen=True, repr=False)
class SeedScores:
    """Scores of one estimator, trained with several seeds.

    Parameters
    ----------
    scores : dict of str to ndarray of shape (n_seeds,)
        By name of the scorer.
    seeds : list of int
        In the order of the scores.
    """

    scores: dict[str, np.ndarray]
    seeds: list[int]

    @property
    def mean(self) -> dict[str, float]:
        """Mean over the seeds, by name of the scorer."""
        return {name: float(values.mean()) for name, values in self.scores.items()}

    @property
    def std(self) -> dict[str, float]:
        """Standard deviation over the seeds: what another seed may change; NaN for one seed."""
        return {
            name: float(values.std(ddof=1)) if len(values) > 1 else nan
            for name, values in self.scores.items()
        }

    @property
    def standard_error(self) -> dict[str, float]:
        """Standard error of the mean, over seeds alone: rows are the same in all."""
        n_seeds = len(self.seeds)
        return {name: std / n_seeds**0.5 for name, std in self.std.items()}

    def __repr__(self) -> str:
        shown = ", ".join(str(self).splitlines())
        return f"<{type(self).__name__} of {len(self.seeds)} seeds: {shown}>"

    def __str__(self) -> str:
        error = self.standard_error
        return "\n".join(
            f"{name}: {mean:.4g} +- {error[name]:.2g}" for name, mean in self.mean.items()
        )


def fit_over_seeds(
    estimator: BaseEstimator,
    X: Any,
    y: Any,
    *,
    seeds: int | Sequence[int] = 10,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    report: Report | None = None,
    **fit_params: Any,
) -> list[BaseEstimator]:
    """Fit an estimator with several seeds, the nets of ensembles in lock-step.

    Parameters
    ----------
    estimator : estimator
        It is cloned. Every `random_state` that it or a part of it has is set.
    X : array-like of shape (n_samples, ...)
        Training rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Labels or targets.
    seeds : int or sequence of int, default=10
        Seeds, or their number, from 0.
    memory_bytes : int, default=2**30
        Memory budget in bytes. New fits wait while the rows and weights of unfinished fits exceed
        it, and a group of nets trained together never uses more on its device.
    report : Report, optional
        Filled in: what was trained together, and why the rest was not.
    **fit_params : dict
        For `fit`.

    Returns
    -------
    fitted : list of estimator
        In the order of the seeds.

    Raises
    ------
    InvalidParameterError
        If the estimator has no `random_state`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skensemble import SnapshotEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> fitted = fit_over_seeds(SnapshotEnsembleClassifier(M=2), X, y, seeds=3)
    >>> [ensemble.random_state for ensemble in fitted]
    [0, 1, 2]
    """
    names = [n for n in estimator.get_params() if n.split("__")[-1] == "random_state"]
    if not names:
        raise reject("estimator", "one with a random_state", estimator)
    fits = [
        clone(estimator).set_params(**dict.fromkeys(names, seed)).fit for seed in _listed(seeds)
    ]
    tasks = [partial(fit, X, y, **fit_params) for fit in fits]
    ended = run_together(tasks, memory_bytes=memory_bytes, report=report)
    for fit in ended:
        if fit.error is not None:
            raise fit.error
    return [fit.result for fit in ended]


def score_over_seeds(
    estimator: BaseEstimator,
    X: Any,
    y: Any,
    X_test: Any,
    y_test: Any,
    *,
    scoring: Any = None,
    seeds: int | Sequence[int] = 10,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    report: Report | None = None,
    **fit_params: Any,
) -> SeedScores:
    """Score an estimator on test rows for several seeds: how much of a difference is luck.

    Parameters
    ----------
    estimator : estimator
        As in `fit_over_seeds`, as are `seeds`, `memory_bytes`, `report` and `fit_params`.
    X, y : array-like
        Training rows, and their labels or targets.
    X_test, y_test : array-like
        Test rows, the same for all seeds.
    scoring : str, callable, list, tuple, dict or None, default=None
        As in `sklearn.model_selection.cross_validate`; None is the estimator's `score`.
    seeds : int or sequence of int, default=10
        Seeds, or their number, from 0.
    memory_bytes : int, default=2**30
        Memory budget in bytes. New fits wait while the rows and weights of unfinished fits exceed
        it, and a group of nets trained together never uses more on its device.
    report : Report, optional
        Filled in.
    **fit_params : dict
        For `fit`.

    Returns
    -------
    scores : SeedScores
        With `scores`, `mean`, `std` and `standard_error` by name of the scorer, which is "score"
        if there is one only.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from skensemble import SnapshotEnsembleClassifier
    >>> X, X_test, y, y_test = train_test_split(*load_iris(return_X_y=True), random_state=0)
    >>> ensemble = SnapshotEnsembleClassifier(M=2)
    >>> scores = score_over_seeds(ensemble, X, y, X_test, y_test, scoring="neg_log_loss", seeds=4)
    >>> scores.scores["score"].shape
    (4,)
    """
    scorer = check_scoring(estimator, scoring)
    fitted = fit_over_seeds(
        estimator, X, y, seeds=seeds, memory_bytes=memory_bytes, report=report, **fit_params
    )
    rows = [scorer(one, X_test, y_test) for one in fitted]
    rows = [row if isinstance(row, dict) else {"score": row} for row in rows]
    scores = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return SeedScores(scores, _listed(seeds))


def _listed(seeds: int | Sequence[int]) -> list[int]:
    if isinstance(seeds, Sequence | np.ndarray):
        if not len(seeds):
            raise reject("seeds", "at least one", seeds)
        return [int(seed) for seed in seeds]
    return list(range(check_int("seeds", seeds, 1)))
