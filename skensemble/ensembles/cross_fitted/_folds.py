"""Which rows each net of a cross-fitted ensemble leaves out."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)

from skensemble._checks import InvalidParameterError, check_int, reject, short_repr
from skensemble._warn import warn_user

Split = tuple[np.ndarray, np.ndarray]
"""Indices of the rows to train on, and of those that are left out."""


def check_cv(cv: Any) -> None:
    """Refuse a `cv` that cannot say which rows are left out, before any data is looked at."""
    if not isinstance(cv, str) and (hasattr(cv, "split") or isinstance(cv, Iterable)):
        if isinstance(cv, Iterator):
            # A second fit would find it at its end.
            raise reject("cv", "a list of splits, which can be read again", cv)
        return
    try:
        check_int("cv", cv, 2)
    except InvalidParameterError:
        rule = "an int >= 2, a splitter with a method split, or an iterable of splits"
        raise reject("cv", rule, cv) from None


def splits_of(
    cv: Any, X: Any, y: np.ndarray, groups: Any, *, classify: bool, seed: int
) -> list[Split]:
    """Split rows into folds, of which each row is in exactly one.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        A number of folds of shuffled rows, with the classes of all rows in the same shares, and
        with rows of one group in one fold.
    X : ndarray or CSR matrix of shape (n_samples, ...)
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Labels or targets.
    groups : array-like of shape (n_samples,) or None
    classify : bool
        Whether `y` holds labels.
    seed : int
        Of the shuffling, for an int.

    Returns
    -------
    splits : list of (train, test)
        Sorted indices.

    Raises
    ------
    InvalidParameterError
        If some row is left out by no net, or by several that should cover all rows once, or is
        both trained on and left out.
    """
    splitter = _splitter(cv, y, groups, classify, seed) if isinstance(cv, int | np.integer) else cv
    if hasattr(splitter, "split"):
        return _written(lambda: splitter.split(X, y, groups), X.shape[0], cv)
    return _written(lambda: cv, X.shape[0], cv)


def _written(split: Callable[[], Iterable[Any]], n_rows: int, cv: Any) -> list[Split]:
    """Write out splits as sorted indices, and hold them to leave each row out exactly once."""
    try:
        splits = [(_indices(train, n_rows), _indices(test, n_rows)) for train, test in split()]
    except (ValueError, TypeError, IndexError) as error:
        rule = f"something that splits {n_rows} rows"
        raise InvalidParameterError(f"cv must be {rule}, got {short_repr(cv)}: {error}") from error
    _check_splits(splits, n_rows)
    return splits


def warn_if_unseen(labels: np.ndarray, splits: list[Split]) -> None:
    """Warn about classes of several rows that are all left out by the same nets."""
    for k, (train, test) in enumerate(splits):
        unseen = np.setdiff1d(labels[test], labels[train])
        several = [c for c in unseen.tolist() if (labels == c).sum() > 1]
        if several:
            warn_user(
                f"The nets that leave out fold {k} are trained on no row of the classes "
                f"{short_repr(several)}, and cannot know them. An int as cv spreads the classes."
            )


def among(cv: Any, index: np.ndarray, n_given: int) -> Any:
    """Return splits of some rows, where `cv` has written out splits of all that were given.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
    index : ndarray of int
        Places of the rows that are left.
    n_given : int
        Rows that were given.
    """
    if isinstance(cv, int | np.integer) or hasattr(cv, "split"):
        return cv
    place = np.full(n_given, -1)
    place[index] = np.arange(len(index))
    pairs = [[place[part] for part in pair] for pair in _written(lambda: cv, n_given, cv)]
    return [tuple(part[part >= 0] for part in pair) for pair in pairs]


def _splitter(cv: int, y: np.ndarray, groups: Any, classify: bool, seed: int) -> Any:
    # A class that has fewer rows than there are folds cannot be spread, and need not be.
    classify = classify and np.unique(y, return_counts=True)[1].min() >= cv
    shuffled = {"shuffle": True, "random_state": seed}
    if groups is None:
        return StratifiedKFold(cv, **shuffled) if classify else KFold(cv, **shuffled)
    return StratifiedGroupKFold(cv, **shuffled) if classify else GroupKFold(cv)


def _indices(index: Any, n_rows: int) -> np.ndarray:
    """Return sorted row numbers from row numbers or from a mask."""
    index = np.asarray(index)
    if index.dtype == bool:
        if len(index) != n_rows:
            raise IndexError(f"a mask of {len(index)} rows")
        return np.flatnonzero(index)
    index = index.astype(np.intp, casting="safe" if index.size else "unsafe")
    return np.unique(np.arange(n_rows)[index])


def _check_splits(splits: list[Split], n_rows: int) -> None:
    if len(splits) < 2:
        raise reject("cv", "at least 2 splits", len(splits))
    times_out = np.zeros(n_rows, dtype=int)
    for k, (train, test) in enumerate(splits):
        times_out[test] += 1
        if len(both := np.intersect1d(train, test)):
            got = f"split {k} with row {both[0]} in both of its parts"
            raise InvalidParameterError(
                f"cv must give splits whose two parts share no row, got {got}."
            )
        if not (len(train) and len(test)):
            raise InvalidParameterError(
                f"cv must give splits of two parts that hold rows, got split {k} with "
                f"{len(train)} and {len(test)} row(s)."
            )
    if (odd := np.flatnonzero(times_out != 1)).size:
        raise InvalidParameterError(
            f"cv must leave each row out exactly once, got row {odd[0]} left out "
            f"{times_out[odd[0]]} times (as TimeSeriesSplit and ShuffleSplit do; KFold and "
            "GroupKFold do not)."
        )
