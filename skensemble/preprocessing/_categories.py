"""Which columns of a table are categories, and the levels of each."""

from typing import Any

import numpy as np

from skensemble._checks import InvalidParameterError, reject
from skensemble.preprocessing._columns import distinct_in

MOST_LEVELS = 255
"""Levels of a category at most."""

FEW_LEVELS = 30
"""Levels that text may have, however few the rows are."""

MOST_OWN = 0.9
"""Share of the rows that may have a text of their own, where it has more levels than few."""

FEW_OTHERS = 0.1
"""Share of levels that are no numbers, up to which the others are taken for numbers as text."""


def choose_categories(
    categorical_features: Any, kinds: list[str], names: list[str], are_named: bool
) -> list[str]:
    """Say which columns are categories, and why.

    Parameters
    ----------
    categorical_features : "from_dtype", None or array-like of str, int or bool
    kinds : list of str
        What `kind_of` says of each column.
    names : list of str
        Of the columns.
    are_named : bool
        Whether the names are the table's own.

    Returns
    -------
    reasons : list of {"", "listed", "kind"}
        Empty for numbers.

    Raises
    ------
    InvalidParameterError
        If `categorical_features` names what is not there, or is None beside strings.
    """
    by_kind = {"text", "category"}
    if categorical_features is None:
        return [""] * len(kinds)
    if isinstance(categorical_features, str) and categorical_features == "from_dtype":
        return ["kind" if kind in by_kind | {"bool"} else "" for kind in kinds]
    listed = _listed(categorical_features, names, are_named)
    return [
        "listed" if j in listed else "kind" if kind in by_kind else ""
        for j, kind in enumerate(kinds)
    ]


def _listed(categorical_features: Any, names: list[str], are_named: bool) -> set[int]:
    """Return the indices of the columns that a user lists."""
    rule = "'from_dtype', None, or a list of column names, indices or a mask"
    wrong = reject("categorical_features", rule, categorical_features)
    if isinstance(categorical_features, str):
        raise wrong
    own = np.asarray(categorical_features)
    n_columns = len(names)
    if own.ndim != 1:
        raise wrong
    if own.size == 0:
        return set()
    if all(isinstance(name, str) for name in own.tolist()):
        if not are_named:
            rule = "a list of indices or a mask where columns have no names"
            raise reject("categorical_features", rule, categorical_features)
        for name in own:
            if name not in names:
                rule = f"a list of columns that there are ({', '.join(names[:10])})"
                raise reject("categorical_features", rule, str(name))
        return {j for j, name in enumerate(names) if name in set(own)}
    if own.dtype.kind == "b":
        if len(own) != n_columns:
            rule = f"as long as the table has columns ({n_columns}) if it is a mask"
            raise reject("categorical_features", rule, categorical_features)
        return set(np.flatnonzero(own).tolist())
    if own.dtype.kind not in "iu":
        raise wrong
    if own.min() < 0 or own.max() >= n_columns:
        rule = f"a list of indices in 0..{n_columns - 1}"
        raise reject("categorical_features", rule, categorical_features)
    return set(own.tolist())


def sorted_levels(column: Any, name: str) -> np.ndarray:
    """Return the levels that a column has, sorted.

    Parameters
    ----------
    column : ndarray, extension array or Series of shape (n_rows,)
    name : str
        What it is called in a message.

    Returns
    -------
    levels : ndarray of shape (n_levels,)
        Of numbers, or of objects.

    Raises
    ------
    InvalidParameterError
        If one is infinite.
    """
    values, codes = distinct_in(column, name)
    own = [values[code] for code in np.unique(codes[codes >= 0])]
    try:
        own.sort()
    except TypeError:
        own.sort(key=lambda value: (type(value).__name__, str(value)))
    levels = np.empty(len(own), dtype=object)
    levels[:] = own
    if own and all(isinstance(value, int | float | np.number | np.bool_) for value in own):
        levels = np.array(own)
        if levels.dtype.kind == "f" and np.isinf(levels).any():
            raise reject(f"Column {name!r}", "finite (no infinity)", levels[np.isinf(levels)][0])
    return levels


def check_few(levels: np.ndarray, n_rows: int, name: str, is_text: bool) -> None:
    """Refuse a category of so many levels that it says little, or is text.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
    n_rows : int
        Rows of the column.
    name : str
        What it is called in the message.
    is_text : bool
        Whether it is a category only because it holds text.

    Raises
    ------
    InvalidParameterError
        If there are more than 255; of text, also if there are more than 30 and nearly every row has
        one of its own.
    """
    n_levels = len(levels)
    if n_levels > MOST_LEVELS:
        rule = f"at most {MOST_LEVELS} levels as a category"
    elif is_text and n_levels > max(FEW_LEVELS, MOST_OWN * n_rows):
        rule = f"levels that rows share where it is text of more than {FEW_LEVELS}"
    else:
        return
    raise InvalidParameterError(
        f"Column {name!r} must have {rule}, got {n_levels} levels in {n_rows} rows. "
        f"{_way_out(levels, is_text)}"
    )


def _way_out(levels: np.ndarray, is_text: bool) -> str:
    """Say what to do about a column of too many levels."""
    others = [level for level in levels.tolist() if not _is_number(level)]
    if not others and not is_text:
        return "Take it out of categorical_features: as a number it can have any values."
    if len(others) <= FEW_OTHERS * len(levels):
        but = f", but for {others[0]!r}" if others else ""
        return f"Its values are numbers as text{but}: read them as numbers (pandas.to_numeric)."
    return "Make it numbers with skrub's TableVectorizer, or leave it out."


def _is_number(level: Any) -> bool:
    """Say whether a level is a number, or text of one."""
    try:
        float(level)
    except (TypeError, ValueError):
        return False
    return True
