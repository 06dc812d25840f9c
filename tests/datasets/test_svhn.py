import numpy as np
import pytest
from scipy.io import savemat

from skensemble.datasets import load_svhn
from skensemble.datasets._svhn import N_ROWS, read

FEW = {"train": 12, "test": 10}


def write(folder, labels=None):
    """Write small files, and return the images and labels of the training file."""
    rng = np.random.default_rng(0)
    first = None
    for part, n in FEW.items():
        X = rng.integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)
        y = (np.arange(n) % 10 + 1 if labels is None else np.resize(labels, n)).astype(np.uint8)
        # The files have height, width, colour and then the image; 10 stands for the digit 0.
        savemat(folder / f"{part}_32x32.mat", {"X": X.transpose(2, 3, 1, 0), "y": y[:, None]})
        first = first or (X, y)
    return first


def test_digits_are_read_with_channels_first_and_10_as_0(tmp_path):
    X, y = write(tmp_path)
    assert y[8:11].tolist() == [9, 10, 1]
    data = read(tmp_path, FEW)
    np.testing.assert_array_equal(data.X_train, X)
    assert data.X_train.flags["C_CONTIGUOUS"]
    assert data.y_train.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]
    assert data.X_test.shape == (10, 3, 32, 32)
    assert data.class_names == list("0123456789")


def test_svhn_has_the_sizes_that_its_page_gives():
    assert N_ROWS == {"train": 73_257, "test": 26_032}


def test_another_number_of_rows_is_refused(tmp_path):
    write(tmp_path)
    for path in (tmp_path, tmp_path / "train_32x32.mat"):
        with pytest.raises(
            ValueError, match=r"X of uint8, \(32, 32, 3, 73257\).* \(32, 32, 3, 12\)"
        ):
            load_svhn(path, cache=False)


@pytest.mark.parametrize("labels", [[0, 1], [1, 11]])
def test_labels_beyond_1_to_10_are_refused(labels, tmp_path):
    write(tmp_path, labels)
    with pytest.raises(ValueError, match=r"labels 1..10, of which 10 is the digit 0, got "):
        read(tmp_path, FEW)


def test_files_without_the_arrays_are_refused(tmp_path):
    write(tmp_path)
    savemat(tmp_path / "train_32x32.mat", {"digits": np.zeros(3)})
    with pytest.raises(ValueError, match="must have an array X of uint8"):
        read(tmp_path, FEW)


@pytest.mark.parametrize("content", [b"", b"no matrix" * 30])
def test_damaged_files_are_refused(content, tmp_path):
    write(tmp_path)
    (tmp_path / "test_32x32.mat").write_bytes(content)
    with pytest.raises(ValueError, match=r"test_32x32.mat cannot be read as a MATLAB file: "):
        read(tmp_path, FEW)


def test_a_missing_file_is_named_with_where_it_is(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"train_32x32.mat and test_32x32.mat are missing: "
    ):
        load_svhn(tmp_path)
    write(tmp_path)
    (tmp_path / "test_32x32.mat").unlink()
    with pytest.raises(FileNotFoundError, match=r"but test_32x32.mat is missing: see http"):
        load_svhn(tmp_path)
    with pytest.raises(FileNotFoundError, match="they are at http"):
        load_svhn(tmp_path / "none")
