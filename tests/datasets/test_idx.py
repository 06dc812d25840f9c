import struct

import numpy as np
import pytest

from skensemble.datasets import load_idx
from skensemble.datasets._idx import idx_array

MNIST = [f"{part}-{what}" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")]


@pytest.fixture
def arrays():
    """Give images and labels for training and test: 5 and 3 images of 4 x 6 pixels."""
    rng = np.random.default_rng(0)
    X = [rng.integers(0, 256, (n, 4, 6), dtype=np.uint8) for n in (5, 3)]
    y = [np.array(labels, dtype=np.uint8) for labels in ([7, 3, 9, 3, 7], [9, 3, 3])]
    return X[0], y[0], X[1], y[1]


@pytest.fixture
def write(arrays, idx_file, tmp_path):
    """Give a function that writes the four files under names with a prefix and an ending."""

    def write_idx(prefix="", ending="-ubyte", names=MNIST):
        for name, array in zip(names, arrays, strict=True):
            content = idx_file(array, packed=ending.endswith(".gz"))
            (tmp_path / f"{prefix}{name}{ending}").write_bytes(content)
        return tmp_path

    return write_idx


def expected_of(arrays):
    """Give what is to be read: codes of the labels 3, 7 and 9."""
    X, _, X_test, _ = arrays
    return X[:, None], [1, 0, 2, 0, 1], X_test[:, None], [2, 0, 0], ["3", "7", "9"]


@pytest.mark.parametrize("ending", ["-ubyte", "-ubyte.gz"])
@pytest.mark.parametrize("prefix", ["", "emnist-letters-"])
def test_files_of_all_names_are_read(prefix, ending, arrays, write, same, tmp_path):
    names = [name.replace("t10k", "test") if prefix else name for name in MNIST]
    folder = write(prefix, ending, names)
    same(load_idx(folder), expected_of(arrays))
    # Only what had to be unpacked is kept.
    kept = [f"{tmp_path.name}.{prefix}idx.npz"] if ending.endswith(".gz") else []
    assert [file.name for file in tmp_path.glob("*.npz")] == kept
    same(load_idx(folder), expected_of(arrays))


def test_a_point_may_stand_for_the_hyphen(arrays, write, same):
    names = [name.replace("-idx", ".idx") for name in MNIST]
    same(load_idx(write(names=names)), expected_of(arrays))


def test_a_file_that_is_not_packed_goes_before_its_packed_twin(arrays, write, same, tmp_path):
    write()
    for file in list(tmp_path.iterdir()):
        (tmp_path / f"{file.name}.gz").write_bytes(b"not packed")
    same(load_idx(tmp_path), expected_of(arrays))


def test_one_file_chooses_among_the_datasets_of_a_folder(arrays, write, same, tmp_path):
    write("emnist-digits-")
    write("emnist-letters-")
    (tmp_path / "emnist-digits-train-images-idx3-ubyte").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="has files of emnist-digits-, emnist-letters-: give the"):
        load_idx(tmp_path)
    path = tmp_path / "emnist-letters-t10k-labels-idx1-ubyte"
    same(load_idx(path), expected_of(arrays))


def test_missing_files_are_named_with_where_they_are(write, tmp_path):
    with pytest.raises(
        FileNotFoundError, match="but train-images, train-labels, test-images, test"
    ):
        load_idx(tmp_path)
    (write() / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"but test-labels is missing. MNIST is at http"):
        load_idx(tmp_path)
    with pytest.raises(FileNotFoundError, match="nothing is at"):
        load_idx(tmp_path / "none")


def test_a_file_of_another_name_is_refused(write, tmp_path):
    (write() / "mnist.zip").touch()
    with pytest.raises(
        ValueError, match=r"path must be that of train-images-idx3.*got .*mnist.zip"
    ):
        load_idx(tmp_path / "mnist.zip")


def test_a_label_without_training_rows_is_refused(write, idx_file, tmp_path):
    labels = np.array([9, 3, 4], dtype=np.uint8)
    (write() / "t10k-labels-idx1-ubyte").write_bytes(idx_file(labels))
    with pytest.raises(
        ValueError, match=r"t10k-labels-idx1-ubyte has the label 4, which .*train-lab"
    ):
        load_idx(tmp_path)


def test_images_and_labels_of_other_numbers_are_refused(write, idx_file, tmp_path):
    (write() / "train-labels-idx1-ubyte").write_bytes(idx_file(np.array([9, 3], dtype=np.uint8)))
    with pytest.raises(ValueError, match="images and labels of the train part do not fit"):
        load_idx(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must begin as an idx file of bytes with 3 axes does, by 0 0 8 3, got"),
        (bytes([0, 0, 8, 1]) + struct.pack(">III", 1, 2, 2) + bytes(4), r"got 0 0 8 1\."),
        (bytes([0, 0, 13, 3]) + struct.pack(">III", 1, 2, 2) + bytes(4), r"got 0 0 13 3\."),
        (bytes([3, 8, 0, 0]) + struct.pack("<III", 1, 2, 2) + bytes(4), r"got 3 8 0 0\."),
        (bytes([0, 0, 8, 3]) + struct.pack(">II", 1, 2), "must begin as"),
        (bytes([0, 0, 8, 3]) + struct.pack(">III", 1, 2, 2) + bytes(3), "have 1 x 2 x 2 .* got 3"),
        (bytes([0, 0, 8, 3]) + struct.pack("<III", 1, 2, 2) + bytes(4), "must have 16777216 x"),
    ],
)
def test_files_that_are_not_as_they_begin_are_refused(content, message, tmp_path):
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        idx_array(file, 3)


def test_damaged_packed_files_are_refused(idx_file, tmp_path):
    packed = idx_file(np.zeros((9, 9), dtype=np.uint8), packed=True)
    changed = packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
    for content in (packed[:-10], changed, b"not packed"):
        file = tmp_path / "a.gz"
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"a.gz is damaged: "):
            idx_array(file, 2)
