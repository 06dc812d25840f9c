"""Pickles of bytes, numbers, lists and dicts, read so that they can do nothing else."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


class _StoredType:
    """Stands for ``numpy.dtype`` in a pickle: unsigned bytes, and no other type."""

    def __init__(self, name: str | bytes, *_copying: object) -> None:
        if name not in ("u1", b"u1"):
            raise pickle.UnpicklingError(f"an array of the type {name!r}, not of bytes")

    def __setstate__(self, _state: object) -> None:
        # Order of bytes and alignment: those of a byte are always the same.
        pass


class _StoredArray:
    """Stands for an array in a pickle: bytes with a shape, once its state is set."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, stored_type, is_fortran, content = state
        if not isinstance(stored_type, _StoredType) or not isinstance(content, bytes):
            raise pickle.UnpicklingError("an array that does not hold bytes")
        values = np.frombuffer(content, dtype=np.uint8)
        self.array = values.reshape(shape, order="F" if is_fortran else "C")


def _reconstruct(*_arguments: object) -> _StoredArray:
    """Stand for the function of that name of NumPy, with which an array begins."""
    return _StoredArray()


def _from_buffer(content: bytes, _type: object, shape: Any, order: str) -> _StoredArray:
    """Stand for the function of that name of NumPy, which pickles of protocol 5 have."""
    array = _reconstruct()
    array.__setstate__((1, shape, _type, order == "F", bytes(content)))
    return array


def _latin1(text: str, _encoding: str) -> bytes:
    """Stand for ``codecs.encode``, by which protocol 2 of Python 3 stores bytes."""
    return text.encode("latin1")


_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _StoredType,
    ("numpy", "ndarray"): _StoredArray,
    ("_codecs", "encode"): _latin1,
}
for _home in ("numpy.core", "numpy._core"):
    _KNOWN[f"{_home}.multiarray", "_reconstruct"] = _reconstruct
    _KNOWN[f"{_home}.numeric", "_frombuffer"] = _from_buffer


class _PlainUnpickler(pickle.Unpickler):
    """Unpickler that knows stand-ins for arrays of bytes, and imports nothing."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for what a pickle asks for; raise for all that has none."""
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not allowed")
        return _KNOWN[module, name]


def read_plain_pickle(file: IO[bytes], name: str | Path) -> dict[str, Any]:
    """Read a pickled dict, also of Python 2, that holds bytes, numbers and arrays of bytes.

    Nothing that the file asks for is imported or called, so that one of unknown origin does no
    harm.

    Parameters
    ----------
    file : binary file
    name : str or Path
        For messages.

    Returns
    -------
    content : dict of str to object
        Arrays are uint8, and cannot be written to. Strings of Python 2 in values stay bytes.

    Raises
    ------
    ValueError
        If the file is no such pickle.
    """
    try:
        content = _PlainUnpickler(file, encoding="bytes").load()
        named = {_text(key): _plain(value) for key, value in content.items()}
    except OSError:
        raise
    except Exception as error:
        # By its documentation pickle may raise anything of a file that is damaged.
        raise ValueError(f"{name} is not a pickle of arrays of bytes: {error}.") from error
    return named


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _plain(value: Any) -> Any:
    """Return the array that a stand-in holds, and any other value as it is."""
    array: NDArray[np.uint8] = value.array if isinstance(value, _StoredArray) else value
    return array
