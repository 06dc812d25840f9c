"""Weights of classes, against those that scikit-learn would give."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from skensemble import InvalidParameterError, NetClassifier
from skensemble.nets import with_class_weight

SMALL = {"module__hidden_units": (8,), "max_epochs": 5, "batch_size": 32, "random_state": 0}
CLASSES = np.array(["a", "b", "c"])
CODES = np.array([0, 0, 0, 1, 2, 2])
OWN = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])


def test_none_leaves_weights_as_they_are():
    assert with_class_weight(None, CLASSES, CODES, None) is None
    assert with_class_weight(None, CLASSES, CODES, OWN) is OWN
    assert with_class_weight({}, CLASSES, CODES, OWN) is OWN


def test_balanced_classes_have_the_same_sum():
    weight = with_class_weight("balanced", CLASSES, CODES, None)
    # Six rows: a third each of three, one and two.
    assert weight == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2, 1, 1])
    assert weight == pytest.approx(compute_sample_weight("balanced", CODES))


def test_weights_of_rows_count_in_the_balance():
    weight = with_class_weight("balanced", CLASSES, CODES, OWN)
    assert np.bincount(CODES, weight) == pytest.approx([7, 7, 7])
    assert weight[:3] == pytest.approx(7 * OWN[:3] / 6)
    factors = compute_class_weight("balanced", classes=np.arange(3), y=CODES, sample_weight=OWN)
    assert weight == pytest.approx(OWN * factors[CODES])


def test_a_dict_has_factors_by_label_and_keeps_the_sum():
    weight = with_class_weight({"b": 4, "c": 0.5}, CLASSES, CODES, OWN)
    factors = OWN * np.array([1, 1, 1, 4, 0.5, 0.5])
    assert weight == pytest.approx(factors * OWN.sum() / factors.sum())


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e30, 1e300])
@pytest.mark.parametrize("class_weight", ["balanced", {"a": 2, "b": 1e-3}])
def test_the_size_of_weights_does_not_matter(size, class_weight):
    expected = with_class_weight(class_weight, CLASSES, CODES, OWN)
    found = with_class_weight(class_weight, CLASSES, CODES, OWN * size)
    np.testing.assert_allclose(found / size, expected, rtol=1e-12)
    if isinstance(class_weight, dict):
        scaled = {label: size * class_weight.get(label, 1) for label in "abc"}
        found = with_class_weight(scaled, CLASSES, CODES, OWN)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_class_without_rows_has_no_part_in_the_balance():
    weight = with_class_weight("balanced", CLASSES, np.array([0, 0, 0, 2]), None)
    assert weight == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        (
            "balance",
            "class_weight must be a dict of weights by label, 'balanced' or None, got 'bal",
        ),
        ([1, 2, 1], r"class_weight must be a dict .*, got \[1, 2, 1\]"),
        ({0: -1}, r"class_weight\[0\] must be a finite number >= 0"),
        ({0: "1"}, r"class_weight\[0\] must be a finite number >= 0"),
        ({0: np.inf}, r"class_weight\[0\] must be a finite number >= 0, got inf"),
        ({0: 1, "b": 2, 7: 3}, r"must name labels among \[0, 1, 2\], got \['b', 7\] as well"),
        ({0: 0, 1: 0, 2: 0}, "class_weight must leave a row of weight above 0, got {0: 0"),
    ],
)
def test_bad_ones_are_refused(iris, class_weight, message):
    with pytest.raises(InvalidParameterError, match=message):
        NetClassifier(**SMALL, class_weight=class_weight).fit(*iris)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.2, 2: 3.0}])
@pytest.mark.parametrize("own", [None, np.linspace(0.1, 2, 120)])
def test_a_net_trains_as_with_the_weights_of_its_rows(iris, class_weight, own):
    X, y = iris[0][:120], iris[1][:120]
    by_class = NetClassifier(**SMALL, class_weight=class_weight).fit(X, y, own)
    given = np.ones(120) if own is None else own
    factors = compute_class_weight(class_weight, classes=np.arange(3), y=y, sample_weight=given)
    by_row = NetClassifier(**SMALL).fit(X, y, given * factors[y])
    np.testing.assert_allclose(by_class.predict_proba(X), by_row.predict_proba(X), atol=1e-6)
    plain = NetClassifier(**SMALL).fit(X, y, own)
    assert not np.allclose(by_class.predict_proba(X), plain.predict_proba(X), atol=1e-2)


def test_it_is_balanced_on_the_rows_of_each_call(iris):
    X, y = iris[0][:120], iris[1][:120]
    by_class = NetClassifier(**SMALL, class_weight="balanced").partial_fit(X, y)
    by_row = NetClassifier(**SMALL).partial_fit(X, y, sample_weight=[1.0] * 100 + [2.5] * 20)
    np.testing.assert_allclose(by_class.predict_proba(X), by_row.predict_proba(X), atol=1e-6)


def test_rows_of_a_class_of_weight_0_are_left_out_and_the_class_stays(iris):
    X, y = iris
    net = NetClassifier(**SMALL, class_weight={0: 0}, iterator_train__shuffle=False).fit(X, y)
    assert net.classes_.tolist() == [0, 1, 2]
    rest = NetClassifier(**SMALL, classes=[0, 1, 2], iterator_train__shuffle=False)
    rest.fit(X[50:], y[50:])
    np.testing.assert_allclose(net.predict_proba(X), rest.predict_proba(X), atol=1e-6)


def test_rows_that_are_no_array_have_no_weights_of_classes(iris):
    X, y = iris
    message = "class_weight must be None for rows that are no array, got 'balanced'"
    with pytest.raises(InvalidParameterError, match=message):
        NetClassifier(**SMALL, class_weight="balanced").fit({"x": X}, y)
