"""Memory that was freed, given back to the system."""

import ctypes
from functools import lru_cache
from typing import Any

WORTH_BYTES = 2**23
"""Bytes of a table from which freed memory is worth the walk to give it back."""


def give_back(n_bytes: int) -> None:
    """Give freed memory back, for a table of some bytes.

    glibc keeps freed arrays of up to 32 MB for later ones, which seldom fit into the gaps: the
    trainings of a large table would hold more from cycle to cycle. Other allocators are left alone.

    Parameters
    ----------
    n_bytes : int
        Of the table; nothing is done for a small one.
    """
    trim = _trim()
    if trim is not None and n_bytes >= WORTH_BYTES:
        trim(0)


@lru_cache
def _trim() -> Any:
    """Return glibc's `malloc_trim`, None where there is none."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        # A system without it says so in one of these ways.
        return None
