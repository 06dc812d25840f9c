"""The idx files of MNIST and the datasets that are handed out like it."""

import gzip
import os
import re
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skensemble.datasets._cache import Cache, KeptImages
from skensemble.datasets._image_data import ImageData, checked
from skensemble.datasets._paths import existing

NAME = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx[13]-ubyte(\.gz)?"
)
"""Names of files: ``t10k-labels-idx1-ubyte.gz``, ``emnist-letters-test-images-idx3-ubyte``."""

PLACES = (("train", "images"), ("train", "labels"), ("test", "images"), ("test", "labels"))
EXPECTED = "train-images-idx3-ubyte, train-labels-idx1-ubyte and those of t10k or test (also .gz)"
HOMES = (
    "MNIST is at http://yann.lecun.com/exdb/mnist, "
    "Fashion-MNIST at https://github.com/zalandoresearch/fashion-mnist, "
    "EMNIST at https://www.nist.gov/itl/products-and-services/emnist-dataset"
)
UNSIGNED_BYTES = 8
"""The third byte of an idx file: the type of its values."""


def load_idx(path: str | os.PathLike[str], *, cache: Cache = None) -> ImageData:
    """Read a dataset in idx files: MNIST, Fashion-MNIST, Kuzushiji-MNIST, EMNIST and others.

    Parameters
    ----------
    path : path
        The folder with ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and those of
        ``t10k`` or ``test``, each also with ``.gz``, or with a prefix such as ``emnist-letters-``.
        Where files of several prefixes lie in the folder, the path of one file chooses its own.
    cache : path, None or False, default=None
        The folder in which the arrays of packed files are kept; the next call reads them from
        there, as long as size and time of the files are the same. None is the folder of the files,
        and with False nothing is kept. Files that are not packed are read at once, and not kept.

    Returns
    -------
    data : ImageData
        Images (1, height, width) as they lie in the files: those of EMNIST have rows and columns
        exchanged, and ``X.swapaxes(2, 3)`` turns them upright. `class_names` are the labels of the
        training rows as they stand in the file, in rising order.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`, or a file is missing.
    ValueError
        If a file is damaged, or does not have the size that it begins with.

    Warns
    -----
    UserWarning
        If nothing can be kept in the folder of `cache`.

    Examples
    --------
    >>> from skensemble.datasets import load_idx
    >>> data = load_idx("mnist")  # doctest: +SKIP
    >>> data.X_train.shape  # doctest: +SKIP
    (60000, 1, 28, 28)
    """
    source = existing(path, f"the folder with {EXPECTED}. {HOMES}")
    prefix, files = _four_files(source)
    folder = files[0].parent
    kept = KeptImages(folder, tuple(files), cache, f"{prefix}idx")
    if not any(file.suffix == ".gz" for file in files):
        return _read(files)
    return kept.find_or_read(lambda: _read(files))


def _four_files(source: Path) -> tuple[str, list[Path]]:
    """Return the prefix of a dataset and its files, in the order of `PLACES`.

    Parameters
    ----------
    source : Path
        A folder, or one of the files.

    Raises
    ------
    FileNotFoundError
        If one of them is missing.
    ValueError
        If `source` is a folder with files of several prefixes, or a file of another name.
    """
    folder = source if source.is_dir() else source.parent
    found: dict[str, dict[tuple[str, str], Path]] = {}
    # A file that is not packed comes before its packed twin, and stays.
    for file in sorted(folder.iterdir()):
        if (match := NAME.fullmatch(file.name)) and file.is_file():
            part = "train" if match["part"] == "train" else "test"
            found.setdefault(match["prefix"], {}).setdefault((part, match["what"]), file)
    if source.is_file():
        match = NAME.fullmatch(source.name)
        if match is None:
            raise ValueError(f"path must be that of {EXPECTED}, or their folder, got {source}.")
        found = {match["prefix"]: found[match["prefix"]]}
    if len(found) > 1:
        prefixes = ", ".join(found)
        raise ValueError(f"{folder} has files of {prefixes}: give the path of one file of yours.")
    prefix, files = next(iter(found.items()), ("", {}))
    if missing := [f"{prefix}{'-'.join(place)}" for place in PLACES if place not in files]:
        raise FileNotFoundError(
            f"{folder} must have {EXPECTED}, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing. {HOMES}."
        )
    return prefix, [files[place] for place in PLACES]


def _read(files: list[Path]) -> ImageData:
    """Read four files, in the order of `PLACES`."""
    X_train, labels_train, X_test, labels_test = (
        idx_array(file, 1 + 2 * (what == "images"))
        for file, (_, what) in zip(files, PLACES, strict=True)
    )
    known = np.unique(labels_train)
    if strange := sorted(set(labels_test.tolist()) - set(known.tolist())):
        raise ValueError(f"{files[3]} has the label {strange[0]}, which {files[1]} has not.")
    y_train, y_test = (np.searchsorted(known, labels) for labels in (labels_train, labels_test))
    names = [str(label) for label in known]
    data = ImageData(X_train[:, None], y_train, X_test[:, None], y_test, names)
    return checked(data, files[0].parent)


def idx_array(file: Path, n_axes: int) -> NDArray[np.uint8]:
    """Return the array of an idx file, which may be packed by gzip.

    Parameters
    ----------
    file : Path
    n_axes : int
        Axes that it must have.

    Returns
    -------
    values : ndarray of uint8

    Raises
    ------
    ValueError
        If the file is damaged or has values of another type, other axes or another size.
    """
    content = _unpacked(file)
    start = 4 + 4 * n_axes
    if content[:4] != bytes([0, 0, UNSIGNED_BYTES, n_axes]) or len(content) < start:
        raise ValueError(
            f"{file} must begin as an idx file of bytes with {n_axes} axes does, by 0 0 "
            f"{UNSIGNED_BYTES} {n_axes}, got {' '.join(str(byte) for byte in content[:4])}."
        )
    shape = np.frombuffer(content, dtype=">u4", count=n_axes, offset=4).astype(np.int64)
    if len(content) - start != shape.prod():
        sizes = " x ".join(map(str, shape))
        raise ValueError(f"{file} must have {sizes} bytes of values, got {len(content) - start}.")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()


def _unpacked(file: Path) -> bytes:
    """Return the bytes of a file, without the packing of gzip."""
    if file.suffix != ".gz":
        return file.read_bytes()
    try:
        with gzip.open(file) as opened:
            return opened.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{file} is damaged: {error}.") from error
