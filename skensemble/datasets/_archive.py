"""Tar archives, read once from their beginning to their end."""

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BROKEN = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError)
"""What reading a damaged archive raises, by the way in which it was packed."""


@contextmanager
def opened_archive(source: Path) -> Iterator[tarfile.TarFile]:
    """Open a tar archive, packed in any way that Python knows, for a ``with`` statement.

    Raises
    ------
    ValueError
        If it is no tar archive, or turns out to be damaged while it is read.
    """
    try:
        with tarfile.open(source, "r:*") as archive:
            yield archive
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno is not None:
            # The system has refused, not the unpacking.
            raise
        (reason, *_) = str(error).splitlines() or [type(error).__name__]
        raise ValueError(f"{source} is no whole tar archive: {reason.rstrip(':.')}.") from error


def members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the members of an archive, without keeping them all as its own iterator does."""
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # the stubs leave it out
        yield member
