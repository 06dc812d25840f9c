"""Images in folders that are named as their classes, on a disk or in a tar archive."""

import os
import tarfile
from bisect import bisect_left
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skensemble._checks import check_int
from skensemble.datasets._archive import members, opened_archive
from skensemble.datasets._cache import Cache, KeptImages
from skensemble.datasets._image_data import ImageData, checked, limited
from skensemble.datasets._paths import existing

PARTS = ("train", "test")
ENDINGS = (".jpg", ".jpeg", ".png")
FORMATS = ("JPEG", "PNG")
MODES = {"L": "grey", "RGB": "RGB"}
LAYOUT = "train/CLASS/NAME.jpg and test/CLASS/NAME.jpg (or .png)"
READER = "images"
Encoded = bytes | Path
Found = dict[str, dict[str, list[tuple[str, Encoded]]]]
"""Files by part and class: their names, rising, and their bytes or where they are."""


def load_image_folder(
    path: str | os.PathLike[str], *, per_class: int | None = None, cache: Cache = None
) -> ImageData:
    """Read images that lie in a folder for each class, or in a tar archive of such folders.

    The files are ``train/CLASS/NAME.jpg`` and ``test/CLASS/NAME.jpg``, also ``.jpeg`` and ``.png``,
    at the top or within one folder; others are left out. An archive is read in one pass. Rows are
    ordered by class and then by the name of the file, as strings, whatever the order in the
    archive: shuffle them before you cut.

    Parameters
    ----------
    path : path
        A folder, or an archive whose name ends in ``.tar``, ``.tar.gz``, ``.tar.xz`` or
        ``.tar.bz2``. JPEG and PNG files are decoded by Pillow, which has to be installed.
    per_class : int or None, default=None
        Read only the first images of each class, at most so many for training and so many for the
        test, and decode no others. This gives what `limited` does. None reads all.
    cache : path, None or False, default=None
        The folder in which decoded arrays are kept; the next call reads them from there, as long as
        size and time of the archive, or of the files in the folder, are the same. None is the
        folder itself, or that which the archive lies in, and with False nothing is kept.

    Returns
    -------
    data : ImageData
        `class_names` are the names of the folders in ``train``, sorted.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`, or no images lie where they are expected.
    ValueError
        If a file is damaged, or not all images are grey or RGB, of one size. The message names the
        file.
    InvalidParameterError
        If `per_class` is no int >= 1.
    ImportError
        If Pillow is missing.

    Warns
    -----
    UserWarning
        If nothing can be kept in the folder of `cache`.

    Notes
    -----
    Memory: the arrays, and for an archive its encoded files; 1.4 times the arrays for 60,000 JPEGs
    of 32 x 32 pixels.

    Examples
    --------
    >>> from skensemble.datasets import load_image_folder
    >>> data = load_image_folder("cifar10-jpeg.tar.xz", per_class=200)  # doctest: +SKIP
    >>> data.X_train.shape  # doctest: +SKIP
    (2000, 3, 32, 32)
    """
    source = existing(path, f"a folder or a tar archive of {LAYOUT}")
    if per_class is not None:
        check_int("per_class", per_class, 1)
    folder = _folder_with_parts(source)
    inputs = (source,) if folder is None else tuple(folder / part for part in PARTS)
    whole = KeptImages(source, inputs, cache, READER)
    if per_class is None:
        return whole.find_or_read(lambda: _read(source, None))
    data = whole.find()
    if data is not None:
        return limited(data, per_class)
    first = KeptImages(source, inputs, cache, READER, {"per_class": per_class})
    return first.find_or_read(lambda: _read(source, per_class))


def _read(source: Path, per_class: int | None) -> ImageData:
    """Read and decode all images below `source`; parameters are those of `load_image_folder`."""
    pillow = _pillow()
    folder = _folder_with_parts(source)
    if folder is None:
        found = _files_of_archive(source, per_class)
    else:
        found = _files_of_folder(folder, per_class)
    _refuse_missing(found, source)
    class_names = sorted(found["train"])
    arrays: dict[str, Any] = {}
    for part in PARTS:
        listed = [found[part].pop(name, []) for name in class_names]
        counts = [len(files) for files in listed]
        files = [(name, encoded) for group in listed for name, encoded in group]
        del listed
        arrays[f"X_{part}"] = _decoded(files, source, pillow)
        arrays[f"y_{part}"] = np.repeat(np.arange(len(class_names), dtype=np.int64), counts)
    return checked(ImageData(**arrays, class_names=class_names), source)


def _pillow() -> ModuleType:
    """Return ``PIL.Image``; raise ImportError with what to do where it is missing."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Images are decoded by Pillow, which is missing: pip install pillow (it is the extra "
            '"images" of skensemble).'
        ) from error
    return Image


def _refuse_missing(found: Found, source: Path) -> None:
    """Raise FileNotFoundError if a part has no images, or a class none to train on."""
    for part in PARTS:
        if not found[part]:
            other = next((other for other in PARTS if found[other]), None)
            seen = f"only those of {other}/ are there" if other else "no images are there"
            advice = f" Give the folder above it, {source.parent}." if source.name in PARTS else ""
            raise FileNotFoundError(f"{source} must have {LAYOUT}, but {seen}.{advice}")
    if strange := sorted(found["test"].keys() - found["train"].keys()):
        raise FileNotFoundError(
            f"{source} has test/{strange[0]}/, but no images in train/{strange[0]}/."
        )


def _folder_with_parts(source: Path) -> Path | None:
    """Return the folder that has ``train``: `source` or the only one in it; None for a file."""
    if not source.is_dir():
        return None
    inner = [folder for folder in source.iterdir() if (folder / "train").is_dir()]
    return inner[0] if len(inner) == 1 and not (source / "train").is_dir() else source


def _files_of_folder(source: Path, per_class: int | None) -> Found:
    """Find the images of a folder by their names, at most `per_class` of each class."""
    found: Found = {part: {} for part in PARTS}
    for part in PARTS:
        for folder in (source / part).glob("*"):
            names = sorted(os.listdir(folder)) if folder.is_dir() else []
            files = [name for name in names if _is_image(name)][:per_class]
            if files:
                entries = [(f"{part}/{folder.name}/{name}", folder / name) for name in files]
                found[part][folder.name] = list(entries)
    return found


def _is_image(name: str) -> bool:
    """Return whether a file of this name is read; hidden ones are not."""
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def _files_of_archive(source: Path, per_class: int | None) -> Found:
    """Take the images out of a tar archive in one pass, with at most `per_class` of each class.

    Raises
    ------
    ValueError
        If the archive is damaged, has links for images, or two folders with images.
    """
    found: Found = {part: {} for part in PARTS}
    top = None
    with opened_archive(source) as archive:
        for member in members(archive):
            *above, part, class_name, name = ["", "", *member.name.split("/")]
            if part not in PARTS or not _is_image(name):
                continue
            above = [step for step in above if step not in ("", ".")]
            if top is not None and above != top:
                raise ValueError(f"{source}: {part}/ is there twice, also in {member.name}.")
            top = above
            files = found[part].setdefault(class_name, [])
            _insert(files, archive, member, f"{part}/{class_name}/{name}", per_class)
    return found


def _insert(
    files: list[tuple[str, Encoded]],
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    name: str,
    per_class: int | None,
) -> None:
    """Insert a member into the sorted files of its class, unless `per_class` others come before.

    A second member of one name takes the place of the first, as it would on a disk.
    """
    place = bisect_left(files, name, key=lambda entry: entry[0])
    if per_class is not None and place >= per_class:
        return
    opened = archive.extractfile(member) if member.isfile() else None
    if opened is None:
        raise ValueError(f"{member.name} must be a file, and is a link.")
    is_there = place < len(files) and files[place][0] == name
    files[place : place + is_there] = [(name, opened.read())]
    if per_class is not None:
        del files[per_class:]


def _decoded(
    files: list[tuple[str, Encoded]], source: Path, pillow: ModuleType
) -> NDArray[np.uint8]:
    """Decode images, the last one first, and empty the list meanwhile.

    Parameters
    ----------
    files : list of (str, bytes or Path)
    source : Path
        For messages.
    pillow : module
        ``PIL.Image``.

    Returns
    -------
    images : ndarray of uint8, shape (n, channels, height, width)
    """
    images = np.empty((0, 0, 0, 0), dtype=np.uint8)
    first, first_form = "", ""
    n_images = len(files)
    for row in reversed(range(n_images)):
        name, encoded = files.pop()
        pixels, mode = _pixels(name, encoded, source, pillow)
        form = f"{pixels.shape[1]} x {pixels.shape[0]} {MODES[mode]}"
        if not first:
            first, first_form = name, form
            shape = pixels.shape if mode == "RGB" else (*pixels.shape, 1)
            images = np.empty((n_images, shape[2], *shape[:2]), dtype=np.uint8)
        if form != first_form:
            raise ValueError(
                f"{source}: all images must have one size and mode, but {name} is {form}, and "
                f"{first} is {first_form}."
            )
        images[row] = pixels.transpose(2, 0, 1) if mode == "RGB" else pixels
    return images


def _pixels(
    name: str, encoded: Encoded, source: Path, pillow: ModuleType
) -> tuple[NDArray[np.uint8], str]:
    """Decode one image; return its pixels (height, width[, 3]) and its mode, a key of `MODES`."""
    opened = BytesIO(encoded) if isinstance(encoded, bytes) else encoded
    try:
        with pillow.open(opened, formats=FORMATS) as image:
            mode, pixels = image.mode, np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{source}: {name} cannot be decoded: {error}.") from error
    if mode not in MODES:
        raise ValueError(f"{source}: {name} must be grey or RGB, and has the mode {mode}.")
    return pixels, mode
