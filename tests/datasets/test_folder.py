import io
import os
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skensemble import InvalidParameterError
from skensemble.datasets import limited, load_image_folder

DATA = Path(os.environ.get("SKENSEMBLE_DATA", Path(__file__).parents[3] / "shared" / "data"))
COUNTS = {"train": {"dog": 4, "cat": 3, "ant": 2}, "test": {"ant": 1, "dog": 2}}
ENDINGS = ["tar", "tar.gz", "tar.xz"]


def encoded(pixels, form="PNG", **arguments):
    """Return an image of an array (height, width[, channels]) as the bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **arguments)
    return file.getvalue()


@pytest.fixture(params=["RGB", "grey"])
def images(request):
    """Give images of 5 x 4 pixels as files by name, in no order, and what is to be read of them."""
    rng = np.random.default_rng(0)
    n_channels = {"RGB": 3, "grey": 1}[request.param]
    files, expected = {}, []
    for part in ("train", "test"):
        X, y = [], []
        for label, name in enumerate(["ant", "cat", "dog"]):
            for number in range(COUNTS[part].get(name, 0)):
                pixels = rng.integers(0, 256, (4, 5, n_channels), dtype=np.uint8)
                X.append(pixels.transpose(2, 0, 1))
                y.append(label)
                content = encoded(pixels if n_channels == 3 else pixels[:, :, 0])
                files[f"{part}/{name}/{number:04}.PNG"] = content
        expected += [X, y]
    others = {
        "README.md": b"#",
        "train/notes.txt": b"",
        "train/cat/._0000.png": b"x",
        "a.png": b"x",
    }
    files |= others | {"extra/train.png": b"x", "train/cat/list.csv": b"x"}
    names = rng.permutation(list(files))
    return {name: files[name] for name in names}, (*expected, ["ant", "cat", "dog"])


@pytest.mark.parametrize("top", ["", "animals/"])
def test_a_folder_is_read_by_class_and_name(top, images, write_files, same, tmp_path):
    files, expected = images
    write_files(tmp_path, {top + name: content for name, content in files.items()})
    same(load_image_folder(tmp_path, cache=False), expected)


@pytest.mark.parametrize("top", ["", "./", "animals/"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_archive_is_read_by_class_and_name(top, ending, images, write_archive, same, tmp_path):
    """Whatever the order in it."""
    files, expected = images
    named = {top + name: content for name, content in files.items()}
    path = write_archive(tmp_path / f"animals.{ending}", named)
    same(load_image_folder(str(path), cache=False), expected)


def test_jpegs_keep_their_colours(write_files, tmp_path):
    """Red comes first; 3 is far more than what is lost in an image of one colour."""
    colours = {"red": (200, 10, 60), "blue": (10, 60, 200)}
    files = {}
    for name, colour in colours.items():
        content = encoded(np.full((8, 8, 3), colour, dtype=np.uint8), "JPEG", quality=95)
        files |= {f"{part}/{name}/1.jpg": content for part in ("train", "test")}
        files[f"train/{name}/0.JPEG"] = content
    data = load_image_folder(write_files(tmp_path, files))
    assert data.class_names == ["blue", "red"]
    means = data.X_train.mean(axis=(2, 3))
    np.testing.assert_allclose(means, [colours["blue"]] * 2 + [colours["red"]] * 2, atol=3)


@pytest.mark.parametrize("form", ["folder", "tar"])
@pytest.mark.parametrize("is_whole_kept", [True, False])
@pytest.mark.parametrize("per_class", [1, 2, 3, 9])
def test_the_first_of_each_class_are_those_of_all(
    per_class, is_whole_kept, form, images, write_files, write_archive, same, tmp_path
):
    files, _ = images
    if form == "tar":
        path = write_archive(tmp_path / "animals.tar", files)
    else:
        path = write_files(tmp_path / "animals", files)
    whole = load_image_folder(path, cache=None if is_whole_kept else False)
    few = load_image_folder(path, per_class=per_class)
    same(few, limited(whole, per_class))
    assert len(few.y_train) == sum(min(n, per_class) for n in COUNTS["train"].values())
    same(load_image_folder(path, per_class=per_class), few)


def test_what_is_not_asked_for_is_not_decoded(images, write_files, write_archive, tmp_path):
    files, _ = images
    files = files | {"train/dog/0003.PNG": b"damaged"}
    for path in (write_archive(tmp_path / "a.tar", files), write_files(tmp_path / "a", files)):
        assert len(load_image_folder(path, per_class=3).y_train) == 8
        with pytest.raises(ValueError, match=r"a(.tar)?: train/dog/0003.PNG cannot be decoded: "):
            load_image_folder(path)


def test_an_archive_is_decoded_once(images, write_archive, same, tmp_path, monkeypatch):
    files, expected = images
    path = write_archive(tmp_path / "a.tar", files)
    load_image_folder(path, cache=tmp_path / "kept")
    monkeypatch.setitem(sys.modules, "PIL", None)
    same(load_image_folder(path, cache=tmp_path / "kept"), expected)
    with pytest.raises(ImportError, match=r'pip install pillow .it is the extra "images"'):
        load_image_folder(path, cache=False)


def test_a_folder_with_another_image_is_read_again(images, write_files, tmp_path):
    files, _ = images
    folder = write_files(tmp_path / "animals", files)
    assert len(load_image_folder(folder).y_test) == 3
    (folder / "test" / "dog" / "0009.PNG").write_bytes(files["train/dog/0000.PNG"])
    assert load_image_folder(folder).y_test.tolist() == [0, 2, 2, 2]
    # The kept arrays lie in the folder, and are no reason to read it again.
    assert [file.name for file in folder.glob("*.npz")] == ["animals.images.npz"]


def test_of_two_members_of_one_name_the_last_counts(tmp_path):
    """As it would on a disk."""
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for value in (1, 2):
            for part in ("train", "test"):
                content = encoded(np.full((2, 2), value, dtype=np.uint8))
                member = tarfile.TarInfo(f"{part}/cat/0.png")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    assert load_image_folder(tmp_path / "a.tar").X_train.tolist() == [[[[2, 2], [2, 2]]]]


def test_a_link_for_an_image_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("train/cat/0.png")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(ValueError, match=r"train/cat/0.png must be a file, and is a link"):
        load_image_folder(tmp_path / "a.tar")


def test_two_datasets_in_one_archive_are_refused(images, write_archive, tmp_path):
    files, _ = images
    named = {f"{top}/{name}": content for top in ("a", "b") for name, content in files.items()}
    with pytest.raises(
        ValueError, match=r"a.tar: train/ is there twice, also in b/|test/ is there"
    ):
        load_image_folder(write_archive(tmp_path / "a.tar", named))


SQUARE = np.zeros((4, 4, 3), dtype=np.uint8)
OTHERS = {
    "must have one size and mode, but .* 3 x 4 RGB, and .* 4 x 4 RGB": encoded(SQUARE[:, :3]),
    "must have one size and mode, but .* 4 x 4 grey": encoded(SQUARE[:, :, 0]),
    "train/cat/0.png must be grey or RGB, and has the mode RGBA": encoded(
        np.zeros((4, 4, 4), dtype=np.uint8)
    ),
    "train/cat/0.png cannot be decoded: .*runcated": encoded(SQUARE + 1, "JPEG")[:-40],
    "train/cat/0.png cannot be decoded: cannot identify": encoded(SQUARE, "GIF"),
}


@pytest.mark.parametrize("message", OTHERS)
def test_images_that_do_not_fit_are_named(message, write_files, tmp_path):
    square = encoded(SQUARE)
    files = {
        "train/cat/0.png": OTHERS[message],
        "train/cat/1.png": square,
        "test/cat/0.png": square,
    }
    with pytest.raises(ValueError, match=message):
        load_image_folder(write_files(tmp_path, files))


def test_images_for_the_test_have_the_form_of_those_for_training(write_files, tmp_path):
    files = {"train/cat/0.png": encoded(SQUARE), "test/cat/0.png": encoded(SQUARE[:, :, 0])}
    with pytest.raises(ValueError, match=r"differ in shape: \(3, 4, 4\) and \(1, 4, 4\)"):
        load_image_folder(write_files(tmp_path, files))


def test_what_is_missing_is_said(write_files, write_archive, tmp_path):
    image = encoded(SQUARE)
    with pytest.raises(
        FileNotFoundError, match=r"must have train/CLASS/NAME.jpg.* no images are th"
    ):
        load_image_folder(write_archive(tmp_path / "a.tar", {"cat/0.png": image}))
    folder = write_files(tmp_path / "a", {"train/cat/0.png": image})
    with pytest.raises(FileNotFoundError, match="but only those of train/ are there"):
        load_image_folder(folder)
    with pytest.raises(FileNotFoundError, match=f"Give the folder above it, {folder}"):
        load_image_folder(folder / "train")
    write_files(folder, {"test/dog/0.png": image, "test/cat/0.png": image})
    with pytest.raises(FileNotFoundError, match="has test/dog/, but no images in train/dog/"):
        load_image_folder(folder)
    with pytest.raises(
        FileNotFoundError, match="path must be that of a folder or a tar archive of"
    ):
        load_image_folder(tmp_path / "none")
    with pytest.raises(ValueError, match=r"b.zip is no whole tar archive"):
        load_image_folder(write_files(tmp_path, {"b.zip": b"PK"}) / "b.zip")


@pytest.mark.parametrize("per_class", [0, 1.0, True])
def test_images_of_a_class_are_a_positive_int(per_class, tmp_path):
    with pytest.raises(InvalidParameterError, match="per_class must be an int >= 1, got "):
        load_image_folder(tmp_path, per_class=per_class)


def test_the_shared_images_are_rgb_of_32_pixels(write_files, tmp_path):
    """A few of them: to walk the whole archive takes seconds."""
    path = DATA / "cifar10-jpeg.tar.xz"
    if not path.is_file():
        pytest.skip(f"needs {path}; SKENSEMBLE_DATA names another folder")
    with tarfile.open(path) as archive:
        members = [archive.next() for _ in range(5)]
        files = {m.name: archive.extractfile(m).read() for m in members if m.isfile()}
    assert [*files] == [f"train/airplane/000{number}.jpg" for number in range(3)]
    files |= {name.replace("train", "test"): content for name, content in files.items()}
    data = load_image_folder(write_files(tmp_path, files))
    for pixels, content in zip(data.X_train, files.values(), strict=False):
        image = np.asarray(Image.open(io.BytesIO(content)))
        assert image.shape == (32, 32, 3)
        np.testing.assert_array_equal(pixels, image.transpose(2, 0, 1))
