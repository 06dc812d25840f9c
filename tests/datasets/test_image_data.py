import numpy as np
import pytest

from skensemble import InvalidParameterError
from skensemble.datasets import ImageData, limited, resized
from skensemble.datasets._image_data import checked


def data_of(n=9, n_test=5, shape=(3, 4, 4), n_classes=3):
    rng = np.random.default_rng(0)
    X, X_test = (rng.integers(0, 256, (rows, *shape), dtype=np.uint8) for rows in (n, n_test))
    names = [f"class{label}" for label in range(n_classes)]
    return ImageData(X, np.arange(n) % n_classes, X_test, np.arange(n_test) % n_classes, names)


def test_the_repr_is_one_line_of_shapes_and_classes():
    assert repr(data_of()) == (
        "ImageData(X_train: (9, 3, 4, 4), X_test: (5, 3, 4, 4), 3 classes: class0, class1, class2)"
    )
    assert repr(data_of(n_classes=100)).endswith(
        "100 classes: class0, class1, class2, ..., class99)"
    )


def test_the_first_rows_of_each_class_stay_in_their_order():
    y = np.array([2, 0, 0, 1, 0, 2, 2, 2, 1])
    data = data_of()._replace(y_train=y)
    few = limited(data, 2)
    assert few.y_train.tolist() == [2, 0, 0, 1, 2, 1]
    np.testing.assert_array_equal(few.X_train, data.X_train[[0, 1, 2, 3, 5, 8]])
    # Of the test rows, class 2 has one.
    assert few.y_test.tolist() == [0, 1, 2, 0, 1]
    np.testing.assert_array_equal(few.X_test, data.X_test)
    assert not np.shares_memory(few.X_test, data.X_test)
    assert few.class_names == data.class_names


@pytest.mark.parametrize("per_class", [0, -1, 1.5, True, None])
def test_rows_of_a_class_are_a_positive_int(per_class):
    with pytest.raises(InvalidParameterError, match="per_class must be an int >= 1, got "):
        limited(data_of(), per_class)


def test_half_the_size_is_the_mean_of_two_by_two_pixels():
    data = data_of(shape=(3, 8, 8))
    half = resized(data, 4)
    blocks = data.X_test.reshape(5, 3, 4, 2, 4, 2).mean(axis=(3, 5))
    np.testing.assert_array_equal(half.X_test, np.rint(blocks))
    assert half.X_train.shape == (9, 3, 4, 4)
    assert half.X_train.dtype == np.uint8
    assert half.y_train is data.y_train


def test_pixels_count_by_what_is_covered_of_them():
    """Three pixels to two: each result covers one and a half of them."""
    line = np.array([30, 60, 120], dtype=np.uint8)
    X = np.broadcast_to(line, (1, 1, 3, 3))
    two = [(30 + 60 / 2) / 1.5, (60 / 2 + 120) / 1.5]
    data = ImageData(X, np.array([0]), X.swapaxes(2, 3), np.array([0]), ["ramp"])
    np.testing.assert_array_equal(resized(data, 2).X_train[0, 0], [two, two])
    np.testing.assert_array_equal(resized(data, 2).X_test[0, 0], np.transpose([two, two]))
    np.testing.assert_array_equal(resized(data, 6).X_train[0, 0, 0], [30, 30, 60, 60, 120, 120])
    np.testing.assert_array_equal(resized(data, 1).X_train, np.full((1, 1, 1, 1), 70))


def test_the_mean_of_one_value_is_this_value():
    """At any size, and for more images than are resized at a time."""
    for value in (0, 1, 128, 255):
        X = np.full((3, 1, 7, 5), value, dtype=np.uint8)
        data = ImageData(X, np.zeros(3, dtype=int), X[:1], np.zeros(1, dtype=int), ["grey"])
        for size in (1, 3, 5, 7, 11):
            assert np.unique(resized(data, size).X_train).tolist() == [value]
    many = np.arange(5000, dtype=np.uint8).reshape(-1, 1, 1, 1)
    data = data._replace(X_train=np.broadcast_to(many, (5000, 1, 2, 2)))
    np.testing.assert_array_equal(resized(data, 1).X_train, many)


def test_the_same_size_is_a_copy():
    data = data_of()
    same = resized(data, 4)
    np.testing.assert_array_equal(same.X_train, data.X_train)
    assert not np.shares_memory(same.X_train, data.X_train)


@pytest.mark.parametrize("size", [0, 2.0, None])
def test_a_size_is_a_positive_int(size):
    with pytest.raises(InvalidParameterError, match="size must be an int >= 1, got "):
        resized(data_of(), size)


WRONG = {
    "the train part do not fit each other: uint8 .* int64 .3": {"y_train": np.zeros(3, dtype=int)},
    "the test part do not fit each other: float64": {"X_test": np.zeros((5, 3, 4, 4))},
    "of the train part do not fit": {"X_train": np.zeros((9, 4, 4), dtype=np.uint8)},
    "do not fit each other.* and float64": {"y_test": np.zeros(5)},
    "labels of the train part must lie in 0..2, got 0..3": {"y_train": np.arange(9) % 4},
    "labels of the test part must lie in 0..2, got -1..1": {"y_test": np.arange(5) % 3 - 1},
    "the test part has no images": {
        "X_test": np.zeros((0, 3, 4, 4), dtype=np.uint8),
        "y_test": np.zeros(0, dtype=int),
    },
    r"differ in shape: \(3, 4, 4\) and \(3, 4, 5\)": {
        "X_test": np.zeros((5, 3, 4, 5), dtype=np.uint8)
    },
}


@pytest.mark.parametrize("message", WRONG)
def test_arrays_that_do_not_fit_are_refused(message):
    data = data_of()
    assert checked(data, "file") is data
    with pytest.raises(ValueError, match=f"^file: .*{message}"):
        checked(data._replace(**WRONG[message]), "file")
