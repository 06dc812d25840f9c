import io

import numpy as np
import pytest

from skensemble.datasets._cifar_layout import CIFAR10, cifar100

PYTHON, BINARY = CIFAR10.versions


def test_datasets_have_the_sizes_that_their_page_gives():
    for dataset, n_classes in ((CIFAR10, 10), (cifar100("fine"), 100), (cifar100("coarse"), 20)):
        assert (dataset.n_train, dataset.n_test, dataset.n_classes) == (50_000, 10_000, n_classes)


def test_no_two_files_of_a_dataset_have_one_name():
    """An archive is known by the names of its files."""
    for dataset in (CIFAR10, cifar100("fine")):
        names = [name for version in dataset.versions for name in version.files]
        assert len(set(names)) == len(names)


def test_a_binary_row_begins_with_its_coarse_label():
    row = bytes([11, 22]) + bytes(3072)
    for kind, label in {"coarse": 11, "fine": 22}.items():
        pixels, labels = cifar100(kind).versions[1].rows_of(io.BytesIO(row), "train.bin")
        assert labels.tolist() == [label]
        assert pixels.shape == (1, 3072)
        assert not pixels.any()


def test_binary_files_of_broken_rows_are_refused():
    with pytest.raises(ValueError, match=r"b.bin must have rows of 3073 bytes, got 3072 bytes"):
        BINARY.rows_of(io.BytesIO(bytes(3072)), "b.bin")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"labels": [1]}, 'p must have an array of 3072 columns under "data"'),
        ({"data": np.zeros((1, 5), dtype=np.uint8), "labels": [1]}, "an array of 3072 columns"),
        (
            {"data": np.zeros((1, 3072), dtype=np.uint8)},
            'p must have a list of ints under "labels"',
        ),
        ({"data": np.zeros((1, 3072), dtype=np.uint8), "labels": [0.5]}, "a list of ints"),
        ({"data": np.zeros((1, 3072), dtype=np.uint8), "labels": [[1]]}, "a list of ints"),
    ],
)
def test_pickles_without_pixels_or_labels_are_refused(content, message, python2_pickle):
    with pytest.raises(ValueError, match=message):
        PYTHON.rows_of(io.BytesIO(python2_pickle(content)), "p")


def test_names_come_from_pickles_and_from_lines(python2_pickle):
    file = io.BytesIO(python2_pickle({"label_names": ["cat", "dog"]}))
    assert PYTHON.names_of(file, "batches.meta") == ["cat", "dog"]
    assert BINARY.names_of(io.BytesIO(b"cat\r\ndog\r\n\r\n"), "x") == ["cat", "dog"]
