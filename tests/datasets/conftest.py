"""Files of datasets, written small, and byte by byte as they are handed out."""

import gzip
import io
import pickle
import struct
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from skensemble.datasets._cifar_layout import CIFAR10, cifar100


class _Python2Pickler(pickle._Pickler):
    """Writes texts and bytes as Python 2 wrote its strings."""

    dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012  it overrides that of the library

    def _save_string(self, value):
        content = value.encode("latin1") if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)

    dispatch[str] = dispatch[bytes] = _save_string


def _python2_pickle(content):
    file = io.BytesIO()
    _Python2Pickler(file, protocol=2).dump(content)
    # The module of an array had this name when the datasets were made.
    return file.getvalue().replace(b"cnumpy._core.", b"cnumpy.core.")


@pytest.fixture
def python2_pickle():
    return _python2_pickle


def _rows(rng, n, n_classes):
    return rng.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8), rng.integers(0, n_classes, n)


def _pickled_batch(X, **labels):
    content = {"data": X.reshape(len(X), -1), "filenames": ["a.png"] * len(X)}
    return _python2_pickle(content | {key: y.tolist() for key, y in labels.items()})


def _binary_batch(X, *labels):
    columns = [y.astype(np.uint8)[:, None] for y in labels]
    return np.hstack([*columns, X.reshape(len(X), -1)]).tobytes()


@pytest.fixture
def small_cifar10():
    """Give CIFAR-10 of 15 and 4 rows: its layout, its arrays, and its files by version."""
    rng = np.random.default_rng(0)
    (X, y), (X_test, y_test) = _rows(rng, 15, 10), _rows(rng, 4, 10)
    names = [f"class{label}" for label in range(10)]
    python = {"test_batch": _pickled_batch(X_test, labels=y_test)}
    binary = {"test_batch.bin": _binary_batch(X_test, y_test)}
    for batch in range(5):
        rows = slice(3 * batch, 3 * batch + 3)
        python[f"data_batch_{batch + 1}"] = _pickled_batch(X[rows], labels=y[rows])
        binary[f"data_batch_{batch + 1}.bin"] = _binary_batch(X[rows], y[rows])
    python["batches.meta"] = _python2_pickle({"label_names": names, "num_vis": 3072})
    binary["batches.meta.txt"] = ("\n".join(names) + "\n\n").encode()
    layout = replace(CIFAR10, n_train=15, n_test=4)
    return layout, (X, y, X_test, y_test, names), {"python": python, "binary": binary}


@pytest.fixture(params=["fine", "coarse"])
def small_cifar100(request):
    """Give CIFAR-100 of 6 and 3 rows: its layout, its arrays, and its files by version."""
    rng = np.random.default_rng(1)
    (X, fine), (X_test, fine_test) = _rows(rng, 6, 100), _rows(rng, 3, 100)
    coarse, coarse_test = fine // 5, fine_test // 5
    fine_names, coarse_names = [f"fine{n}" for n in range(100)], [f"coarse{n}" for n in range(20)]
    python = {
        "train": _pickled_batch(X, fine_labels=fine, coarse_labels=coarse),
        "test": _pickled_batch(X_test, fine_labels=fine_test, coarse_labels=coarse_test),
        "meta": _python2_pickle(
            {"fine_label_names": fine_names, "coarse_label_names": coarse_names}
        ),
    }
    binary = {
        "train.bin": _binary_batch(X, coarse, fine),
        "test.bin": _binary_batch(X_test, coarse_test, fine_test),
        "fine_label_names.txt": "\n".join(fine_names).encode(),
        "coarse_label_names.txt": "\n".join(coarse_names).encode(),
    }
    y, y_test, names = {
        "fine": (fine, fine_test, fine_names),
        "coarse": (coarse, coarse_test, coarse_names),
    }[request.param]
    layout = replace(cifar100(request.param), n_train=6, n_test=3)
    return layout, (X, y, X_test, y_test, names), {"python": python, "binary": binary}


@pytest.fixture
def write_files():
    """Give a function that writes a dict of contents by name into a folder, and returns that."""

    def write(folder, files):
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    return write


@pytest.fixture
def write_archive():
    """Give a function that writes a dict of contents by name into a tar archive, in that order."""

    def write(path, files):
        with tarfile.open(path, f"w:{path.suffix[1:].removeprefix('tar')}") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return path

    return write


@pytest.fixture
def idx_file():
    """Give a function that returns an array of uint8 as the bytes of an idx file."""

    def idx(values, packed=False):
        shape = struct.pack(f">{values.ndim}I", *values.shape)
        content = bytes([0, 0, 8, values.ndim]) + shape + values.tobytes()
        return gzip.compress(content, 1) if packed else content

    return idx


@pytest.fixture
def same():
    """Give a function that holds an `ImageData` against the arrays and names that it must have."""

    def check(data, expected):
        for found, array in zip(data[:4], expected[:4], strict=True):
            np.testing.assert_array_equal(found, array)
        assert data.class_names == expected[4]
        assert data.X_train.flags["WRITEABLE"]
        assert data.X_train.flags["C_CONTIGUOUS"]
        assert [array.dtype for array in data[:4]] == [np.uint8, np.int64] * 2

    return check
