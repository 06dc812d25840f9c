"""Arrays that were decoded once are kept in a file, and are read from there the next time."""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from skensemble._checks import reject
from skensemble._warn import warn_user
from skensemble.datasets._image_data import ImageData, checked

FORMAT = 1
"""Version of what readers make of their files: a new one lets older kept arrays be forgotten."""

DAMAGED = (OSError, EOFError, ValueError, KeyError, NotImplementedError, zipfile.BadZipFile)
"""What NumPy and zipfile raise of a file that is not, or no longer, what was written."""

Cache = str | os.PathLike[str] | bool | None


def through_cache(
    source: Path, read: Callable[[], ImageData], *, cache: Cache, arguments: dict[str, Any]
) -> ImageData:
    """Return what is kept of a source, or read it and keep that.

    Parameters
    ----------
    source : Path
        The file or folder that `read` reads.
    read : callable
        ``read()`` returns the data.
    cache : path, None or False
        The folder in which arrays are kept; None is the folder that `source` lies in, and with
        False nothing is kept.
    arguments : dict
        What else decides what `read` returns: the name of the reader under ``"reader"``, and
        strings or numbers, which are part of the name of the file.

    Returns
    -------
    data : ImageData

    Warns
    -----
    UserWarning
        If nothing can be kept in the folder.

    Raises
    ------
    InvalidParameterError
        If `cache` is neither a path nor None nor False.
    """
    data = find_kept(source, cache=cache, arguments=arguments)
    if data is not None:
        return data
    # Before reading: a source that changes meanwhile is read again the next time.
    stamp = _stamp(source, arguments) if cache is not False else ""
    data = read()
    if cache is not False:
        _keep(_file(source, cache, arguments), stamp, data)
    return data


def find_kept(source: Path, *, cache: Cache, arguments: dict[str, Any]) -> ImageData | None:
    """Return what is kept of a source as it is now; None where nothing whole is.

    Parameters are those of `through_cache`.
    """
    if cache is False:
        return None
    file = _file(source, cache, arguments)
    if not file.is_file():
        return None
    try:
        return _kept_data(file, _stamp(source, arguments))
    except DAMAGED:
        # Read anew, and written over.
        return None


def _kept_data(file: Path, stamp: str) -> ImageData | None:
    """Read kept arrays; None if they are those of another state of the source.

    Parameters
    ----------
    file : Path
    stamp : str
        Of the source as it is now.

    Raises
    ------
    Exception
        One of `DAMAGED`. The checksums of the file are held against all that is read.
    """
    with np.load(file, allow_pickle=False) as arrays:
        if str(arrays["stamp"]) != stamp:
            return None
        names = [str(name) for name in arrays["class_names"]]
        parts = {name: arrays[name] for name in ImageData._fields if name != "class_names"}
    return checked(ImageData(**parts, class_names=names), file)


def _keep(file: Path, stamp: str, data: ImageData) -> None:
    """Write `data` so that nobody ever sees half a file; warn where that is not possible."""
    folder = file.parent
    temporary = folder / f".{file.name}.{uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.stat().st_mode & 0o222:
            # The administrator of a machine could write here, but nobody is meant to.
            raise PermissionError("the folder is read-only")
        try:
            with temporary.open("xb") as opened:
                np.savez(opened, stamp=np.array(stamp), **data._asdict())
            os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        warn_user(
            f"Decoded images are not kept in {folder} ({error}), and are decoded again the next "
            "time. Set cache to a folder that can be written to, or to False."
        )


def _file(source: Path, cache: Cache, arguments: dict[str, Any]) -> Path:
    """Return the path of what is kept; parameters are those of `through_cache`."""
    if isinstance(cache, bool) or not isinstance(cache, str | os.PathLike | None):
        raise reject("cache", "the path of a folder, None or False", cache)
    folder = source.parent if cache is None else Path(cache)
    if cache is not None and folder.exists() and not folder.is_dir():
        raise reject("cache", "the path of a folder, None or False", cache)
    described = "-".join(str(value) for value in arguments.values() if value is not None)
    return folder / f"{source.name}.{described}.npz"


def _stamp(source: Path, arguments: dict[str, Any]) -> str:
    """Return a text that changes with the files of `source`: their names, sizes or times."""
    files = [source]
    if source.is_dir():
        files = sorted(Path(folder, name) for folder, _, names in os.walk(source) for name in names)
    states = hashlib.sha256()
    for file in files:
        state = file.stat()
        entry = [str(file.relative_to(source.parent)), state.st_size, state.st_mtime_ns]
        states.update(json.dumps(entry).encode())
    return json.dumps({"format": FORMAT, **arguments, "files": states.hexdigest()})
