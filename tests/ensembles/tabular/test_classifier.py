"""The classifier of tables as its users meet it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

import skensemble
from skensemble import TabularSnapshotClassifier
from tests.ensembles.tabular.conftest import classifier, make_table

LEARNING = {"max_steps": None, "hidden_units": (16,)}


def test_they_are_where_people_look():
    for name in ("TabularSnapshotClassifier", "TabularSnapshotRegressor"):
        assert getattr(skensemble, name) is getattr(skensemble.ensembles, name)
        assert name in skensemble.__all__
        assert name not in skensemble.ensembles.methods.__all__


def test_it_learns_what_there_is_to_learn():
    X, y = make_table(500)
    fresh, labels = make_table(2000, seed=1)
    model = classifier(**LEARNING).fit(X, y)
    # The most frequent class has less than a half.
    assert np.bincount(y).max() < 0.5 * len(y)
    score = accuracy_score(labels, model.predict(fresh))
    assert score > 0.6
    # Four standard errors of 500 rows.
    assert model.oof_score_ == pytest.approx(score, abs=4 * (score * (1 - score) / 500) ** 0.5)


@pytest.mark.parametrize(
    "labels",
    [["no", "so-so", "yes"], [-1, 0, 1], [0.0, 1.0, 2.0]],
)
def test_labels_of_any_kind_come_back(table, fitted, labels):
    X, y = table
    own = np.array(labels)[y]
    for given in (own, pd.Series(own), pd.Series(own).astype("category"), own.tolist()):
        model = classifier().fit(X, given)
        assert model.classes_.tolist() == labels
        assert (model.predict_proba(X) == fitted.predict_proba(X)).all()
        assert set(model.predict(X)) <= set(labels)
        assert model.oof_score_ == fitted.oof_score_


def test_labels_that_are_no_classes_are_refused(table):
    X, y = table
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        classifier().fit(X, y + 0.5)
    with pytest.raises(ValueError, match="y must hold at least 2 classes, got 1 class"):
        classifier().fit(X, np.zeros(240))
    with pytest.raises(ValueError, match="NaN"):
        classifier().fit(X, np.r_[np.nan, y[1:]])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classifier().fit(X, y[1:])


def test_weights_of_classes_are_those_of_their_rows(table):
    X, y = table
    weight = np.array([1.0, 5.0, 1.0])
    by_class = classifier(class_weight={1: 5.0}, weights="uniform").fit(X, y)
    by_row = classifier(weights="uniform").fit(X, y, sample_weight=weight[y])
    plain = classifier(weights="uniform").fit(X, y)
    proba = [model.predict_proba(X) for model in (by_class, by_row, plain)]
    np.testing.assert_allclose(proba[0], proba[1], rtol=1e-4, atol=1e-5)
    # Sixty steps have moved it a little.
    assert (proba[0].mean(0) - proba[2].mean(0))[1] > 0.01


def test_balanced_weights_are_those_of_the_class_sizes(table):
    X, y = table
    balanced = classifier(class_weight="balanced").fit(X, y).predict_proba(X)
    sizes = {k: len(y) / (3 * n) for k, n in enumerate(np.bincount(y))}
    by_hand = classifier(class_weight=sizes).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(balanced, by_hand, rtol=1e-5)
    assert (balanced != classifier().fit(X, y).predict_proba(X)).any()


def test_defaults_are_those_that_are_documented():
    found = TabularSnapshotClassifier().get_params()
    assert found == {
        **{"M": 3, "n_nets": 16, "cv": 4, "hidden_units": (64, 64), "max_steps": None},
        **{"max_cycles": None, "time_budget": None, "alpha_zero": 0.005, "class_weight": None},
        **{"categorical_features": "from_dtype", "weights": "out_of_fold", "random_state": None},
        **{"n_jobs": None, "device": "auto", "verbose": 0},
    }


@pytest.mark.parametrize(
    ("n_nets", "cv", "expected"), [(4, 2, 4), (3, 2, 4), (1, 4, 4), (5, 3, 6), (9, 2, 10)]
)
def test_nets_are_rounded_up_to_whole_groups(table, n_nets, cv, expected):
    model = classifier(n_nets=n_nets, cv=cv, max_steps=2).fit(*table)
    assert model.n_nets_ == len(model.members_) == expected
    assert len(model._tables_) == expected // cv
