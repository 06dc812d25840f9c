"""Columns of tables, coded and encoded as a net learns best from them."""

from skensemble.preprocessing._coder import TableCoder
from skensemble.preprocessing._columns import is_missing as is_missing  # displays ask it
from skensemble.preprocessing._features import encode_rows
from skensemble.preprocessing._fitting import fit_tables
from skensemble.preprocessing._numbers import (
    AtomEncoder,
    PiecewiseLinearEncoder,
    RankCosines,
    RankNormalizer,
    RobustClipper,
)
from skensemble.preprocessing._table_encoder import TableEncoder

__all__ = [
    "AtomEncoder",
    "PiecewiseLinearEncoder",
    "RankCosines",
    "RankNormalizer",
    "RobustClipper",
    "TableCoder",
    "TableEncoder",
    "encode_rows",
    "fit_tables",
]
