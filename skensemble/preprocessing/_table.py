"""Tables as columns: DataFrames of pandas and polars, arrays, lists and tensors."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.utils.validation import _get_feature_names, check_array

from skensemble._checks import reject
from skensemble.data import as_numpy


@dataclass(frozen=True)
class Table:
    """The columns of a table, on the memory of what the user gave.

    Attributes
    ----------
    columns : list
        Each of shape (n_rows,), to be cut as ``column[start:stop]``.
    n_rows : int
    names : ndarray of str of shape (n_columns,) or None
        None where the table has no names that are strings.
    array : ndarray of shape (n_rows, n_columns) or None
        The whole table where it is an array of numbers or bools.
    """

    columns: list[Any]
    n_rows: int
    names: np.ndarray | None = None
    array: np.ndarray | None = None

    def ordered(self, order: list[int]) -> "Table":
        """Return the columns in another order, without names."""
        return Table([self.columns[j] for j in order], self.n_rows)


def read_table(X: Any, owner: Any) -> Table:
    """Read a table without copying it.

    Parameters
    ----------
    X : DataFrame, array-like or Tensor of shape (n_samples, n_columns)
    owner : object
        Whose name stands in messages.

    Returns
    -------
    table : Table

    Raises
    ------
    ValueError
        If it is not of two axes, or has no rows or no columns, in scikit-learn's words.
    TypeError
        If it is sparse.
    """
    X = as_numpy(X)
    with config_context(array_api_dispatch=False):
        if is_frame(X):
            if 0 in X.shape:
                # scikit-learn says what is wrong with an array of this shape.
                check_array(np.empty(X.shape), estimator=owner)
            names = list(X.columns)
            twice = [name for k, name in enumerate(names) if name in names[:k]]
            if twice:
                raise reject("X", "a table whose columns have names of their own", twice[0])
            return Table(_frame_columns(X), X.shape[0], _get_feature_names(X))
        if not hasattr(X, "dtype"):
            X = _array_of(X)
        X = check_array(X, dtype=None, ensure_all_finite=False, estimator=owner)
    if X.dtype.kind in "fiub":
        return Table(list(X.T), X.shape[0], array=X)
    return Table(list(X.T), X.shape[0])


def is_frame(X: Any) -> bool:
    """Say whether something is a DataFrame of pandas or polars."""
    is_one = hasattr(X, "iloc") or hasattr(X, "get_columns")
    return is_one and hasattr(X, "columns") and len(getattr(X, "shape", ())) == 2


def _frame_columns(X: Any) -> list[Any]:
    """Return the columns of a DataFrame: arrays, extension arrays, or Series of polars."""
    if hasattr(X, "get_columns"):
        return list(X.get_columns())
    return [
        column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array
        for _, column in X.items()
    ]


def _array_of(X: Any) -> Any:
    """Return lists as an array, of objects where some are strings: NumPy would make all strings."""
    array = np.asarray(X)
    return np.asarray(X, dtype=object) if array.dtype.kind in "US" else array
