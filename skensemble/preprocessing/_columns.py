"""Columns of tables of any kind: what they hold, as floats, or as distinct values and codes.

A column is what can be cut as ``column[start:stop]``: an ndarray, an extension array of pandas, or
a Series of polars. Neither library is imported: columns tell by their own dtypes what they are.
"""

import sys
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Number, Real
from typing import Any

import numpy as np

from skensemble._checks import InvalidParameterError, short_repr

MISSING_TYPES = {"NoneType", "NAType", "NaTType"}
"""Names of the types that hold nothing but a missing value."""

VECTORIZE = "skrub's TableVectorizer makes numbers of it; or leave it out."
"""What to do about a column that has to be made into several others."""


def kind_of(column: Any, name: str) -> str:
    """Say what a column holds.

    Parameters
    ----------
    column : ndarray, extension array or Series of shape (n_rows,)
    name : str
        What it is called in a message.

    Returns
    -------
    kind : {"number", "bool", "text", "category"}
        Objects are "number" if all that are not missing are, "bool" likewise, else "text"; so is
        a column of no values whose dtype does not say. "category" has a dtype of levels.

    Raises
    ------
    InvalidParameterError
        If it holds dates, times, nested values, complex numbers or other objects.
    """
    dtype = column.dtype
    if hasattr(dtype, "is_numeric"):
        return _kind_of_polars(column, name)
    if str(dtype) == "category":
        return "category"
    if dtype.kind in "fiu":
        return "number"
    if dtype.kind == "b":
        return "bool"
    if dtype.kind in "mM":
        raise _dates(name, dtype)
    return _kind_of_objects(column, name)


def _kind_of_polars(column: Any, name: str) -> str:
    dtype = column.dtype
    base = str(dtype).split("(")[0]
    if dtype.is_numeric():
        return "number"
    if dtype.is_temporal():
        raise _dates(name, dtype)
    if dtype.is_nested():
        raise _other(name, dtype)
    known = {"Boolean": "bool", "Categorical": "category", "Enum": "category", "String": "text"}
    return known.get(base) or _kind_of_objects(column, name)


def _kind_of_objects(column: Any, name: str) -> str:
    if getattr(column.dtype, "type", None) in (str, np.str_, np.bytes_):
        return "text"
    values = objects_in(column)
    types = {kind for kind in set(map(type, values)) if kind.__name__ not in MISSING_TYPES}
    for kind in types:
        if not issubclass(kind, str | bytes | Real | Decimal | np.bool_):
            value = next(value for value in values if type(value) is kind)
            is_date = issubclass(kind, date | time | timedelta | np.datetime64 | np.timedelta64)
            raise _dates(name, kind.__name__) if is_date else _other(name, value)
    if types and all(issubclass(kind, bool | np.bool_) for kind in types):
        return "bool"
    is_text = not types or any(issubclass(kind, str | bytes | bool | np.bool_) for kind in types)
    return "text" if is_text else "number"


def _dates(name: str, dtype: Any) -> InvalidParameterError:
    return InvalidParameterError(
        f"Column {name!r} must hold numbers or categories, got dates or times ({dtype}). "
        f"{VECTORIZE}"
    )


def _other(name: str, value: Any) -> InvalidParameterError:
    return InvalidParameterError(
        f"Column {name!r} must hold numbers or categories, got {short_repr(value)}: each value of "
        f"the argument must be a string or a number. {VECTORIZE}"
    )


def objects_in(column: Any) -> list[Any]:
    """Return the values of a column as objects of Python."""
    if hasattr(column, "to_list"):
        return list(column.to_list())
    return list(np.asarray(column, dtype=object).tolist())


def numbers_in(column: Any, name: str) -> np.ndarray:
    """Return a column as float64, nan where a value is missing.

    Parameters
    ----------
    column : ndarray, extension array or Series of shape (n_rows,)
    name : str
        What it is called in a message.

    Returns
    -------
    numbers : ndarray of shape (n_rows,)
        May be on the memory of the column.

    Raises
    ------
    InvalidParameterError
        If it holds something else.
    """
    dtype = column.dtype
    kind = getattr(dtype, "kind", "O")
    if isinstance(column, np.ndarray) and kind in "fiub":
        return column.astype(np.float64, copy=False)
    if kind in "mM":
        # NumPy makes ints of those of nanoseconds.
        raise _dates(name, dtype)
    if hasattr(dtype, "is_numeric") and (dtype.is_numeric() or str(dtype) == "Boolean"):
        numbers: np.ndarray = column.cast(sys.modules["polars"].Float64).to_numpy()
        return numbers
    if kind in "fiub":
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    return _as_floats(objects_in(column), name)


def _as_floats(values: list[Any], name: str) -> np.ndarray:
    """Return objects as float64; numbers beyond it are infinite."""
    numbers = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if isinstance(value, Real | Decimal | np.bool_):
            try:
                numbers[row] = float(value)
            except OverflowError:
                numbers[row] = np.inf
        elif not is_missing(value):
            raise InvalidParameterError(
                f"Column {name!r} must hold numbers, got {short_repr(value)}. Make it numbers "
                "beforehand, or let it be a category (categorical_features)."
            )
    return numbers


def distinct_in(column: Any, name: str) -> tuple[list[Any], np.ndarray]:
    """Return the distinct values of a column, and which of them each row has.

    Parameters
    ----------
    column : ndarray, extension array or Series of shape (n_rows,)
    name : str
        What it is called in a message.

    Returns
    -------
    values : list
        Objects of Python; of a column of levels all levels of its dtype.
    codes : ndarray of int of shape (n_rows,)
        Places in `values`; -1 where a value is missing.
    """
    if hasattr(column, "categories") and hasattr(column, "codes"):
        return list(column.categories), np.asarray(column.codes)
    if isinstance(column, np.ndarray) and column.dtype.kind in "fiub":
        found, codes = np.unique(column, return_inverse=True)
        values = found.tolist()
    else:
        places: dict[Any, int] = {}
        objects = objects_in(column)
        try:
            codes = np.array([places.setdefault(value, len(places)) for value in objects], int)
        except TypeError:
            kind_of(column, name)
            raise
        values = list(places)
    is_gone = np.array([is_missing(value) for value in values], bool)
    return values, np.where(is_gone[codes], -1, codes) if is_gone.any() else codes


def is_missing(value: Any) -> bool:
    """Say whether a value stands for none: None, nan, or pandas' NA and NaT."""
    return type(value).__name__ in MISSING_TYPES or bool(value != value)


def sort_of(value: Any) -> str:
    """Say whether a level is a number or something else, as a message calls it."""
    return "numbers" if isinstance(value, Number | np.bool_) else "text"
