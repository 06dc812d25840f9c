"""CIFAR-10 and CIFAR-100 as they are handed out: folders or archives, for Python or in binary."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from skensemble._checks import reject
from skensemble.datasets._archive import members, opened_archive
from skensemble.datasets._cache import Cache, KeptImages
from skensemble.datasets._cifar_layout import CIFAR10, SHAPE, Dataset, Version, cifar100
from skensemble.datasets._image_data import ImageData, checked
from skensemble.datasets._paths import existing

HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"


def load_cifar10(path: str | os.PathLike[str], *, cache: Cache = None) -> ImageData:
    """Read CIFAR-10, of the version for Python or the binary one.

    Parameters
    ----------
    path : path
        The archive ``cifar-10-python.tar.gz`` or ``cifar-10-binary.tar.gz``, the folder
        ``cifar-10-batches-py`` or ``cifar-10-batches-bin`` that was in it, or the folder that one
        of them lies in. Nothing in a pickle is imported or called.
    cache : path, None or False, default=None
        The folder in which the arrays of an archive are kept; the next call reads them from there,
        as long as size and time of the archive are the same. None is the folder that it lies in,
        and with False nothing is kept. Files of a folder are read at once, and not kept.

    Returns
    -------
    data : ImageData
        50,000 images for training and 10,000 for the test, (3, 32, 32), of 10 classes, in the order
        of the files.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`, or a file is missing.
    ValueError
        If a file is damaged, or has another number of rows.

    Warns
    -----
    UserWarning
        If nothing can be kept in the folder of `cache`.

    Examples
    --------
    >>> from skensemble.datasets import load_cifar10
    >>> data = load_cifar10("cifar-10-python.tar.gz")  # doctest: +SKIP
    >>> data.X_train.shape  # doctest: +SKIP
    (50000, 3, 32, 32)
    """
    return load(path, CIFAR10, cache, "cifar10")


def load_cifar100(
    path: str | os.PathLike[str], *, labels: str = "fine", cache: Cache = None
) -> ImageData:
    """Read CIFAR-100, of the version for Python or the binary one.

    Parameters
    ----------
    path : path
        The archive ``cifar-100-python.tar.gz`` or ``cifar-100-binary.tar.gz``, the folder
        ``cifar-100-python`` or ``cifar-100-binary`` that was in it, or the folder that one of them
        lies in. Nothing in a pickle is imported or called.
    labels : {"fine", "coarse"}, default="fine"
        The 100 classes, or the 20 groups of five of them.
    cache : path, None or False, default=None
        The folder in which the arrays of an archive are kept; the next call reads them from there,
        as long as size and time of the archive are the same. None is the folder that it lies in,
        and with False nothing is kept. Files of a folder are read at once, and not kept.

    Returns
    -------
    data : ImageData
        50,000 images for training and 10,000 for the test, (3, 32, 32), in the order of the files.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`, or a file is missing.
    ValueError
        If a file is damaged, or has another number of rows.
    InvalidParameterError
        If `labels` is neither "fine" nor "coarse".

    Warns
    -----
    UserWarning
        If nothing can be kept in the folder of `cache`.

    Examples
    --------
    >>> from skensemble.datasets import load_cifar100
    >>> data = load_cifar100("cifar-100-python", labels="coarse")  # doctest: +SKIP
    >>> len(data.class_names)  # doctest: +SKIP
    20
    """
    if labels not in ("fine", "coarse"):
        raise reject("labels", '"fine" or "coarse"', labels)
    return load(path, cifar100(labels), cache, "cifar100", labels=labels)


def load(
    path: str | os.PathLike[str], dataset: Dataset, cache: Cache, reader: str, **arguments: str
) -> ImageData:
    """Read a dataset of this family from wherever a user may have it.

    Parameters
    ----------
    path, cache
        As in `load_cifar10`.
    dataset : Dataset
    reader : str
    **arguments : str
        As in `KeptImages`.

    Returns
    -------
    data : ImageData
    """
    archives = " or ".join(version.archive for version in dataset.versions)
    expected = f"{dataset.title}: {archives}, or its folder; both are at {HOME}"
    source = existing(path, expected)
    if any(source.name in version.files for version in dataset.versions) and source.is_file():
        source = source.parent
    if source.is_dir():
        source = _archive_or_folder(source, dataset)
    kept = KeptImages(source, (source,), cache, reader, dict(arguments))
    if source.is_dir():
        return _assembled(_files_of_folder(source, dataset), dataset, source)
    return kept.find_or_read(
        lambda: _assembled(_files_of_archive(source, dataset), dataset, source)
    )


def _archive_or_folder(folder: Path, dataset: Dataset) -> Path:
    """Return the folder or, where only that is there, the archive that a user means by a folder.

    Raises
    ------
    FileNotFoundError
        If neither is there; the message says what is missing.
    """
    lacking = {}
    for version in dataset.versions:
        for place in (folder, folder / version.folder):
            missing = [name for name in version.files if not (place / name).is_file()]
            if not missing:
                return place
            lacking[place, version] = missing
    for version in dataset.versions:
        if (folder / version.archive).is_file():
            return folder / version.archive
    (place, version), missing = min(lacking.items(), key=lambda item: len(item[1]))
    raise _missing(dataset, version, missing, place)


def _missing(dataset: Dataset, version: Version, missing: list[str], place: Path) -> Exception:
    """Build the error for files that are missing."""
    return FileNotFoundError(
        f"{place} must have the files of {dataset.title}, but {', '.join(missing)} "
        f"{'is' if len(missing) == 1 else 'are'} missing. They are in {version.archive}, at {HOME}."
    )


Opened = Iterator[tuple[Version, str, IO[bytes]]]


def _files_of_folder(folder: Path, dataset: Dataset) -> Opened:
    """Yield each file of the version that lies in a folder: version, name and the open file."""
    there = [v for v in dataset.versions if all((folder / name).is_file() for name in v.files)]
    for name in there[0].files:
        with (folder / name).open("rb") as file:
            yield there[0], name, file


def _files_of_archive(archive_path: Path, dataset: Dataset) -> Opened:
    """Yield each file of the version that is in an archive: version, name and the open file."""
    versions = {name: version for version in dataset.versions for name in version.files}
    with opened_archive(archive_path) as archive:
        for member in members(archive):
            name = member.name.rpartition("/")[2]
            file = archive.extractfile(member) if name in versions else None
            if file is not None:
                yield versions[name], name, file


def _assembled(files: Opened, dataset: Dataset, source: Path) -> ImageData:
    """Put the rows of all files together; parameters are those of the functions above."""
    n_rows = {"train": dataset.n_train, "test": dataset.n_test}
    X = {part: np.empty((n, *SHAPE), dtype=np.uint8) for part, n in n_rows.items()}
    y = {part: np.empty(n, dtype=np.int64) for part, n in n_rows.items()}
    version, class_names, seen = dataset.versions[0], [], set()
    for version, name, file in files:
        seen.add(name)
        if name == version.names:
            class_names = version.names_of(file, name)
            continue
        part = "train" if name in version.train else "test"
        names = getattr(version, part)
        size = n_rows[part] // len(names)
        pixels, labels = version.rows_of(file, name)
        if len(pixels) != size or len(labels) != size:
            rule = f"{name} must have {size} images of {dataset.title}, and as many labels"
            raise ValueError(f"{source}: {rule}, got {len(pixels)} and {len(labels)}.")
        rows = slice(names.index(name) * size, (names.index(name) + 1) * size)
        X[part][rows] = pixels.reshape(-1, *SHAPE)
        y[part][rows] = labels
    if missing := [name for name in version.files if name not in seen]:
        raise _missing(dataset, version, missing, source)
    if len(class_names) != dataset.n_classes:
        rule = f"{version.names} must name {dataset.n_classes} classes"
        raise ValueError(f"{source}: {rule}, got {len(class_names)}.")
    return checked(ImageData(X["train"], y["train"], X["test"], y["test"], class_names), source)
