import os

import numpy as np
import pytest

from skensemble import InvalidParameterError
from skensemble.datasets import load_cifar10, load_cifar100
from skensemble.datasets._cifar import load

VERSIONS = ["python", "binary"]
FOLDERS = {"python": "cifar-10-batches-py", "binary": "cifar-10-batches-bin"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("given", ["the folder", "the folder above", "a file"])
def test_a_folder_of_cifar10_is_read(version, given, small_cifar10, write_files, same, tmp_path):
    layout, expected, files = small_cifar10
    folder = write_files(tmp_path / FOLDERS[version], files[version])
    paths = {
        "the folder": folder,
        "the folder above": tmp_path,
        "a file": folder / [*files[version]][1],
    }
    same(load(str(paths[given]), layout, None, "cifar10"), expected)
    # What is read at once is not kept.
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("given", ["the archive", "its folder"])
def test_an_archive_of_cifar10_is_read_and_kept(
    version, given, small_cifar10, write_archive, same, tmp_path
):
    """In whichever order its files lie."""
    layout, expected, files = small_cifar10
    named = {f"{FOLDERS[version]}/{name}": content for name, content in files[version].items()}
    named = {f"{FOLDERS[version]}/readme.html": b"<html>"} | dict(reversed(named.items()))
    archive = write_archive(tmp_path / f"cifar-10-{version}.tar.gz", named)
    path = archive if given == "the archive" else tmp_path
    same(load(path, layout, None, "cifar10"), expected)
    assert (tmp_path / f"{archive.name}.cifar10.npz").is_file()
    same(load(path, layout, None, "cifar10"), expected)


@pytest.mark.parametrize("version", VERSIONS)
def test_cifar100_has_labels_of_both_kinds(version, small_cifar100, write_files, same, tmp_path):
    layout, expected, files = small_cifar100
    same(load(write_files(tmp_path, files[version]), layout, None, "cifar100"), expected)


def test_both_kinds_of_labels_of_an_archive_are_kept(small_cifar100, write_archive, same, tmp_path):
    layout, expected, files = small_cifar100
    archive = write_archive(tmp_path / "cifar-100-python.tar.gz", files["python"])
    for _ in range(2):
        same(load(archive, layout, tmp_path / "kept", "cifar100", labels="x"), expected)
    assert [file.name for file in (tmp_path / "kept").iterdir()] == [
        "cifar-100-python.tar.gz.cifar100-x.npz"
    ]


def sparse(path, n_bytes, **bytes_at):
    """Write a file of zeros that takes no room, with some bytes at given places."""
    with path.open("wb") as file:
        file.truncate(n_bytes)
        for place, value in bytes_at.items():
            file.seek(int(place.removeprefix("at_")))
            file.write(bytes([value]))


@pytest.mark.slow
def test_cifar10_of_full_size_is_read(tmp_path):
    """Of its second batch, the label of the first row and the last pixel of the last are not 0."""
    row = 1 + 3 * 32 * 32
    for name in [f"data_batch_{number}.bin" for number in (1, 3, 4, 5)] + ["test_batch.bin"]:
        sparse(tmp_path / name, 10_000 * row)
    sparse(tmp_path / "data_batch_2.bin", 10_000 * row, at_0=7, **{f"at_{10_000 * row - 1}": 255})
    (tmp_path / "batches.meta.txt").write_text("\n".join(f"name{label}" for label in range(10)))
    data = load_cifar10(tmp_path)
    assert data.X_train.shape == (50_000, 3, 32, 32)
    assert data.X_test.shape == (10_000, 3, 32, 32)
    assert np.flatnonzero(data.y_train).tolist() == [10_000]
    assert data.y_train[10_000] == 7
    assert data.X_train[19_999, 2, 31, 31] == 255
    # No other pixel of that image is set.
    assert data.X_train[19_999].sum() == 255


@pytest.mark.parametrize("labels", ["fine", "coarse"])
def test_each_kind_of_labels_asks_for_its_names(labels, small_cifar100, write_files, tmp_path):
    _, _, files = small_cifar100
    folder = write_files(tmp_path, files["binary"])
    (folder / f"{labels}_label_names.txt").unlink()
    with pytest.raises(FileNotFoundError, match=f"CIFAR-100, but {labels}_label_names.txt is miss"):
        load_cifar100(folder, labels=labels)


def test_a_number_of_rows_that_cifar_does_not_have_is_refused(small_cifar10, write_files, tmp_path):
    _, _, files = small_cifar10
    folder = write_files(tmp_path, files["python"])
    with pytest.raises(ValueError, match=r"batch_1 must have 10000 images of CIFAR-10.* got 3 and"):
        load_cifar10(folder)


def test_missing_files_are_named_with_where_they_are(small_cifar10, write_files, tmp_path):
    layout, _, files = small_cifar10
    folder = write_files(tmp_path / "cifar-10-batches-py", files["python"])
    (folder / "data_batch_3").unlink()
    message = "but data_batch_3 is missing. They are in cifar-10-python.tar.gz, at https://www.cs"
    for path in (folder, tmp_path):
        with pytest.raises(FileNotFoundError, match=message):
            load(path, layout, None, "cifar10")
    (folder / "batches.meta").unlink()
    with pytest.raises(FileNotFoundError, match=r"data_batch_3, batches.meta are missing"):
        load(folder, layout, None, "cifar10")


def test_an_archive_without_all_files_is_refused(small_cifar10, write_archive, tmp_path):
    layout, _, files = small_cifar10
    del files["binary"]["data_batch_5.bin"]
    archive = write_archive(tmp_path / "cifar.tar", files["binary"])
    with pytest.raises(FileNotFoundError, match=r"CIFAR-10, but data_batch_5.bin is missing"):
        load(archive, layout, None, "cifar10")
    empty = write_archive(tmp_path / "empty.tar", {"readme": b"nothing"})
    with pytest.raises(FileNotFoundError, match=r"but data_batch_1, .* are missing"):
        load(empty, layout, None, "cifar10")
    assert not list(tmp_path.glob("*.npz"))


def test_a_path_that_leads_nowhere_says_what_should_be_there(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"CIFAR-10: cifar-10-python.tar.gz or cifar-10-bin"
    ):
        load_cifar10(tmp_path / "none")
    with pytest.raises(InvalidParameterError, match="path must be the path of CIFAR-100: "):
        load_cifar100(10)


def test_a_label_beyond_the_classes_is_refused(small_cifar10, write_files, tmp_path):
    layout, _, files = small_cifar10
    files["binary"]["data_batch_1.bin"] = b"\x0a" + files["binary"]["data_batch_1.bin"][1:]
    with pytest.raises(ValueError, match=r"labels of the train part must lie in 0..9, got 0..10"):
        load(write_files(tmp_path, files["binary"]), layout, None, "cifar10")


def test_another_number_of_names_is_refused(small_cifar10, write_files, tmp_path):
    layout, _, files = small_cifar10
    files["binary"]["batches.meta.txt"] = b"cat\ndog\n"
    with pytest.raises(ValueError, match=r"batches.meta.txt must name 10 classes, got 2"):
        load(write_files(tmp_path, files["binary"]), layout, None, "cifar10")


@pytest.mark.parametrize("labels", ["Fine", None])
def test_labels_of_no_kind_are_refused(labels, tmp_path):
    with pytest.raises(InvalidParameterError, match='labels must be "fine" or "coarse", got '):
        load_cifar100(tmp_path, labels=labels)


def test_what_is_given_for_cache_is_checked_even_where_nothing_is_kept(
    small_cifar10, write_files, tmp_path
):
    layout, _, files = small_cifar10
    folder = write_files(tmp_path, files["python"])
    with pytest.raises(InvalidParameterError, match="cache must be the path of a folder, None or"):
        load(folder, layout, True, "cifar10")
    assert os.listdir(folder)
