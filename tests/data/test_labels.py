"""Labels and their codes, written out."""

import numpy as np
import pytest

from skensemble import InvalidParameterError
from skensemble.data import codes_of, encode, learn_classes, unknown_labels

LABELS = [
    (["b", "a", "c", "a"], ["a", "b", "c"], [1, 0, 2, 0]),
    ([7, -5, 100, 7], [-5, 7, 100], [1, 0, 2, 1]),
    ([True, False, True, True], [False, True], [1, 0, 1, 1]),
    ([0.5, 0.25, 0.5, 2.0], [0.25, 0.5, 2.0], [1, 0, 1, 2]),
]


@pytest.mark.parametrize(("labels", "classes", "codes"), LABELS)
def test_a_code_is_the_place_of_a_label_among_the_sorted_classes(labels, classes, codes):
    learnt, found = learn_classes(np.array(labels))
    assert learnt.tolist() == classes
    assert found.tolist() == codes
    # torch takes no other integers for classes.
    assert found.dtype == np.int64


@pytest.mark.parametrize(("labels", "classes", "codes"), LABELS)
@pytest.mark.parametrize("code", [codes_of, encode])
def test_labels_of_known_classes_have_the_same_codes(code, labels, classes, codes):
    found = code(np.array(labels), np.array(classes))
    assert found.tolist() == codes
    assert found.dtype == np.int64


def test_a_class_that_no_label_shows_keeps_its_place():
    assert encode(np.array(["d", "b"]), np.array(["a", "b", "c", "d"])).tolist() == [3, 1]


def test_two_classes_are_enough_and_one_is_refused():
    learn_classes(np.array([3, 4]))
    with pytest.raises(InvalidParameterError, match="y must hold at least 2 classes, got 1 class"):
        learn_classes(np.array([3, 3]))


def test_labels_of_no_class_are_listed_sorted_and_once():
    unknown = unknown_labels(np.array([9, 1, 7, 9, 2]), np.array([1, 2, 3]))
    assert unknown.tolist() == [7, 9]
    assert not len(unknown_labels(np.array([2, 1]), np.array([1, 2, 3])))


@pytest.mark.parametrize(("name", "given"), [("y", {}), ("y_val", {"name": "y_val"})])
def test_labels_of_no_class_are_named(name, given):
    message = rf"^{name} must hold classes seen in y, got \['x', 'z'\] as well\.$"
    with pytest.raises(InvalidParameterError, match=message):
        encode(np.array(["z", "a", "x"]), np.array(["a", "b"]), **given)


@pytest.mark.parametrize(
    ("labels", "classes", "known", "codes"),
    [
        ([1, 0, 1], [2, 0, 1], [0, 1, 2], [1, 0, 1]),
        ([1, 1], [1, 0], [0, 1], [1, 1]),
        (["b", "c"], ("c", "a", "b"), ["a", "b", "c"], [1, 2]),
        (np.array(["b", "c"], dtype=object), ["c", "b"], ["b", "c"], [0, 1]),
        ([1.0, 0.0], [1, 0], [0, 1], [1, 0]),
        ([True, True], [True, False], [False, True], [1, 1]),
    ],
)
def test_classes_that_are_announced_are_sorted_whatever_their_order(labels, classes, known, codes):
    learnt, found = learn_classes(np.asarray(labels), classes)
    assert learnt.tolist() == known
    assert found.tolist() == codes


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([0, 1, 1], r"classes must be distinct, got \[1\] more than once"),
        ([0], r"classes must be at least 2 labels, got \[0\]"),
        ([], r"classes must be at least 2 labels, got \[\]"),
        (3, "classes must be a list of labels of one kind, got 3"),
        ("abc", "classes must be a list of labels of one kind, got 'abc'"),
        ([[0, 1]], "classes must be a list of labels of one kind"),
        ([0, "b"], "classes must be a list of labels of one kind"),
        ([0, None], "classes must be a list of labels of one kind"),
        ({0, 1}, "classes must be a list of labels of one kind"),
        ([0, 2], r"y must hold labels among classes=\[0, 2\], got \[1\] as well"),
        (["0", "1"], r"y must hold labels among classes=\['0', '1'\], got \[0, 1\] as well"),
    ],
)
def test_classes_that_cannot_be_are_refused(classes, message):
    with pytest.raises(InvalidParameterError, match=message):
        learn_classes(np.array([0, 1, 0]), classes)


def test_a_number_is_no_string_of_digits():
    digits = np.arange(30).astype(str)
    assert unknown_labels(np.arange(30), digits).tolist() == [*range(30)]
    assert unknown_labels(np.array([1, 0]), np.array(["0", "1"])).tolist() == [0, 1]
    assert unknown_labels(np.array(["1"], dtype=object), np.array([0, 1])).tolist() == ["1"]
