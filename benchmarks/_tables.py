"""Tables for studies of defaults and methods: their files, and splits of their rows."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.compose import make_column_selector
from sklearn.compose import make_column_transformer as by_column
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

N_TEST = 5000
"""Rows for the test at most; else it is a quarter of the table."""

LARGE = {
    "adult": ("Salary", "classification"),
    "letter": ("Letter", "classification"),
    "california": ("medianHouseValue", "regression"),
}
"""Target and task of the files that do not lie in the folder of tables."""


BUNDLED = {
    "sklearn_wine": (datasets.load_wine, "classification"),
    "breast_cancer": (datasets.load_breast_cancer, "classification"),
    "digits": (datasets.load_digits, "classification"),
    "diabetes": (datasets.load_diabetes, "regression"),
}
"""Data of scikit-learn, on which the defaults before these were chosen, with their tasks."""


class Table(NamedTuple):
    """A table as it was read."""

    X: pd.DataFrame
    y: np.ndarray
    task: str


class Split(NamedTuple):
    """Rows of a table, drawn with a seed: prepared arrays, or frames as they were read."""

    X: Any
    y: np.ndarray
    X_test: Any
    y_test: np.ndarray


@lru_cache(maxsize=2)
def read_table(folder: Path, name: str, *, keep_missing: bool = False) -> Table:
    """Read a table by name; its categories become strings.

    Parameters
    ----------
    folder : Path
        Holds ``NAME.csv.xz`` of the large files, and in ``tables/`` the others with
        ``tables.json``, which gives their tasks and categorical columns.
    name : str
        Name of the file, without its ending, or one of `BUNDLED`, for which there is none.
    keep_missing : bool, default=False
        Whether missing categories stay missing; else they are the string "missing".

    Returns
    -------
    table : Table
    """
    if name in BUNDLED:
        load, task = BUNDLED[name]
        X, y = load(return_X_y=True, as_frame=True)
        return Table(X, y.to_numpy(), task)
    if name in LARGE:
        target, task = LARGE[name]
        rows = pd.read_csv(folder / f"{name}.csv.xz", skipinitialspace=True, na_values="?")
        categorical = list(rows.drop(columns=target).select_dtypes(exclude="number"))
    else:
        target, about = "target", json.loads((folder / "tables" / "tables.json").read_text())[name]
        task, categorical = about["task"], about["categorical"]
        rows = pd.read_csv(folder / "tables" / f"{name}.csv.xz")
    X = rows.drop(columns=target)
    X = X.astype(dict.fromkeys(categorical, object))
    if keep_missing:
        for column in categorical:
            X[column] = X[column].map(str, na_action="ignore").astype(object)
    else:
        X[categorical] = X[categorical].fillna("missing").astype(str)
    return Table(X, rows[target].to_numpy(), task)


def training_rows(table: Table, sizes: list[int]) -> list[int]:
    """Count the training rows of some sizes; a size near all the rows takes all of them.

    Parameters
    ----------
    table : Table
    sizes : list of int
        Training rows that are asked for; 0 for all.

    Returns
    -------
    counts : list of int
        Without repetitions, in the order of the sizes.
    """
    n_all = len(table.y) - _n_test(table)
    counts = [size if 0 < size < 0.9 * n_all else n_all for size in sizes]
    return list(dict.fromkeys(counts))


def split_rows(table: Table, n_train: int, seed: int) -> Split:
    """Draw training and test rows, and prepare them as users do.

    Numbers are standardised by the training rows, missing ones set to the median; categories
    become a column for each value.

    Parameters
    ----------
    table : Table
    n_train : int
        Training rows.
    seed : int
        Of the split. A smaller training set lies within a larger one of the same seed.

    Returns
    -------
    split : Split
    """
    train, test = _draw(table, n_train, seed)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepare = by_column(
        (numbers, make_column_selector(dtype_include="number")),
        (one_hot, make_column_selector(dtype_exclude="number")),
    )
    X, X_test = prepare.fit_transform(table.X.iloc[train]), prepare.transform(table.X.iloc[test])
    return Split(X, table.y[train], X_test, table.y[test])


def split_frame(table: Table, n_train: int, seed: int) -> Split:
    """Draw the rows that `split_rows` draws, and leave them a frame.

    Columns that hold no numbers become pandas' categories, those of the training rows. A value
    that these lack is missing among the test rows.

    Parameters
    ----------
    table : Table
        As `read_table` reads it with ``keep_missing=True``.
    n_train : int
        Training rows.
    seed : int
        Of the split.

    Returns
    -------
    split : Split
        Its `X` and `X_test` are DataFrames.
    """
    train, test = _draw(table, n_train, seed)
    X, X_test = table.X.iloc[train].copy(), table.X.iloc[test].copy()
    for column in X.select_dtypes(exclude="number"):
        X[column] = pd.Categorical(X[column])
        known = X_test[column].where(X_test[column].isin(X[column].cat.categories))
        X_test[column] = pd.Categorical(known, dtype=X[column].dtype)
    return Split(X, table.y[train], X_test, table.y[test])


def _draw(table: Table, n_train: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the numbers of training and test rows, stratified for classes."""
    strata: Any = table.y if table.task == "classification" else None
    train, test = train_test_split(
        np.arange(len(table.y)), test_size=_n_test(table), random_state=seed, stratify=strata
    )
    return train[:n_train], test


def _n_test(table: Table) -> int:
    return min(N_TEST, len(table.y) // 4)
