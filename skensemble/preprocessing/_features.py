"""Features of coded rows, and what they are called."""

from typing import Any

import numpy as np

from skensemble.data import shared_tensor
from skensemble.modules import EncodingTables
from skensemble.preprocessing._coder import TableCoder

BLOCK_ROWS = 256
"""Rows that are encoded at once: their features stay in the cache, which is three times as fast."""


def encode_rows(tables: EncodingTables, coded: np.ndarray) -> np.ndarray:
    """Return the features of coded rows.

    Parameters
    ----------
    tables : EncodingTables
    coded : ndarray of shape (n_samples, n_columns)
        float32, as `TableCoder` gives it.

    Returns
    -------
    features : ndarray of shape (n_samples, n_features)
        float32.
    """
    features = np.empty((len(coded), tables.n_features), dtype=np.float32)
    for start in range(0, len(coded), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        features[rows] = tables.encode(shared_tensor(coded[rows])).numpy()
    return features


def feature_names(tables: EncodingTables, coder: TableCoder, names: Any) -> np.ndarray:
    """Return what features are called.

    Parameters
    ----------
    tables : EncodingTables
    coder : TableCoder
        What coded the rows that the tables were fitted to.
    names : array-like of str of shape (n_columns,)
        Of the columns.

    Returns
    -------
    names : ndarray of str of shape (n_features,)
        Of objects. Atoms and levels have their value in it; bins count from 0, cosines their half
        waves.
    """
    said = {"value": "value", "normal": "normal", "missing": "missing"}
    counted: dict[tuple[str, int], int] = {}
    found = []
    for kind, j in zip(tables.kinds, tables.columns, strict=True):
        place = counted.get((kind, j), 0)
        counted[kind, j] = place + 1
        if kind == "atom":
            what = f"is_{_atom(tables, coder, j, place)}"
        elif kind in ("level", "pair"):
            what = str(coder.categories_[j][place + (kind == "pair")])
        else:
            what = said.get(kind) or {"bin": f"bin{place}", "cosine": f"rank_cos{place + 1}"}[kind]
        found.append(f"{names[j]}_{what}")
    return np.array(found, dtype=object)


def _atom(tables: EncodingTables, coder: TableCoder, j: int, place: int) -> str:
    """Return an atom as a number of its column, in as few digits as are coded as this atom."""
    atom = tables.floats["atoms"][tables.index["atom_columns"] == j][place]
    center, scale = coder.centers_[j], coder.scales_[j]
    number = center + scale * float(atom)
    # What rounding has left of 0 has digits of its own: 0 is shorter.
    for short in [0.0, *(float(f"{number:.{digits}g}") for digits in range(1, 17))]:
        if np.float32((short - center) / scale) == atom:
            return f"{short:.16g}"
    return repr(float(number))
