"""What `tables.py` compares on a table: how each method is built, and how it is fitted.

Packages are imported where a method is built, in the process of its own run: what is not measured
need not be installed, and no library's threads are there before the fork.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

import skensemble

CLASSES = "classification"

OURS, SNAPSHOTS, MLP, CATBOOST = "ours", "snapshot ensemble", "MLP", "CatBoost"
HISTOGRAM, LIGHTGBM = "HistGradientBoosting", "LightGBM"
HISTOGRAM_STOPPED, LIGHTGBM_STOPPED = f"{HISTOGRAM} stopped early", f"{LIGHTGBM} stopped early"
REALMLP = "RealMLP"

RATE, MOST_TREES, PATIENCE, HELD_OUT = 0.05, 2000, 50, 0.1
"""Rate of trees that stop early, trees at most, rounds without a gain, share of rows held out."""


def plain_fit(model: Any, X: Any, y: np.ndarray, seed: int) -> None:
    """Fit a model on all rows."""
    model.fit(X, y)


@dataclass(frozen=True)
class Method:
    """A way to learn a table.

    Attributes
    ----------
    build : callable ``(task, seed) -> estimator``
        `task` is "classification" or "regression".
    rows : {"frame", "filled", "strings", "numbers"}
        What it is fitted on: the frame with pandas' categories and missing values; the same with
        medians for missing numbers; the frame with strings, missing ones called "missing"; or an
        array of prepared numbers.
    fit : callable ``(model, X, y, seed) -> None``
        Fits what was built.
    package : str
        What has to be installed.
    """

    build: Callable[[str, int], Any]
    rows: str
    fit: Callable[[Any, Any, np.ndarray, int], None] = plain_fit
    package: str = "sklearn"

    @property
    def is_installed(self) -> bool:
        """Whether the package can be imported."""
        return find_spec(self.package) is not None


def ours(task: str, seed: int, **settings: Any) -> Any:
    """Build the ensemble for tables, with settings of its constructor."""
    kind = "Classifier" if task == CLASSES else "Regressor"
    ensemble = getattr(skensemble, f"TabularSnapshot{kind}")
    return ensemble(n_jobs=1, random_state=seed, **settings)


def _snapshots(task: str, seed: int) -> Any:
    kind = "Classifier" if task == CLASSES else "Regressor"
    return getattr(skensemble, f"SnapshotEnsemble{kind}")(random_state=seed)


def _mlp(task: str, seed: int) -> Any:
    if task == CLASSES:
        return MLPClassifier(random_state=seed)
    return TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=StandardScaler())


def _histogram(task: str, seed: int) -> Any:
    if task == CLASSES:
        return HistGradientBoostingClassifier(random_state=seed)
    return HistGradientBoostingRegressor(random_state=seed)


def _histogram_stopped(task: str, seed: int) -> Any:
    return _histogram(task, seed).set_params(
        learning_rate=RATE,
        max_iter=MOST_TREES,
        early_stopping=True,
        n_iter_no_change=PATIENCE,
        scoring="loss",
        categorical_features="from_dtype",
    )


def _lightgbm(task: str, seed: int) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMClassifier if task == CLASSES else LGBMRegressor
    return kind(n_jobs=1, random_state=seed, verbose=-1)


def _lightgbm_stopped(task: str, seed: int) -> Any:
    return _lightgbm(task, seed).set_params(learning_rate=RATE, n_estimators=MOST_TREES)


def _catboost(task: str, seed: int) -> Any:
    from catboost import CatBoostClassifier, CatBoostRegressor

    kind = CatBoostClassifier if task == CLASSES else CatBoostRegressor
    return kind(thread_count=1, allow_writing_files=False, verbose=0, random_state=seed)


def _realmlp(task: str, seed: int) -> Any:
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    settings = {"device": "cpu", "n_threads": 1, "random_state": seed}
    if task != CLASSES:
        return RealMLP_TD_Regressor(**settings)
    # Its defaults are made for accuracy; smoothed labels cost log-loss.
    return RealMLP_TD_Classifier(val_metric_name="cross_entropy", use_ls=False, **settings)


def fit_histogram_stopped(model: Any, X: pd.DataFrame, y: np.ndarray, seed: int) -> None:
    """Fit scikit-learn's trees until the loss of the rows held out no longer falls."""
    rows, held_out = hold_out(y, seed, is_classes=hasattr(model, "predict_proba"))
    model.fit(X.iloc[rows], y[rows], X_val=X.iloc[held_out], y_val=y[held_out])


def fit_lightgbm_stopped(model: Any, X: pd.DataFrame, y: np.ndarray, seed: int) -> None:
    """Fit LightGBM's trees until the loss of the rows held out no longer falls."""
    from lightgbm import early_stopping

    rows, held_out = hold_out(y, seed, is_classes=hasattr(model, "predict_proba"))
    parts = {"eval_set": [(X.iloc[held_out], y[held_out])]}
    with warnings.catch_warnings():
        # LightGBM 4.7 deprecates eval_set, but does not encode the labels of what replaces it.
        warnings.simplefilter("ignore")
        stop = early_stopping(PATIENCE, verbose=False)
        model.fit(X.iloc[rows], y[rows], callbacks=[stop], **parts)


def hold_out(y: np.ndarray, seed: int, *, is_classes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Draw the tenth of the rows whose loss says when to stop.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    seed : int
    is_classes : bool
        Whether to stratify. A class of one row is then not held out.

    Returns
    -------
    rows, held_out : ndarray
        Their numbers; together they are all rows.
    """
    rows, single = np.arange(len(y)), np.zeros(0, dtype=int)
    if is_classes:
        _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        is_single = counts[codes] == 1
        rows, single = rows[~is_single], rows[is_single]
    strata = y[rows] if is_classes else None
    rest, held_out = train_test_split(rows, test_size=HELD_OUT, random_state=seed, stratify=strata)
    return np.concatenate([rest, single]), held_out


def fit_catboost(model: Any, X: pd.DataFrame, y: np.ndarray, seed: int) -> None:
    """Fit CatBoost, and tell it which columns hold categories."""
    model.fit(X, y, cat_features=list(X.select_dtypes(exclude="number")))


METHODS = {
    OURS: Method(ours, "frame", package="skensemble"),
    HISTOGRAM: Method(_histogram, "frame"),
    HISTOGRAM_STOPPED: Method(_histogram_stopped, "frame", fit_histogram_stopped),
    LIGHTGBM: Method(_lightgbm, "frame", package="lightgbm"),
    LIGHTGBM_STOPPED: Method(_lightgbm_stopped, "frame", fit_lightgbm_stopped, "lightgbm"),
    CATBOOST: Method(_catboost, "strings", fit_catboost, "catboost"),
    MLP: Method(_mlp, "numbers"),
    SNAPSHOTS: Method(_snapshots, "numbers", package="skensemble"),
    REALMLP: Method(_realmlp, "filled", package="pytabkit"),
}
"""All that can be compared, by name."""

BY_DEFAULT = [name for name in METHODS if name != REALMLP]
