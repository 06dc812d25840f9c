"""Rows that `fit` holds out by itself."""

from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, SnapshotEnsembleClassifier
from skensemble.ensembles._held_out import split_rows
from skensemble.posteriors import n_effective_rows
from skensemble.seeding import draw_seed, streams_of
from tests.ensembles.conftest import assert_refused, output

pytestmark = pytest.mark.filterwarnings("ignore:On the validation rows")


def split_by_hand(X, y, weight, *, classify, random_state=0):
    seed = streams_of(draw_seed(random_state)).validation
    return split_rows((X, y, weight), 0.25, classify=classify, seed=seed)


def test_a_fraction_gives_what_its_rows_give_as_x_val(make_ensemble, data):
    X, y = data
    weight = np.linspace(0.5, 1.5, len(X))
    ensemble = make_ensemble(validation_fraction=0.25, m="auto").fit(X, y, sample_weight=weight)
    classify = is_classifier(ensemble)
    training, validation = split_by_hand(X, y, weight, classify=classify)
    by_hand = make_ensemble(m="auto").fit(
        training[0],
        training[1],
        training[2],
        X_val=validation[0],
        y_val=validation[1],
        sample_weight_val=validation[2],
    )
    # Weights of training rows are kept in the precision of the net.
    np.testing.assert_allclose(ensemble.validation_scores_, by_hand.validation_scores_, rtol=1e-6)
    assert ensemble.weights_.tolist() == by_hand.weights_.tolist()
    assert (output(ensemble, X) == output(by_hand, X)).all()


def test_rows_of_any_kind_are_held_out(make_classifier, iris):
    X, y = iris
    expected = make_classifier(validation_fraction=0.25).fit(X, y).validation_scores_
    for rows in (X.tolist(), csr_array(X)):
        ensemble = make_classifier(validation_fraction=0.25).fit(rows, np.array(["a", "b", "c"])[y])
        assert ensemble.validation_scores_ == pytest.approx(expected)


def test_rows_of_weight_0_are_not_held_out_either(make_classifier, iris):
    X, y = iris
    weight = np.ones(150)
    weight[::2] = 0
    whole = make_classifier(validation_fraction=0.25).fit(X, y, sample_weight=weight)
    half = make_classifier(validation_fraction=0.25)
    half.fit(X[1::2], y[1::2], sample_weight=weight[1::2])
    assert (whole.predict_proba(X) == half.predict_proba(X)).all()


def test_the_fraction_changes_nothing_else_that_is_drawn(make_classifier, iris):
    X, y = iris
    one, other = (
        make_classifier(validation_fraction=0.25, random_state=seed).fit(X, y) for seed in (0, 1)
    )
    assert not np.array_equal(one.predict_proba(X), other.predict_proba(X))
    assert one.n_steps_ == 20 * 4


@pytest.mark.parametrize("fraction", [0, 1, 0.0, 1.0, -0.1, True, "auto", float("nan")])
def test_a_bad_fraction(make_snapshot, data, fraction):
    message = f"validation_fraction must be a finite number > 0 and < 1, got {fraction!r}"
    assert_refused(
        make_snapshot, data, message, lambda e: e.fit(*data), validation_fraction=fraction
    )


def test_a_fraction_beside_validation_rows(make_snapshot, data):
    X, y = data
    message = r"validation_fraction must be None for a fit with X_val and y_val, got 0\.2"
    assert_refused(
        make_snapshot,
        data,
        message,
        lambda e: e.fit(X, y, X_val=X, y_val=y),
        validation_fraction=0.2,
    )


def test_m_auto_names_the_fraction(make_snapshot, data):
    message = "for a fit without X_val and y_val, got 'auto'. Or set validation_fraction, which h"
    assert_refused(make_snapshot, data, message, lambda e: e.fit(*data), m="auto")


def test_m_auto_is_searched_and_scored_without_validation_rows(iris):
    ensemble = SnapshotEnsembleClassifier(M=3, validation_fraction=0.2, random_state=0)
    search = GridSearchCV(ensemble, {"m": [1, "auto"]}, cv=2, error_score="raise").fit(*iris)
    assert search.best_score_ > 0.8
    assert len(cross_val_score(ensemble, *iris, cv=2, error_score="raise")) == 2


def embedded():
    return nn.Sequential(nn.Embedding(20, 3), nn.Flatten(), nn.Linear(6, 2))


def test_fractions_beside_whole_numbers_are_kept_or_refused():
    X, y = np.arange(60).reshape(30, 2) % 20, np.arange(30) % 2
    settings = {"M": 2, "m": 2, "random_state": 0}
    ids = SnapshotEnsembleClassifier(NetClassifier(embedded, max_epochs=20), **settings)
    with pytest.raises(InvalidParameterError, match=r"^X_val must hold whole numbers, .* got 0\.5"):
        ids.fit(X, y, X_val=X + 0.5, y_val=y)
    ids.fit(X, y, X_val=X.astype(float), y_val=y)
    with pytest.raises(InvalidParameterError, match=r"^X must hold whole numbers, .* got 0\.5"):
        ids.predict(X + 0.5)
    values = SnapshotEnsembleClassifier(
        NetClassifier(partial(nn.Linear, 2, 2), max_epochs=20), **settings
    )
    scores = values.fit(X, y, X_val=X + 0.5, y_val=y).validation_scores_
    floats = values.fit(X.astype(float), y, X_val=X + 0.5, y_val=y).validation_scores_
    assert scores.tolist() == floats.tolist()


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3, 1: 0.7}])
@pytest.mark.parametrize(("weight", "n_rows"), [(None, 150), (2.0, 300), (0.3, 150)])
def test_weights_of_classes_do_not_change_how_many_rows_there_are(
    iris, class_weight, weight, n_rows
):
    net = NetClassifier(class_weight=class_weight)
    weight = None if weight is None else np.full(150, weight)
    nothing = None, None, None
    data, _ = SnapshotEnsembleClassifier()._learn_data(net, *iris, weight, nothing, seed=0)
    assert n_effective_rows(data) == n_rows
    net.class_weight = {0: 0}
    data, _ = SnapshotEnsembleClassifier()._learn_data(net, *iris, weight, nothing, seed=0)
    assert n_effective_rows(data) == 2 * n_rows / 3


def test_validation_rows_of_weight_0_are_no_rows(make_classifier, iris):
    X, y = iris
    # Of a class that training rows do not have.
    X_val, y_val = np.vstack([X, X[:1]]), np.r_[y, 99]
    ensemble, weight = make_classifier(m="auto"), np.r_[np.ones(len(X)), 0.0]
    with_it = ensemble.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    scores = with_it.validation_scores_.tolist()
    assert scores == ensemble.fit(X, y, X_val=X, y_val=y).validation_scores_.tolist()
