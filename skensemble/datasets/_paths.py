"""Paths of users: there, or answered with what was expected."""

import os
from pathlib import Path
from typing import Any

from skensemble._checks import reject


def existing(path: Any, expected: str) -> Path:
    """Return `path` in full, if something is there.

    Parameters
    ----------
    path : path
        As the user gave it; ``~`` is the home folder.
    expected : str
        What should be there, and where to get it, for the message.

    Raises
    ------
    InvalidParameterError
        If `path` is no path.
    FileNotFoundError
        If nothing is there.
    """
    if not isinstance(path, str | os.PathLike):
        raise reject("path", f"the path of {expected}", path)
    full = Path(path).expanduser().resolve()
    if not full.exists():
        raise FileNotFoundError(f"path must be that of {expected}, but nothing is at {full}.")
    return full
