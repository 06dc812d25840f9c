"""SVHN, the street view house numbers, as it is handed out: cropped digits in two MATLAB files."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from skensemble.datasets._cache import Cache, KeptImages
from skensemble.datasets._image_data import ImageData, checked
from skensemble.datasets._paths import existing

HOME = "http://ufldl.stanford.edu/housenumbers"
FILES = {"train": "train_32x32.mat", "test": "test_32x32.mat"}
N_ROWS = {"train": 73_257, "test": 26_032}


def load_svhn(path: str | os.PathLike[str], *, cache: Cache = None) -> ImageData:
    """Read SVHN, street view house numbers: cropped digits of 32 x 32 pixels.

    Parameters
    ----------
    path : path
        The folder with ``train_32x32.mat`` and ``test_32x32.mat``.
    cache : path, None or False, default=None
        The folder in which the arrays are kept; the next call reads them from there, as long as
        size and time of the files are the same. None is the folder of the files, and with False
        nothing is kept.

    Returns
    -------
    data : ImageData
        73,257 images for training and 26,032 for the test, (3, 32, 32), in the order of the files.
        Each label is the digit: what the files call 10 is 0.

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
    >>> from skensemble.datasets import load_svhn
    >>> data = load_svhn("svhn")  # doctest: +SKIP
    >>> data.X_train.shape  # doctest: +SKIP
    (73257, 3, 32, 32)
    """
    names = " and ".join(FILES.values())
    source = existing(path, f"the folder with {names} of SVHN; they are at {HOME}")
    folder = source if source.is_dir() else source.parent
    missing = [name for name in FILES.values() if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} must have {names}, but {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing: see {HOME}."
        )
    inputs = tuple(folder / name for name in FILES.values())
    kept = KeptImages(folder, inputs, cache, "svhn")
    return kept.find_or_read(lambda: read(folder, N_ROWS))


def read(folder: Path, n_rows: dict[str, int]) -> ImageData:
    """Read both files of a folder.

    Parameters
    ----------
    folder : Path
    n_rows : dict of str to int
        Rows that the parts must have.

    Returns
    -------
    data : ImageData

    Raises
    ------
    ValueError
        If a file is damaged or has other arrays.
    """
    (X_train, y_train), (X_test, y_test) = (
        _rows_of(folder / FILES[part], n_rows[part]) for part in ("train", "test")
    )
    digits = [str(digit) for digit in range(10)]
    return checked(ImageData(X_train, y_train, X_test, y_test, digits), folder)


def _rows_of(file: Path, n_rows: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images (n, 3, 32, 32) and digits (n,) of a file, which has them along its last axis.

    Raises
    ------
    ValueError
        If the file is damaged or has other arrays.
    """
    content = _matlab_arrays(file)
    X, y = (np.asarray(content.get(name)) for name in ("X", "y"))
    if X.dtype != np.uint8 or X.shape != (32, 32, 3, n_rows) or y.size != n_rows:
        raise ValueError(
            f"{file} must have an array X of uint8, (32, 32, 3, {n_rows}), and {n_rows} labels y, "
            f"got {X.dtype} {X.shape} and {y.size}."
        )
    labels = y.ravel().astype(np.int64)
    if labels.min() < 1 or labels.max() > 10:
        raise ValueError(
            f"{file} must have labels 1..10, of which 10 is the digit 0, got "
            f"{labels.min()}..{labels.max()}."
        )
    return np.ascontiguousarray(X.transpose(3, 2, 0, 1)), labels % 10


def _matlab_arrays(file: Path) -> dict[str, Any]:
    """Return the arrays X and y of a MATLAB file, as far as it has them."""
    try:
        content: dict[str, Any] = loadmat(file, variable_names=("X", "y"))
    except MemoryError:
        raise
    except Exception as error:
        # SciPy promises nothing about what it raises of a file that is damaged.
        raise ValueError(f"{file} cannot be read as a MATLAB file: {error}.") from error
    return content
