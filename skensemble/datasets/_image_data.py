"""Images with their labels, parted into training and test rows, and fewer or smaller ones."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skensemble._checks import check_int

CHUNK = 4096
"""Images that are resized at a time, so that their floats take little memory."""


class ImageData(NamedTuple):
    """Images and labels of a dataset, as every reader returns them.

    Attributes
    ----------
    X_train, X_test : ndarray of uint8, shape (n, channels, height, width)
        Pixel values 0..255; one channel is grey, three are red, green and blue.
    y_train, y_test : ndarray of int64, shape (n,)
        Labels, as places in `class_names`.
    class_names : list of str
    """

    X_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    X_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    class_names: list[str]

    def __repr__(self) -> str:
        shown = self.class_names
        if len(shown) > 10:
            shown = [*shown[:3], "...", shown[-1]]
        return (
            f"ImageData(X_train: {self.X_train.shape}, X_test: {self.X_test.shape}, "
            f"{len(self.class_names)} classes: {', '.join(shown)})"
        )


def limited(data: ImageData, per_class: int) -> ImageData:
    """Return the first rows of each class.

    Parameters
    ----------
    data : ImageData
    per_class : int
        Rows of a class that are kept, of those for training and of those for the test. Of a class
        that has fewer all are kept.

    Returns
    -------
    data : ImageData
        Copies, in the order of the rows.

    Raises
    ------
    InvalidParameterError
        If `per_class` is no int >= 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skensemble.datasets import ImageData, limited
    >>> X, y = np.zeros((6, 1, 8, 8), dtype=np.uint8), np.array([1, 0, 0, 0, 1, 0])
    >>> limited(ImageData(X, y, X, y, ["cat", "dog"]), 2).y_train
    array([1, 0, 0, 1])
    """
    check_int("per_class", per_class, 1)
    train, test = _first_rows(data.y_train, per_class), _first_rows(data.y_test, per_class)
    return ImageData(
        data.X_train[train],
        data.y_train[train],
        data.X_test[test],
        data.y_test[test],
        list(data.class_names),
    )


def _first_rows(y: NDArray[np.int64], per_class: int) -> NDArray[np.int64]:
    """Return where the first `per_class` rows of each label of `y` (n,) are, in rising order."""
    rows = [np.flatnonzero(y == label)[:per_class] for label in np.unique(y)]
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *rows]))


def resized(data: ImageData, size: int) -> ImageData:
    """Return the images at another size, by averages over areas.

    A pixel of the result is the mean of what it covers in the image, rounded. From 32 to 16 pixels
    that is the mean of 2 x 2; enlarged images keep their pixels as squares.

    Parameters
    ----------
    data : ImageData
    size : int
        Height and width of the result in pixels.

    Returns
    -------
    data : ImageData
        New images; labels are those of `data`.

    Raises
    ------
    InvalidParameterError
        If `size` is no int >= 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skensemble.datasets import ImageData, resized
    >>> X, y = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4), np.array([0])
    >>> resized(ImageData(X, y, X, y, ["ramp"]), 2).X_test[0, 0]
    array([[ 2,  4],
           [10, 12]], dtype=uint8)
    """
    check_int("size", size, 1)
    return data._replace(
        X_train=_area_means(data.X_train, size), X_test=_area_means(data.X_test, size)
    )


def _area_means(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Average images (n, channels, height, width) over areas to (n, channels, size, size)."""
    n, channels, height, width = images.shape
    if height == width == size:
        return images.copy()
    means = np.empty((n, channels, size, size), dtype=np.uint8)
    down, across = _overlaps(height, size), _overlaps(width, size).T
    for start in range(0, n, CHUNK):
        chunk = images[start : start + CHUNK].astype(np.float32)
        # Sums of shares may lie a rounding error off a half, which would round either way.
        means[start : start + CHUNK] = np.rint(np.round(down @ chunk @ across, 3))
    return means


def _overlaps(n_pixels: int, size: int) -> NDArray[np.float32]:
    """Return the share (size, n_pixels) of each pixel in each of `size` equal parts of a line."""
    edges = np.arange(n_pixels + 1)
    parts = np.arange(size + 1) * n_pixels / size
    ends = np.minimum(parts[1:, None], edges[None, 1:])
    starts = np.maximum(parts[:-1, None], edges[None, :-1])
    shares: NDArray[np.float64] = np.clip(ends - starts, 0, None) * size / n_pixels
    return shares.astype(np.float32)


def checked(data: ImageData, where: Any) -> ImageData:
    """Return `data` as it is, if its arrays are what the docstring of `ImageData` promises.

    Parameters
    ----------
    data : ImageData
    where : path
        What was read, for the message.

    Raises
    ------
    ValueError
        If shapes, types or labels do not fit each other, or a part has no rows.
    """
    for part in ("train", "test"):
        X, y = getattr(data, f"X_{part}"), getattr(data, f"y_{part}")
        if X.dtype != np.uint8 or X.ndim != 4 or y.dtype != np.int64 or y.shape != X.shape[:1]:
            raise ValueError(
                f"{where}: images and labels of the {part} part do not fit each other: "
                f"{X.dtype} {X.shape} and {y.dtype} {y.shape}."
            )
        if not len(y):
            raise ValueError(f"{where}: the {part} part has no images.")
        if y.min() < 0 or y.max() >= len(data.class_names):
            raise ValueError(
                f"{where}: labels of the {part} part must lie in "
                f"0..{len(data.class_names) - 1}, got {y.min()}..{y.max()}."
            )
    if data.X_train.shape[1:] != data.X_test.shape[1:]:
        shapes = f"{data.X_train.shape[1:]} and {data.X_test.shape[1:]}"
        raise ValueError(
            f"{where}: images for training and for the test differ in shape: {shapes}."
        )
    return data
