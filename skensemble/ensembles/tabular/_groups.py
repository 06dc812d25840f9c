"""The groups of nets of a table: each feeds the columns to its nets in a way of its own."""

from typing import NamedTuple


class Group(NamedTuple):
    """How the nets of a group see a table.

    All see the clipped value and the rank-normal value of each number, and categories one-hot.

    Attributes
    ----------
    n_bins, n_atoms, n_cosines : int
        Bins of the piecewise-linear encoding, most values with an indicator, and cosines of the
        rank, of each number.
    """

    n_bins: int = 0
    n_atoms: int = 0
    n_cosines: int = 0


GROUPS = (
    Group(n_cosines=24),
    Group(n_bins=8, n_atoms=24),
    Group(n_cosines=6),
    Group(),
)
"""The groups in their order; further ones begin again with the first, from other weights."""


def group_of(k: int) -> Group:
    """Return the k-th group, from 0."""
    return GROUPS[k % len(GROUPS)]
