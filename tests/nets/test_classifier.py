"""The classifier net: labels, and how well its defaults do."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from torch import nn

from skensemble import NetClassifier

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
