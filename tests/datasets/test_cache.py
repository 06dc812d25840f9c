import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from skensemble import InvalidParameterError
from skensemble.datasets import ImageData
from skensemble.datasets._cache import KeptImages


def data_of(value):
    X, y = np.full((4, 1, 5, 5), value, dtype=np.uint8), np.array([0, 1, 0, 1])
    return ImageData(X, y, X[:2], y[:2], ["cat", "dög"])


@pytest.fixture
def source(tmp_path):
    """Give a file that data could be read from."""
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "images.tar"
    path.write_bytes(b"first")
    return path


def read(source, value, cache=None, inputs=None, **arguments):
    """Return the pixel that comes from what is kept, or else `value`, and then keep that."""
    kept = KeptImages(source, inputs or (source,), cache, "images", arguments)
    return kept.find_or_read(lambda: data_of(value)).X_train[0, 0, 0, 0]


def test_what_was_read_is_kept_beside_the_source(source, same):
    assert read(source, 1) == 1
    assert [file.name for file in source.parent.iterdir()] == [
        "images.tar",
        "images.tar.images.npz",
    ]
    assert read(source, 2) == 1
    same(KeptImages(source, (source,), None, "images").find(), data_of(1))


def test_what_was_read_is_kept_in_a_given_folder(source, tmp_path):
    folder = tmp_path / "new" / "folder"
    assert [read(source, value, str(folder)) for value in (1, 2)] == [1, 1]
    assert [file.name for file in folder.iterdir()] == ["images.tar.images.npz"]
    assert [file.name for file in source.parent.iterdir()] == ["images.tar"]


def test_of_a_folder_it_is_kept_inside(source):
    folder = source.parent
    assert [read(folder, value, inputs=(source,)) for value in (1, 2)] == [1, 1]
    assert (folder / "data.images.npz").is_file()


def test_with_false_nothing_is_kept_nor_looked_for(source):
    assert read(source, 1, cache=False) == 1
    assert [file.name for file in source.parent.iterdir()] == ["images.tar"]
    assert [read(source, 2), read(source, 3, cache=False)] == [2, 3]


def test_a_home_folder_is_found(source, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    read(source, 1, "~/kept")
    assert (tmp_path / "kept" / "images.tar.images.npz").is_file()


def test_other_arguments_are_kept_by_themselves(source):
    assert read(source, 1) == 1
    assert [read(source, value, per_class=value) for value in (2, 3)] == [2, 3]
    assert [read(source, 9, per_class=value) for value in (2, 3)] == [2, 3]
    assert read(source, 9) == 1


@pytest.mark.parametrize("change", ["size", "time", "name"])
def test_a_changed_source_is_read_again(change, source):
    """Size by itself, and time by itself."""
    inputs = (source.parent / "train",)
    inputs[0].mkdir()
    file = inputs[0] / "cat.jpg"
    file.write_bytes(b"12345")
    os.utime(file, ns=(10**18, 10**18))
    assert [read(source.parent, value, inputs=inputs) for value in (1, 2)] == [1, 1]
    if change == "size":
        file.write_bytes(b"123456")
        os.utime(file, ns=(10**18, 10**18))
    elif change == "time":
        os.utime(file, ns=(10**18, 10**18 + 1000))
    else:
        file.rename(file.with_name("dog.jpg"))
    assert [read(source.parent, value, inputs=inputs) for value in (3, 4)] == [3, 3]


def test_a_source_that_changes_while_it_is_read_is_read_again(source):
    def read_slowly():
        source.write_bytes(b"second and longer")
        return data_of(1)

    KeptImages(source, (source,), None, "images").find_or_read(read_slowly)
    assert read(source, 2) == 2


def test_what_is_kept_may_be_moved_with_its_source(source, tmp_path):
    read(source, 1)
    moved = source.parent.rename(tmp_path / "moved")
    assert read(moved / source.name, 2) == 1


def test_other_versions_of_readers_are_forgotten(source, monkeypatch):
    read(source, 1)
    monkeypatch.setattr("skensemble.datasets._cache.FORMAT", 0)
    assert read(source, 2) == 2


def damages(content):
    """Give what a kept file may look like after a fault."""
    middle = content.index(bytes([1] * 20))
    yield b""
    yield b"no archive"
    yield content[: len(content) // 2]
    yield content[:-1]
    yield content[:middle] + b"\x07" + content[middle + 1 :]


def test_damaged_files_are_read_anew_and_written_over(source):
    kept = source.parent / "images.tar.images.npz"
    read(source, 1)
    for content in damages(kept.read_bytes()):
        kept.write_bytes(content)
        assert [read(source, value) for value in (2, 1)] == [2, 2]
        kept.unlink()
        read(source, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"y_train": np.array([0, 1, 2, 0])},
        {"y_train": np.array([0, 1, 0, 1], dtype=object)},
        {"X_test": np.zeros((2, 1, 4, 4), dtype=np.uint8)},
    ],
)
def test_arrays_that_no_reader_writes_are_not_trusted(change, source):
    kept = source.parent / "images.tar.images.npz"
    read(source, 1)
    with np.load(kept) as arrays:
        np.savez(kept, **({**arrays} | change))
    assert read(source, 2) == 2


class MakesFolder:
    """Makes a folder where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_nothing_that_is_kept_is_unpickled(source):
    kept = source.parent / "images.tar.images.npz"
    read(source, 1)
    made = source.parent / "made"
    with np.load(kept) as arrays:
        labels = np.array([MakesFolder(str(made))] * 4, dtype=object)
        np.savez(kept, **({**arrays} | {"y_train": labels}))
    assert read(source, 2) == 2
    assert not made.exists()


def test_a_file_that_lacks_an_array_is_read_anew(source):
    kept = source.parent / "images.tar.images.npz"
    read(source, 1)
    with np.load(kept) as arrays:
        np.savez(kept, **{name: arrays[name] for name in arrays if name != "y_test"})
    assert read(source, 2) == 2


def test_nothing_is_packed(source):
    read(source, 1)
    with zipfile.ZipFile(source.parent / "images.tar.images.npz") as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_read_only_folder_is_left_alone_with_a_warning(source):
    source.parent.chmod(0o555)
    with pytest.warns(UserWarning, match=r"not kept in .*data \(the folder is read-only"):
        assert read(source, 1) == 1
    source.parent.chmod(0o755)
    assert [file.name for file in source.parent.iterdir()] == ["images.tar"]


def test_a_folder_that_cannot_be_made_is_warned_of_at_the_line_of_the_user(source):
    with pytest.warns(UserWarning, match="Set cache to a folder that can be written to") as caught:
        assert read(source, 1, source / "folder") == 1
    assert Path(caught[0].filename) == Path(__file__)


def test_a_file_that_cannot_be_finished_leaves_nothing(source, monkeypatch):
    def no_room(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_room)
    with pytest.warns(UserWarning, match="No space left on device"):
        assert read(source, 1) == 1
    assert [file.name for file in source.parent.iterdir()] == ["images.tar"]


@pytest.mark.parametrize("cache", [True, 3, "a file"])
def test_a_cache_that_is_no_folder_is_refused(cache, source):
    cache = source if cache == "a file" else cache
    with pytest.raises(
        InvalidParameterError, match="cache must be the path of a folder, None or F"
    ):
        read(source, 1, cache)
