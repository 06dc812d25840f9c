"""Tables of any kind as one array of floats: numbers scaled, categories by their level."""

from typing import Any

import numpy as np
from sklearn.utils.validation import _check_feature_names, _check_n_features

from skensemble._checks import InvalidParameterError, reject
from skensemble.preprocessing._categories import check_few, choose_categories, sorted_levels
from skensemble.preprocessing._columns import distinct_in, kind_of, numbers_in, sort_of
from skensemble.preprocessing._table import Table, read_table

BLOCK_VALUES = 2**17
"""Values of a table that are coded at once: enough to hide the calls, few enough for the cache."""


class TableCoder:
    """Code the columns of a table as floats, as `EncodingTables` takes them.

    Numbers become (x - median) / scale, where the scale is the distance of the quartiles, half the
    range where the quartiles are the same, and 1 in a column of one value. Categories become the
    number of their level, from 0 in sorted order, and -1 where it was not in `fit`. A missing value
    is nan. scikit-learn's `RobustScaler` and `OrdinalEncoder` would each copy their columns as a
    whole, leave a scale of 1 where quartiles tie, and take text of any number of levels.

    Parameters
    ----------
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Which columns are categories: names, indices or a mask. "from_dtype" are those of strings,
        objects that are not all numbers, bools and levels. Where columns are listed, other strings
        and levels are still categories, bools numbers. None refuses strings.

    Attributes
    ----------
    n_columns_ : int
    names_ : list of str
        Column names, or ``x0``, ``x1`` and so on.
    is_categorical_ : ndarray of bool of shape (n_columns,)
    categories_ : list of ndarray or None
        Levels of each category, None for numbers.
    centers_, scales_ : ndarray of shape (n_columns,)
        Of numbers; 0 and 1 for categories.
    n_levels_ : ndarray of int of shape (n_columns,)
        0 for numbers.
    """

    def __init__(self, categorical_features: Any = "from_dtype") -> None:
        self.categorical_features = categorical_features

    def fit(self, X: Any, owner: Any = None) -> "TableCoder":
        """Learn medians, scales and levels.

        Parameters
        ----------
        X : DataFrame, array-like or Tensor of shape (n_samples, n_columns)
        owner : BaseEstimator, optional
            Gets `n_features_in_` and `feature_names_in_`, and is named in messages.

        Returns
        -------
        self : TableCoder

        Raises
        ------
        InvalidParameterError
            If a column holds something that is neither a number nor one of few levels.
        """
        table = read_table(X, self if owner is None else owner)
        n_columns, are_named = len(table.columns), table.names is not None
        names = list(table.names) if are_named else [f"x{j}" for j in range(n_columns)]
        pairs = list(zip(table.columns, names, strict=True))
        kinds = [kind_of(*pair) for pair in pairs]
        reasons = choose_categories(self.categorical_features, kinds, names, are_named)
        categories: list[np.ndarray | None] = [None] * n_columns
        scaling = np.array([[0.0, 1.0]] * n_columns)
        for j, (column, name) in enumerate(pairs):
            if reasons[j]:
                categories[j] = sorted_levels(column, name)
                is_text = kinds[j] == "text" and reasons[j] != "listed"
                check_few(categories[j], table.n_rows, name, is_text)
            else:
                scaling[j] = center_and_scale(numbers_in(column, name), name)
        self.n_columns_, self.names_ = n_columns, names
        self.centers_, self.scales_ = scaling.T
        self._set_categories(categories)
        for holder in [self] if owner is None else [self, owner]:
            _check_n_features(holder, X, reset=True)
            _check_feature_names(holder, X, reset=True)
        return self

    def _set_categories(self, categories: list[np.ndarray | None]) -> None:
        """Keep the levels of each column, None for numbers, and what follows from them."""
        self.categories_ = categories
        self.is_categorical_ = np.array([levels is not None for levels in categories])
        levels_of = [[] if levels is None else levels.tolist() for levels in categories]
        self.n_levels_ = np.array([len(levels) for levels in levels_of])
        self._numbers = [{level: i for i, level in enumerate(levels)} for levels in levels_of]
        self._sorts = [{sort_of(level) for level in levels} for levels in levels_of]

    def transform(self, X: Any, owner: Any = None) -> np.ndarray:
        """Code the columns of rows.

        Parameters
        ----------
        X : DataFrame, array-like or Tensor of shape (n_samples, n_columns)
            Columns of a DataFrame may stand in another order.
        owner : BaseEstimator, optional
            Is held to its `n_features_in_` and `feature_names_in_`.

        Returns
        -------
        coded : ndarray of shape (n_samples, n_columns)
            float32, in C order.

        Raises
        ------
        InvalidParameterError
            If a column holds text where it held numbers, or the other way round, or a number that
            is infinite or, scaled, beyond float32.
        """
        owner = self if owner is None else owner
        table = self._matched(read_table(X, owner), X, owner)
        coded = np.empty((table.n_rows, self.n_columns_), dtype=np.float32)
        step = max(1, BLOCK_VALUES // self.n_columns_)
        for start in range(0, table.n_rows, step):
            block = self._block(table, slice(start, start + step))
            with np.errstate(over="ignore", invalid="ignore"):
                block -= self.centers_
                block /= self.scales_
                coded[start : start + step] = block
            beyond = np.isinf(coded[start : start + step])
            if beyond.any():
                row, j = np.argwhere(beyond)[0]
                column = table.columns[j][start + row : start + row + 1]
                raise _not_finite(self.names_[j], numbers_in(column, self.names_[j])[0])
        return coded

    def _matched(self, table: Table, X: Any, owner: Any) -> Table:
        """Return a table with its columns in the order of `fit`; refuse one of others."""
        known = getattr(owner, "feature_names_in_", None)
        if known is not None and table.names is not None:
            places = {name: j for j, name in enumerate(table.names)}
            if list(known) == list(table.names):
                return table
            if len(places) == len(table.names) and places.keys() == set(known):
                return table.ordered([places[name] for name in known])
        _check_feature_names(owner, X, reset=False)
        _check_n_features(owner, X, reset=False)
        return table

    def _block(self, table: Table, rows: slice) -> np.ndarray:
        """Return some rows as float64 of shape (n_rows, n_columns), numbers not yet scaled."""
        if table.array is not None:
            block = table.array[rows].astype(np.float64)
            rest = np.flatnonzero(self.is_categorical_).tolist()
        else:
            rest = [*range(self.n_columns_)]
            n_rows = min(rows.stop, table.n_rows) - rows.start
            block = np.empty((n_rows, self.n_columns_))
        for j in rest:
            piece = table.columns[j][rows]
            if self.is_categorical_[j]:
                block[:, j] = self._level_numbers(piece, j)
            else:
                block[:, j] = numbers_in(piece, self.names_[j])
        return block

    def _level_numbers(self, column: Any, j: int) -> np.ndarray:
        """Return the numbers of the levels of rows: -1 unknown, nan missing."""
        name, known = self.names_[j], self._numbers[j]
        values, codes = distinct_in(column, name)
        # The last place, of code -1, is that of missing values.
        places = [float(known.get(value, -1)) for value in values] + [np.nan]
        numbers: np.ndarray = np.array(places)[codes]
        is_unknown = numbers == -1
        if is_unknown.any():
            kind_of(column, name)
            for code in np.unique(codes[is_unknown]):
                self._check_level(values[code], j)
        return numbers

    def _check_level(self, value: Any, j: int) -> None:
        """Refuse a level that is of another sort than those of `fit`, or infinite."""
        sorts, name = self._sorts[j], self.names_[j]
        if sorts and sort_of(value) not in sorts:
            raise reject(f"Column {name!r}", f"{' or '.join(sorted(sorts))}, as in fit", value)
        if isinstance(value, float) and np.isinf(value):
            raise _not_finite(name, value)


def center_and_scale(numbers: np.ndarray, name: str) -> tuple[float, float]:
    """Return the median of a column, and what its distances from there are divided by.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows,)
        float64; nan does not count.
    name : str
        What the column is called in a message.

    Returns
    -------
    center, scale : float

    Raises
    ------
    InvalidParameterError
        If a number is infinite, or scaled beyond float32.
    """
    numbers = numbers[~np.isnan(numbers)]
    if not numbers.size:
        return 0.0, 1.0
    ends = numbers.min(), numbers.max()
    for end in ends:
        if np.isinf(end):
            raise _not_finite(name, end)
    with np.errstate(over="ignore", invalid="ignore"):
        low, center, high = np.quantile(numbers, [0.25, 0.5, 0.75])
        scale = (high - low) or (ends[1] - ends[0]) / 2 or 1.0
        scaled = (np.array(ends) - center) / scale
    for end, size in zip(ends, np.abs(scaled), strict=True):
        if not np.isfinite(scale) or not size <= np.finfo(np.float32).max:
            raise _not_finite(name, end)
    return float(center), float(scale)


def _not_finite(name: str, value: float) -> InvalidParameterError:
    rule = "finite numbers that float32 can hold when they are scaled (no infinity)"
    return reject(f"Column {name!r}", rule, float(value))
