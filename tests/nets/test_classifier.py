"""The classifier net: labels, and how well its defaults do."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from torch import nn

from skensemble import InvalidParameterError, NetClassifier

SMALL = {"module__hidden_units": (8,), "max_epochs": 10, "batch_size": 32, "random_state": 0}


def test_the_default_net_fits_tabular_data(iris):
    X, y = iris
    assert NetClassifier(random_state=0).fit(X, y).score(X, y) > 0.95


def test_the_single_net_is_about_as_good_as_a_linear_model_on_linear_data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 5))
    y = (X @ [1, -2, 0.5, 0, 3] + rng.logistic(size=600) > 0).astype(int)
    net = NetClassifier(nn.Linear(5, 2), max_epochs=20, lr=0.01, random_state=0)
    linear = LogisticRegression().fit(X[:300], y[:300]).score(X[300:], y[300:])
    assert net.fit(X[:300], y[:300]).score(X[300:], y[300:]) > linear - 0.03


@pytest.mark.parametrize(
    "labels",
    [["b", "a", "c"], [-5, 100, 7], [0.0, 2.0, 1.0], np.array(["b", "a", "c"], dtype=object)],
)
def test_labels_of_any_kind_come_back(iris, labels):
    X, y = iris
    net = NetClassifier(**SMALL).fit(X, np.asarray(labels)[y])
    assert net.classes_.tolist() == sorted(labels)
    assert net.n_outputs_ == 3
    expected = net.classes_[net.predict_proba(X).argmax(axis=1)]
    assert (net.predict(X) == expected).all()
    assert net.score(X, np.asarray(labels)[y]) > 0.8


def test_two_classes_have_a_probability_each():
    X, y = np.arange(20.0)[:, None] - 9.5, np.repeat([True, False], 10)
    net = NetClassifier(**SMALL).fit(X, y)
    assert net.predict_proba(X).shape == (20, 2)
    assert net.predict(X).tolist() == y.tolist()


def test_the_labels_of_a_second_fit_take_the_place_of_the_first(iris):
    X, y = iris
    net = NetClassifier(**SMALL).fit(X, y)
    net.fit(X[:100], np.array(["b", "a"])[y[:100]])
    assert net.classes_.tolist() == ["a", "b"]
    assert net.predict_proba(X).shape == (150, 2)


def test_a_label_that_only_has_weight_0_is_no_class(iris):
    X, y = iris
    net = NetClassifier(**SMALL).fit(X, y, sample_weight=y > 0)
    assert net.classes_.tolist() == [1, 2]


def test_classes_that_are_announced_are_all_there_will_be(iris):
    X, y = iris
    net = NetClassifier(**SMALL).partial_fit(X[:50], y[:50], classes=[2, 0, 1])
    assert net.classes_.tolist() == [0, 1, 2]
    assert net.predict_proba(X).shape == (150, 3)
    with pytest.raises(ValueError, match=r"y must .*7"):
        net.partial_fit(X, np.where(y == 1, 7, y))


@pytest.mark.parametrize("classes", [[0, 1, 2], [1, 2, 0], (2, 1, 0), np.array([2, 0, 1])])
def test_the_order_of_classes_does_not_matter(iris, classes):
    X, y = iris
    net = NetClassifier(**SMALL, classes=classes)
    assert net.classes_.tolist() == [0, 1, 2]
    net.fit(X, y)
    assert net.classes_.tolist() == [0, 1, 2]
    assert (net.predict_proba(X) == NetClassifier(**SMALL).fit(X, y).predict_proba(X)).all()
    assert (net.predict(X) == net.classes_[net.predict_proba(X).argmax(axis=1)]).all()


def test_classes_without_rows_have_a_column_in_their_place(iris):
    X, y = iris
    labels = np.array(["b", "d"])[y[:100]]
    net = NetClassifier(**SMALL, classes=["d", "c", "b", "a"], max_grad_norm=1).fit(X[:100], labels)
    assert net.classes_.tolist() == ["a", "b", "c", "d"]
    proba = net.predict_proba(X[:100])
    # Each class that has rows is more probable than one that has none.
    assert proba[:, [1, 3]].mean(axis=0).min() > 4 * proba[:, [0, 2]].mean(axis=0).max()
    assert net.score(X[:100], labels) > 0.9


def test_one_class_of_several_may_be_all_there_is(iris):
    X, y = iris
    net = NetClassifier(**SMALL, classes=[0, 1]).fit(X[:50], y[:50])
    assert (net.predict(X[:50]) == 0).all()


def test_labels_outside_of_classes_are_refused(iris):
    message = r"y must hold labels among classes=\[0, 1\], got \[2\] as well"
    with pytest.raises(InvalidParameterError, match=message):
        NetClassifier(**SMALL, classes=[1, 0]).fit(*iris)


@pytest.mark.parametrize("classes", [None, []])
def test_without_classes_there_are_none_before_the_fit(classes):
    with pytest.raises(AttributeError, match="NetClassifier has no attribute 'classes_'"):
        _ = NetClassifier(classes=classes).classes_


@pytest.mark.parametrize("given", ["constructor", "partial_fit"])
def test_other_classes_in_a_later_call_are_refused(iris, given):
    X, y = iris
    net = NetClassifier(**SMALL).partial_fit(X, y, classes=[2, 1, 0])
    before = net.predict_proba(X)
    net.set_params(classes=[0, 1, 2, 3] if given == "constructor" else None)
    announced = {} if given == "constructor" else {"classes": [0, 1, 2, 3]}
    message = r"classes.* must be those that the net has learnt, \[0, 1, 2\], got \[0, 1, 2, 3\]"
    with pytest.raises(InvalidParameterError, match=message):
        net.partial_fit(X, y, **announced)
    assert (net.predict_proba(X) == before).all()


def test_classes_of_the_first_call_are_those_of_the_constructor_if_it_has_any(iris):
    X, y = iris
    net = NetClassifier(**SMALL, classes=[0, 1, 2, 3])
    with pytest.raises(InvalidParameterError, match="classes must be those that the net has learn"):
        net.partial_fit(X, y, classes=[0, 1, 2])


def test_a_warm_start_keeps_the_codes_of_its_labels(iris):
    """Rows of some classes train the outputs of these classes, and others are refused."""
    X, y = iris
    net = NetClassifier(**SMALL, warm_start=True).fit(X, y)
    net.fit(X[50:], y[50:])
    assert net.classes_.tolist() == [0, 1, 2]
    assert net.score(X[50:], y[50:]) > 0.8
    with pytest.raises(InvalidParameterError, match=r"y must hold classes seen in y, got \[7\]"):
        net.fit(X, np.where(y == 1, 7, y))
