"""Which files the versions of CIFAR-10 and CIFAR-100 consist of, and what is in them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from skensemble.datasets._pickles import read_plain_pickle

SHAPE = (3, 32, 32)
"""Channels, height and width: the pixels of a row lie in the files in this order."""

N_PIXELS = 3 * 32 * 32

Rows = tuple[NDArray[np.uint8], NDArray[np.integer[Any]]]
"""Pixels (n, N_PIXELS) and labels (n,)."""


@dataclass(frozen=True)
class Version:
    """The files of one version of a dataset.

    Parameters
    ----------
    folder : str
        Which the files lie in.
    archive : str
        Which the folder is handed out in.
    train, test : tuple of str
        Names of the files with rows, in their order; those of a part have equally many.
    names : str
        Name of the file with the names of the classes.
    rows_of : callable
        ``rows_of(file, name)`` returns the `Rows` of an open file.
    names_of : callable
        ``names_of(file, name)`` returns the names of the classes.
    """

    folder: str
    archive: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    names: str
    rows_of: Callable[[IO[bytes], str], Rows]
    names_of: Callable[[IO[bytes], str], list[str]]

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files."""
        return (*self.train, *self.test, self.names)


@dataclass(frozen=True)
class Dataset:
    """A dataset of this family.

    Parameters
    ----------
    title : str
    versions : tuple of Version
    n_classes : int
    n_train, n_test : int
        Rows of the parts, in all their files.
    """

    title: str
    versions: tuple[Version, ...]
    n_classes: int
    n_train: int = 50_000
    n_test: int = 10_000


def _pickled_rows(file: IO[bytes], name: str, key: str) -> Rows:
    """Return the rows of a pickle, with the labels that it has under `key`.

    Raises
    ------
    ValueError
        If it does not have both.
    """
    content = read_plain_pickle(file, name)
    pixels, labels = content.get("data"), np.asarray(content.get(key))
    if not isinstance(pixels, np.ndarray) or pixels.shape[1:] != (N_PIXELS,):
        raise ValueError(f'{name} must have an array of {N_PIXELS} columns under "data".')
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise ValueError(f'{name} must have a list of ints under "{key}".')
    return pixels, labels


def _binary_rows(file: IO[bytes], name: str, n_label_bytes: int, place: int) -> Rows:
    """Return the rows of a binary file, with the label at `place` of their first bytes.

    Raises
    ------
    ValueError
        If it does not consist of whole rows.
    """
    content = np.frombuffer(file.read(), dtype=np.uint8)
    width = n_label_bytes + N_PIXELS
    if len(content) % width:
        raise ValueError(f"{name} must have rows of {width} bytes, got {len(content)} bytes.")
    rows = content.reshape(-1, width)
    return rows[:, n_label_bytes:], rows[:, place]


def _pickled_names(file: IO[bytes], name: str, key: str) -> list[str]:
    """Return the names that a pickle has under `key`."""
    names = read_plain_pickle(file, name).get(key, [])
    return [part.decode() if isinstance(part, bytes) else str(part) for part in names]


def _text_names(file: IO[bytes], _name: str) -> list[str]:
    """Return the lines of a text that are not empty."""
    return file.read().decode().split()


CIFAR10 = Dataset(
    title="CIFAR-10",
    versions=(
        Version(
            folder="cifar-10-batches-py",
            archive="cifar-10-python.tar.gz",
            train=tuple(f"data_batch_{number}" for number in range(1, 6)),
            test=("test_batch",),
            names="batches.meta",
            rows_of=partial(_pickled_rows, key="labels"),
            names_of=partial(_pickled_names, key="label_names"),
        ),
        Version(
            folder="cifar-10-batches-bin",
            archive="cifar-10-binary.tar.gz",
            train=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
            test=("test_batch.bin",),
            names="batches.meta.txt",
            rows_of=partial(_binary_rows, n_label_bytes=1, place=0),
            names_of=_text_names,
        ),
    ),
    n_classes=10,
)


def cifar100(labels: str) -> Dataset:
    """Return the layout of CIFAR-100 with its ``"fine"`` or its ``"coarse"`` labels."""
    python = Version(
        folder="cifar-100-python",
        archive="cifar-100-python.tar.gz",
        train=("train",),
        test=("test",),
        names="meta",
        rows_of=partial(_pickled_rows, key=f"{labels}_labels"),
        names_of=partial(_pickled_names, key=f"{labels}_label_names"),
    )
    binary = Version(
        folder="cifar-100-binary",
        archive="cifar-100-binary.tar.gz",
        train=("train.bin",),
        test=("test.bin",),
        names=f"{labels}_label_names.txt",
        # A row begins with its coarse label, and its fine label is next.
        rows_of=partial(_binary_rows, n_label_bytes=2, place=["coarse", "fine"].index(labels)),
        names_of=_text_names,
    )
    n_classes = {"fine": 100, "coarse": 20}[labels]
    return Dataset(title="CIFAR-100", versions=(python, binary), n_classes=n_classes)
