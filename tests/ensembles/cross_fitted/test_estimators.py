"""The two estimators as their users meet them."""

import pickle

import numpy as np
import pytest

import skensemble
from tests.conftest import ALL_SMALL


@pytest.mark.parametrize("kind", ["Classifier", "Regressor"])
def test_they_are_where_people_look(kind):
    name = f"CrossFittedEnsemble{kind}"
    assert getattr(skensemble, name) is getattr(skensemble.ensembles, name)
    assert name in skensemble.__all__
    assert name not in skensemble.ensembles.methods.__all__


@pytest.mark.parametrize("kind", ["Classifier", "Regressor"])
def test_pickles_hold_weights_and_what_was_left_out(kind, iris, diabetes):
    X, y = iris if kind == "Classifier" else diabetes
    ensemble = ALL_SMALL[f"CrossFittedEnsemble{kind}"]().fit(X, y)
    loaded = pickle.loads(pickle.dumps(ensemble))
    assert (loaded.predict(X) == ensemble.predict(X)).all()
    assert (loaded.weights_ == ensemble.weights_).all()
    assert loaded.oof_score_ == ensemble.oof_score_
    loaded.m = 1
    assert loaded.weights_.tolist() == [0, 0, *loaded.weights_[2:]]
    assert loaded.weights_.sum() == pytest.approx(1)


def test_labels_of_any_kind_come_back(iris):
    X, y = iris
    labels = np.array(["no", "so-so", "yes"])[y]
    ensemble = ALL_SMALL["CrossFittedEnsembleClassifier"]().fit(X, labels)
    assert set(ensemble.predict(X)) == set(labels)
    assert ensemble.oof_decision_function_.shape == (150, 3)
    np.testing.assert_allclose(ensemble.oof_decision_function_.sum(1), 1, rtol=1e-5)
