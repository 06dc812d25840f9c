"""Memory that was freed, given back to the system."""

import ctypes
from functools import lru_cache
from typing import Any

WORTH_BYTES = 2**23
"""Bytes of a table from which freed memory is worth the walk to give it back."""

GIVEN_BACK_BYTES = 2**26
"""Bytes that pass before what they leave is given back."""


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


class Passing:
    """Bytes that pass in blocks, which leave gaps in memory where something is kept between them.

    A net that sees image after image as floats, and keeps a loss or an answer of each batch, would
    hold several times the images in such gaps.
    """

    def __init__(self) -> None:
        self.n_bytes = 0

    def note(self, n_bytes: int) -> None:
        """Note that a block has passed, and give its memory back with that of others before it."""
        self.n_bytes += n_bytes
        if self.n_bytes >= GIVEN_BACK_BYTES:
            give_back(self.n_bytes)
            self.n_bytes = 0


@lru_cache
def _trim() -> Any:
    """Return glibc's `malloc_trim`, None where there is none."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        # A system without it says so in one of these ways.
        return None
