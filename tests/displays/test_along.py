"""Ways along one feature."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skensemble._checks import InvalidParameterError
from skensemble.displays._along import way_along


def test_other_features_are_held_at_their_medians():
    X = np.array([[0, 5], [2, 1], [4, 6]], dtype=np.float32)
    x, rows, values, name = way_along(X, 0, 3, 0.25)
    assert x.tolist() == [-1, 2, 5]
    assert rows.tolist() == [[-1, 5], [2, 5], [5, 5]]
    assert rows.dtype == np.float32
    assert values.tolist() == [0, 2, 4]
    assert name == "feature 0"


def test_what_is_missing_is_passed_over():
    nan = np.nan
    X = np.array([[nan, 1.0, nan], [0.0, nan, nan], [2.0, 3.0, nan], [np.inf, 5.0, nan]])
    x, rows, _, _ = way_along(X, 0, 2, 0)
    assert x.tolist() == [0, 2]
    np.testing.assert_array_equal(rows, [[0, 3, nan], [2, 3, nan]])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_categories_are_held_at_the_most_frequent_one(make):
    X = make({"n": [1, 2, 6], "kind": [None, "b", "b"], "is_new": [True, False, False]})
    x, rows, _, name = way_along(X, "n", 2, 0)
    assert (x.tolist(), name) == ([1, 6], "n")
    assert type(rows) is type(X)
    assert list(rows["kind"]) == ["b", "b"]
    assert list(rows["is_new"]) == [False, False]
    assert rows["kind"].dtype == X["kind"].dtype


def test_numbers_that_are_categories_are_no_way():
    X = pd.DataFrame({"n": [1, 2, 6], "code": pd.Categorical([7, 9, 9]), "none": [None] * 3})
    rows = way_along(X, "n", 2, 0).rows
    assert list(rows["code"]) == [9, 9]
    assert rows["code"].dtype == X["code"].dtype
    assert list(rows["none"]) == [None, None]
    for feature in ("code", "none"):
        with pytest.raises(InvalidParameterError, match="feature must be a column of numbers"):
            way_along(X, feature, 2, 0)


def test_a_feature_that_is_missing_everywhere_is_refused():
    with pytest.raises(InvalidParameterError, match="not all missing, got 0"):
        way_along([[np.nan], [np.nan]], 0, 2, 0)
