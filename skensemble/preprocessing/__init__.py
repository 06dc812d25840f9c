"""Columns of tables, coded and encoded as a net learns best from them."""

from skensemble.preprocessing._coder import TableCoder
from skensemble.preprocessing._fitting import fit_tables

__all__ = ["TableCoder", "fit_tables"]
