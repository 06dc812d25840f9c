"""A way along one feature of a table, and what a regressor says on it."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from skensemble._checks import InvalidParameterError, check_int, reject
from skensemble.data import keywords_of
from skensemble.displays._fitted import unwrap
from skensemble.preprocessing import is_missing

__all__ = ["Way", "moments_of", "way_along"]

KINDS = ("total", "noise", "spread")
"""What a standard deviation may be of."""


class Way(NamedTuple):
    """Points along one feature.

    Parameters
    ----------
    x : ndarray of shape (n_points,)
        Values of the feature.
    rows : ndarray or DataFrame of shape (n_points, n_features)
        Rows with these values, and one value of each other feature.
    values : ndarray of shape (n_samples,)
        The feature in the rows that were given.
    name : str or None
        What the feature is called.
    """

    x: np.ndarray
    rows: Any
    values: np.ndarray
    name: str | None


def way_along(X: Any, feature: int | str, n_points: int, extend: float) -> Way:
    """Return points along a feature of a table, a little beyond its rows.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Numbers; columns of a DataFrame may also be categories. What is missing is passed over.
    feature : int or str
        Place of the feature or, of a DataFrame, its name.
    n_points : int
        Number of points.
    extend : float
        How far to go beyond the rows at each end, as a share of their range.

    Returns
    -------
    way : Way
        Other features are held at their medians, categories at the most frequent one.

    Raises
    ------
    InvalidParameterError
        If `X` is no table, or `feature` is none of its features or not one of numbers.
    """
    columns, names = _columns(X), list(getattr(X, "columns", ()))
    place = _place(feature, names, len(columns))
    values = columns[place]
    if not (_is_of_numbers(values) and np.isfinite(values).any()):
        raise reject("feature", "a column of numbers that are not all missing", feature)
    finite = values[np.isfinite(values)]
    low, high = finite.min(), finite.max()
    beyond = extend * (high - low)
    x = np.linspace(low - beyond, high + beyond, n_points)
    held = [_held(column, n_points) for column in columns]
    held[place] = x.astype(values.dtype)
    if names:
        rows = type(X)(dict(zip(names, held, strict=True)))
        return Way(x, rows, values, str(names[place]))
    name = None if len(columns) == 1 else f"feature {place}"
    return Way(x, np.stack(held, axis=1), values, name)


def moments_of(estimator: Any, rows: Any, uncertainty: str) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of a regressor of one target.

    Parameters
    ----------
    estimator : object
        Fitted regressor, also at the end of a pipeline or as the best of a search.
    rows : ndarray or DataFrame of shape (n_points, n_features)
        Rows as they come to `estimator`.
    uncertainty : {"total", "noise", "spread"}
        What the standard deviation is of.

    Returns
    -------
    mean, std : ndarray of shape (n_points,)
        In units of the target.

    Raises
    ------
    InvalidParameterError
        If the regressor does not say it, or has several targets.
    """
    if uncertainty not in KINDS:
        raise reject("uncertainty", f"one of {list(KINDS)}", uncertainty)
    inner, rows = unwrap(estimator, X=rows)
    if "return_std" not in keywords_of(inner.predict):
        raise reject("estimator", "a regressor whose predict takes return_std", estimator)
    mean, std = inner.predict(rows, return_std=True)
    if np.ndim(mean) > 1 and np.shape(mean)[1] > 1:
        raise InvalidParameterError(
            f"estimator must be a regressor of one target, got one of {np.shape(mean)[1]}."
        )
    if uncertainty != "total":
        if not hasattr(inner, "predict_uncertainty"):
            raise reject("uncertainty", "'total' for what is no ensemble of ours", uncertainty)
        std = inner.predict_uncertainty(rows)[KINDS.index(uncertainty) - 1]
    if std is None:
        rule = "'total' or 'spread' for members that do not know the noise"
        raise reject("uncertainty", rule, uncertainty)
    return np.ravel(mean), np.ravel(std)


def knows_noise(estimator: Any, rows: Any, uncertainty: str) -> bool:
    """Say whether a standard deviation by `moments_of` has the noise of the targets in it."""
    inner, rows = unwrap(estimator, X=rows)
    if uncertainty != "total" or not hasattr(inner, "predict_uncertainty"):
        return uncertainty != "spread"
    # Whether there is noise does not hang on the row.
    return inner.predict_uncertainty(rows[:1]).noise is not None


def _columns(X: Any) -> list[Any]:
    """Return the columns of a table: arrays of floats, or what a DataFrame has of another kind."""
    if hasattr(X, "columns"):
        return [_as_floats(X[name]) for name in X.columns]
    table = np.asarray(X)
    if table.ndim != 2 or table.dtype.kind not in "fiub":
        raise reject("X", "a table of numbers of shape (n_samples, n_features), or a DataFrame", X)
    return list(table.T if table.dtype.kind == "f" else table.T.astype(float))


def _as_floats(column: Any) -> Any:
    """Return a column of a DataFrame as an array, if it is of numbers and not of categories."""
    array = np.asarray(column)
    if array.dtype.kind not in "fiu" or str(column.dtype).startswith(("category", "Categorical")):
        return column
    return array if array.dtype.kind == "f" else array.astype(float)


def _is_of_numbers(column: Any) -> bool:
    return isinstance(column, np.ndarray)


def _place(feature: int | str, names: list[Any], n_columns: int) -> int:
    """Return the place of a feature that is given by place or name."""
    if not isinstance(feature, str):
        return check_int("feature", feature, 0, n_columns - 1)
    if feature not in names:
        raise reject("feature", f"one of {names}" if names else "an int for an array", feature)
    return names.index(feature)


def _held(column: Any, n: int) -> Any:
    """Return the median of a column, or its most frequent value, so many times."""
    if _is_of_numbers(column):
        there = column[np.isfinite(column)]
        return np.full(n, np.median(there) if there.size else np.nan, dtype=column.dtype)
    values = np.asarray(column).tolist()
    there = Counter(value for value in values if not is_missing(value))
    place = values.index(there.most_common(1)[0][0]) if there else 0
    same = (column.iloc if hasattr(column, "iloc") else column)[np.full(n, place)]
    # An array of pandas keeps the categories, and has no index of its own.
    return getattr(same, "array", same)
