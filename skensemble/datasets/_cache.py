"""Arrays that were decoded once are kept in a file, and are read from there the next time."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import numpy as np

from skensemble._checks import reject
from skensemble._warn import warn_user
from skensemble.datasets._image_data import ImageData, checked

FORMAT = 1
"""Version of what readers make of their files: a new one lets older kept arrays be forgotten."""

Cache = str | os.PathLike[str] | bool | None


@dataclass(frozen=True)
class KeptImages:
    """The place where the arrays of one source are kept.

    Parameters
    ----------
    source : Path
        A file or a folder that is there; its name is part of that of the file that is kept.
    inputs : tuple of Path
        Files that are read, and folders of such files: with their names, sizes or times changes
        what is kept.
    cache : path, None or False
        The folder in which arrays are kept. None is `source` if that is a folder, and else the
        folder that it lies in. With False nothing is kept.
    reader : str
        What `source` is read as; part of the name of the file that is kept.
    arguments : dict of str to (str or int), default={}
        What else decides on the arrays; part of the name too.

    Raises
    ------
    InvalidParameterError
        If `cache` is neither the path of a folder nor None nor False.
    """

    source: Path
    inputs: tuple[Path, ...]
    cache: Cache
    reader: str
    arguments: dict[str, str | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        is_path = isinstance(self.cache, str | os.PathLike)
        is_file = is_path and self.folder.exists() and not self.folder.is_dir()
        if is_file or not (is_path or self.cache is None or self.cache is False):
            raise reject("cache", "the path of a folder, None or False", self.cache)

    @property
    def folder(self) -> Path:
        """The folder in which arrays are kept."""
        if isinstance(self.cache, str | os.PathLike):
            return Path(self.cache).expanduser()
        return self.source if self.source.is_dir() else self.source.parent

    @property
    def file(self) -> Path:
        """The file that is kept."""
        described = "-".join(str(value) for value in [self.reader, *self.arguments.values()])
        return self.folder / f"{self.source.name}.{described}.npz"

    def find(self) -> ImageData | None:
        """Return what is kept of the source as it is now; None where nothing whole is."""
        if self.cache is False or not self.file.is_file():
            return None
        try:
            return _kept_data(self.file, self._stamp())
        except Exception:
            # One changed byte can raise anything, by where it is: running out of memory at a size
            # too large, too. The source is then read anew, and the file is written over.
            return None

    def find_or_read(self, read: Callable[[], ImageData]) -> ImageData:
        """Return what is kept, or what `read` returns, which is kept from then on.

        Warns
        -----
        UserWarning
            If nothing can be kept in the folder.
        """
        data = self.find()
        if data is None:
            # Before reading: a source that changes meanwhile is read again the next time.
            stamp = self._stamp() if self.cache is not False else ""
            data = read()
            if self.cache is not False:
                _keep(self.file, stamp, data)
        return data

    def _stamp(self) -> str:
        """Return a text that changes with names, sizes and times of what is read."""
        states = hashlib.sha256()
        for file in _files_of(self.inputs):
            state = file.stat()
            # As it is seen from the source: the whole may be moved.
            name = os.path.relpath(file, self.source.parent)
            states.update(json.dumps([name, state.st_size, state.st_mtime_ns]).encode())
        described = {"format": FORMAT, "reader": self.reader, **self.arguments}
        return json.dumps({**described, "files": states.hexdigest()})


def _files_of(inputs: tuple[Path, ...]) -> list[Path]:
    """Return the files among `inputs`, and those in folders among them, sorted."""
    files = [path for path in inputs if path.is_file()]
    for path in inputs:
        files += [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
    return sorted(files)


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
        Of any kind, if the file is damaged: zipfile holds its checksums against all that is read.
    """
    # NumPy leaves a file open that it has opened itself and finds damaged.
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
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
