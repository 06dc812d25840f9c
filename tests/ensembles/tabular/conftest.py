"""Small tables, and ensembles that are quick to fit on them."""

import numpy as np
import pandas as pd
import pytest

from skensemble import TabularSnapshotClassifier, TabularSnapshotRegressor

SMALL = {
    "M": 2,
    "max_cycles": 1,
    "n_nets": 4,
    "cv": 2,
    "max_steps": 60,
    "hidden_units": (8,),
    "random_state": 0,
}

SEVERAL_CYCLES = {"M": 3, "max_steps": None}
"""Cycles of 100, 200 and 400 steps; `FIRST_CYCLE` makes them shorter."""


def classifier(**parameters):
    """Make a classifier of four small nets in two groups."""
    return TabularSnapshotClassifier(**(SMALL | parameters))


def regressor(**parameters):
    """Make a regressor of four small nets in two groups."""
    return TabularSnapshotRegressor(**(SMALL | parameters))


def make_table(n_rows=240, seed=0):
    """Make rows of columns of all kinds, with missing values, and labels of three classes."""
    rng = np.random.default_rng(seed)
    color = rng.choice(["red", "green", "blue"], n_rows)
    X = pd.DataFrame(
        {
            "size": rng.normal(100, 20, n_rows),
            "count": rng.integers(0, 6, n_rows),
            "is_new": rng.random(n_rows) < 0.5,
            "color": color,
            "grade": pd.Categorical(rng.choice(["low", "high"], n_rows), ["low", "high"]),
        }
    )
    score = (X["size"] - 100) / 20 + (color == "red") - X["is_new"]
    y = np.digitize(score + 0.3 * rng.normal(size=n_rows), [-0.7, 0.7])
    X.loc[::7, "size"] = np.nan
    X.loc[1::9, "color"] = None
    return X, y


def values_of(X, y):
    """Make targets of labels, in units of their own."""
    return 1000 + 50 * y + X["count"].to_numpy()


def left_out(n_rows, n_folds):
    """Give splits in which fold k leaves out the rows i with ``i % n_folds == k``."""
    fold = np.arange(n_rows) % n_folds
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


@pytest.fixture(scope="module")
def table():
    """Give rows and labels; nobody changes them."""
    return make_table()


@pytest.fixture(scope="module")
def fitted(table):
    """Give a fitted classifier; nobody changes it."""
    return classifier().fit(*table)


@pytest.fixture(scope="module")
def fitted_regressor(table):
    """Give a fitted regressor; nobody changes it."""
    return regressor().fit(table[0], values_of(*table))
