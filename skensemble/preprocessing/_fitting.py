"""What the columns of a coded table are encoded by, learnt from its rows."""

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from skensemble.modules import EncodingTables

MOST_ROWS = 100_000
"""Rows that quantiles, ranks and shared values are learnt from, spread evenly over all."""

DISTINCT_FOR_ATOMS = 17
"""Columns of more distinct values have atoms; of fewer, bins tell the values apart."""

LEAST_SHARE = 500
"""An atom is shared by one row of this many at least, and by `LEAST_ROWS`."""

LEAST_ROWS = 20


def fit_tables(
    coded: np.ndarray,
    n_levels: np.ndarray,
    *,
    values: bool = True,
    normals: bool = True,
    n_bins: int = 0,
    n_cosines: int = 0,
    n_atoms: int = 0,
    n_knots: int = 1000,
    indicators: bool = True,
) -> EncodingTables:
    """Learn how to encode the columns of a coded table.

    A column of one value has no features but an indicator of missing values. Where nothing is left
    at all, the first column is a value, because a net needs a feature. Quantiles, ranks and atoms
    of more than 100,000 rows are those of 100,000, spread evenly.

    Parameters
    ----------
    coded : ndarray of shape (n_samples, n_columns)
        float32, as `TableCoder` gives it.
    n_levels : ndarray of int of shape (n_columns,)
        Levels of each category, 0 for numbers.
    values, normals : bool, default=True
        Whether numbers have their clipped and their rank-normal value as features.
    n_bins : int, default=0
        Bins of the piecewise-linear encoding of a number, at most.
    n_cosines : int, default=0
        Cosines of the rank of a number.
    n_atoms : int, default=0
        Values with an indicator of their own, at most, of a number.
    n_knots : int, default=1000
        Values of a number whose rank is kept, at most.
    indicators : bool, default=True
        Whether columns with missing values have an indicator of them. Without indicators there may
        be no features at all.

    Returns
    -------
    tables : EncodingTables
    """
    n_rows, n_columns = coded.shape
    n_levels = np.asarray(n_levels, dtype=np.int64)
    seen: Any = slice(None)
    if n_rows > MOST_ROWS:
        seen = np.linspace(0, n_rows - 1, MOST_ROWS).astype(int)
    varied: list[int] = []
    bins, atoms, knots_and_ranks = {}, {}, []
    for j in np.flatnonzero(n_levels == 0).tolist():
        # Of a large table the values of one column at a time are held.
        found, counts = distinct(coded[seen, j])
        if len(found) < 2:
            continue
        varied.append(j)
        if n_bins:
            bins[j] = bins_of(found, counts, n_bins)
        if n_atoms:
            atoms[j] = atoms_of(found, counts, n_atoms, min(n_rows, MOST_ROWS))
        if normals or n_cosines:
            knots_and_ranks.append(knots_of(found, counts, n_knots))
    pairs, level_columns, levels = _of_categories(n_levels)
    own: dict[str, Any] = {
        "values": varied if values else [],
        "bin_columns": np.repeat([*bins], [len(own) for own in bins.values()]),
        "bins": np.concatenate([np.empty((0, 2)), *bins.values()]),
        "atom_columns": np.repeat([*atoms], [len(own) for own in atoms.values()]),
        "atoms": np.concatenate([np.empty(0), *atoms.values()]),
        "pairs": pairs,
        "level_columns": level_columns,
        "levels": levels,
        "missing": [j for j in range(n_columns) if indicators and np.isnan(coded[:, j]).any()],
    }
    if knots_and_ranks:
        knots, ranks = _padded(knots_and_ranks)
        own |= {"numbers": varied, "knots": knots, "ranks": ranks}
        own |= {"normals": normals, "n_cosines": n_cosines}
    tables = EncodingTables(n_columns, **own)
    has_features = tables.n_features or not indicators
    return tables if has_features else EncodingTables(n_columns, values=[0])


def _of_categories(n_levels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return categories of two levels, and the columns and numbers of all levels of the others."""
    one_hot = np.flatnonzero(n_levels > 2)
    levels = [np.arange(n_levels[j]) for j in one_hot]
    columns = np.repeat(one_hot, n_levels[one_hot])
    return np.flatnonzero(n_levels == 2), columns, np.concatenate([np.empty(0), *levels])


def distinct(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values of a column and how many rows have each.

    Parameters
    ----------
    column : ndarray of shape (n_rows,)
        nan where a value is missing.

    Returns
    -------
    values : ndarray of shape (n_distinct,)
        Rising, without nan.
    counts : ndarray of int of shape (n_distinct,)
    """
    return np.unique(column[~np.isnan(column)], return_counts=True)


def ranks_of(counts: np.ndarray) -> np.ndarray:
    """Return the rank of each distinct value: the share of rows below, its own counted half.

    Parameters
    ----------
    counts : ndarray of int of shape (n_distinct,)
        Rows of each value, in rising order.

    Returns
    -------
    ranks : ndarray of shape (n_distinct,)
        (#{rows < value} + #{rows <= value}) / (2 n).
    """
    up_to = counts.cumsum()
    ranks: np.ndarray = (2 * up_to - counts) / (2 * up_to[-1])
    return ranks


def knots_of(values: np.ndarray, counts: np.ndarray, n_knots: int) -> tuple[np.ndarray, np.ndarray]:
    """Return values of a column and their ranks; between them ranks lie on lines.

    Parameters
    ----------
    values, counts : ndarray of shape (n_distinct,)
        As `distinct` gives them.
    n_knots : int
        Values that are kept, at most: spread by their ranks, where these tie by their order, and
        always the least and the largest.

    Returns
    -------
    knots, ranks : ndarray of shape (n_kept + 2,)
        With one knot of rank 0 right below and one of rank 1 right above.
    """
    ranks = ranks_of(counts)
    if len(values) > n_knots:
        # Half are spread by the normal value of the rank, which is steep at the ends.
        (low, high), n_by_rank = ranks[[0, -1]], n_knots // 2
        targets = [
            np.linspace(low, high, n_by_rank),
            ndtr(np.linspace(ndtri(low), ndtri(high), n_knots - n_by_rank)),
        ]
        kept = np.unique(np.searchsorted(ranks, np.concatenate(targets)).clip(max=len(values) - 1))
        kept = filled_up(kept, np.arange(len(values)), n_knots)
        values, ranks = values[kept], ranks[kept]
    # A gap smaller than the least normal number is 0 where denormal ones are flushed.
    tiny = np.finfo(np.float32).tiny
    below = min(np.nextafter(values[0], np.float32(-np.inf)), values[0] - tiny)
    above = max(np.nextafter(values[-1], np.float32(np.inf)), values[-1] + tiny)
    return np.concatenate([[below], values, [above]]), np.concatenate([[0.0], ranks, [1.0]])


def filled_up(kept: np.ndarray, everything: np.ndarray, n: int) -> np.ndarray:
    """Return `kept` with evenly spread others of `everything`, `n` in all or as many as there are.

    Parameters
    ----------
    kept, everything : ndarray of shape (n_kept,), (n_everything,)
        Rising; the largest of both is the same.
    n : int

    Returns
    -------
    filled : ndarray of shape (n,)
        Rising.
    """
    # Both are sorted; NumPy's sets would sort or hash them again.
    others = everything[everything != kept[np.searchsorted(kept, everything)]]
    n_more = max(0, min(n - len(kept), len(others)))
    places = ((np.arange(n_more) + 0.5) / max(n_more, 1) * len(others)).astype(int)
    return np.sort(np.concatenate([kept, others[places]]))


def bins_of(values: np.ndarray, counts: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the bins of a piecewise-linear encoding.

    Parameters
    ----------
    values, counts : ndarray of shape (n_distinct,)
        As `distinct` gives them.
    n_bins : int
        Bins at most: between all values where they are few, else between quantiles of the rows,
        and where these tie, between distinct values that fill them up.

    Returns
    -------
    bins : ndarray of shape (n, 2)
        float32; lower and upper edge of each.
    """
    edges = values
    if len(values) > n_bins + 1:
        rows = np.repeat(values.astype(np.float64), counts)
        # The rows are sorted, so this is np.quantile without its sort.
        places = np.linspace(0, len(rows) - 1, n_bins + 1)
        quantiles = np.interp(places, np.arange(len(rows)), rows)
        edges = filled_up(np.unique(quantiles.astype(np.float32)), values, n_bins + 1)
    return np.stack([edges[:-1], edges[1:]], axis=1)


def atoms_of(values: np.ndarray, counts: np.ndarray, n_atoms: int, n_rows: int) -> np.ndarray:
    """Return the values that have an indicator of their own.

    Parameters
    ----------
    values, counts : ndarray of shape (n_distinct,)
        As `distinct` gives them.
    n_atoms : int
        Values at most.
    n_rows : int
        Rows of the table, those of missing values included.

    Returns
    -------
    atoms : ndarray of shape (n,)
        The most frequent first; of a column of more than 17 values alone.
    """
    if len(values) <= DISTINCT_FOR_ATOMS:
        return values[:0]
    order = np.argsort(-counts, kind="stable")[:n_atoms]
    shared: np.ndarray = values[order][counts[order] >= max(LEAST_ROWS, n_rows / LEAST_SHARE)]
    return shared


def _padded(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return knots and ranks of several columns, filled up with infinity and 1."""
    width = max(len(knots) for knots, _ in pairs)
    knots, ranks = np.full((len(pairs), width), np.inf), np.ones((len(pairs), width))
    for row, (own, own_ranks) in enumerate(pairs):
        knots[row, : len(own)], ranks[row, : len(own)] = own, own_ranks
    return knots, ranks
