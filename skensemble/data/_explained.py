"""Rows and targets that no net takes: what is wrong with them, and where it is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch.utils.data import DataLoader

from skensemble._checks import InvalidParameterError, short_repr

N_NAMED = 5
"""Columns that a message names before it counts the rest."""


@contextmanager
def explained(X: Any, y: Any = None, *, classify: bool = False) -> Iterator[None]:
    """Let an error of scikit-learn's checks inside the block say what it was of, where it does not.

    Parameters
    ----------
    X : object
        What was given as rows.
    y : object, default=None
        What was given as labels or targets.
    classify : bool, default=False
        Whether `y` holds labels.

    Raises
    ------
    InvalidParameterError
        If a column holds text or dates, if targets are missing, if there are several columns of
        labels, or if the rows come as a `DataLoader`.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        if isinstance(error, InvalidParameterError):
            raise
        reason = _reason(X, y, classify, str(error))
        if reason is None:
            raise
        raise InvalidParameterError(reason) from error


def check_not_missing(y: np.ndarray) -> None:
    """Refuse targets that are missing; None becomes NaN when it is made a number.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Numbers.
    """
    n_missing = int(np.isnan(y).any(axis=tuple(range(1, y.ndim))).sum())
    if n_missing:
        raise InvalidParameterError(_missing(n_missing, len(y)))


def _reason(X: Any, y: Any, classify: bool, error: str) -> str | None:
    if isinstance(X, DataLoader):
        return (
            "X must be rows, got a DataLoader. Give X and y themselves, of which the net makes "
            "batches: NetClassifier(batch_size=..., iterator_train=DataLoader) if need be."
        )
    if y is not None:
        columns = _n_columns(y)
        if classify and columns > 1:
            return (
                f"y must be one column of labels, got {columns}. For several labels a row use "
                "sklearn.multioutput.MultiOutputClassifier(...); of a column for each class, "
                "give y.argmax(axis=1)."
            )
        n_missing = 0 if error.startswith("Input y") else _n_missing(y)
        if n_missing:
            return _missing(n_missing, len(y))
        text = None if classify else _text_value(np.asarray(y, dtype=object).ravel())
        if text is not None:
            return f"y must hold numbers, got text such as {short_repr(text)}: take a classifier."
    columns = _text_columns(X)
    return _of_text(columns) if columns else None


def _n_columns(y: Any) -> int:
    try:
        shape = np.shape(y)
    except ValueError:
        return 1
    return shape[1] if len(shape) == 2 else 1


def _n_missing(y: Any) -> int:
    """Count the targets that are None, NaN or missing in the way of pandas."""
    return sum(
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and np.isnan(value))
        for value in np.asarray(y, dtype=object).ravel()
    )


def _missing(n_missing: int, n_targets: int) -> str:
    return (
        f"y must hold a target for each row, got {n_missing} of {n_targets} missing: leave these "
        "rows out."
    )


def _text_columns(X: Any) -> dict[str, Any]:
    """Find the columns that are no numbers, with a value of each, by what they are called."""
    if hasattr(X, "columns") and hasattr(X, "shape") and len(X.shape) == 2:
        columns = {repr(name): X[name] for name in X.columns}
    else:
        try:
            rows = np.asarray(X, dtype=object)
        except ValueError:
            return {}
        if rows.ndim not in (1, 2) or not rows.size:
            return {}
        columns = {str(j): column for j, column in enumerate(rows.reshape(len(rows), -1).T)}
    found = {name: _text_value(column) for name, column in columns.items()}
    return {name: value for name, value in found.items() if value is not None}


def _text_value(column: Any) -> Any:
    """Return the first value of a column that is a text or a date, or None."""
    try:
        np.asarray(column).astype(np.float64)
    except (ValueError, TypeError):
        return next((value for value in column if _is_text(value)), None)
    kind = np.asarray(column).dtype.kind
    return np.asarray(column)[0] if kind == "M" and len(column) else None


def _is_text(value: Any) -> bool:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return True
    return hasattr(value, "year")


def _of_text(columns: Mapping[str, Any]) -> str:
    names, value = list(columns), next(iter(columns.values()))
    more = f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else ""
    where = f"column{'s' if len(names) > 1 else ''} {', '.join(names[:N_NAMED])}{more}"
    if hasattr(value, "year") or isinstance(value, np.datetime64):
        return (
            f"X must hold numbers, got dates in {where}, such as {short_repr(value)}. Make numbers "
            "of them before the net: days since the first one, the month, the day of the week."
        )
    listed = f"[{', '.join(names[:N_NAMED])}{', ...' if more else ''}]"
    return (
        f"X must hold numbers, got text in {where}, such as {short_repr(value)}. Encode it in a "
        f"Pipeline before the net: make_column_transformer((OneHotEncoder(), {listed}), "
        "remainder=StandardScaler()), with OrdinalEncoder where values have an order, or skrub's "
        "TableVectorizer() for all columns."
    )
