"""One more cycle on some rows, where a method can go on."""

import pickle

import numpy as np
import pytest
from sklearn.base import is_classifier

from skensemble import (
    DeepEnsembleClassifier,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)
from skensemble.ensembles import methods
from tests.ensembles.conftest import assert_same_members

pytestmark = pytest.mark.filterwarnings("ignore:On the validation rows")


def test_partial_fit_takes_rows_piece_by_piece(make_snapshot, data):
    X, y = data
    ensemble = make_snapshot(M=5)
    for k in range(7):
        classes = np.unique(y) if k == 0 and is_classifier(ensemble) else None
        ensemble.partial_fit(X[k::7], y[k::7], classes=classes)
        assert len(ensemble.members_) == k + 1
    n_batches = [len(X[k::7]) // 32 + (len(X[k::7]) % 32 > 1) for k in range(7)]
    # 20 epochs are four for each of five cycles.
    assert np.diff(ensemble.member_steps_, prepend=0).tolist() == [4 * n for n in n_batches]
    assert ensemble.n_iter_ == 4 * 7
    assert ensemble.learning_rates_[ensemble.member_steps_[:-1]].tolist() == [0.1] * 6
    assert ensemble.score(X, y) > 0.4
    again = pickle.loads(pickle.dumps(ensemble)).partial_fit(X, y)
    assert_same_members(ensemble.partial_fit(X, y), again)


def test_classes_are_known_from_the_first_call(make_classifier, iris):
    X, y = iris
    ensemble = make_classifier().partial_fit(X[:100], y[:100], classes=[2, 0, 1])
    assert ensemble.classes_.tolist() == [0, 1, 2]
    ensemble.partial_fit(X[100:], y[100:], classes=[0, 1, 2]).partial_fit(X, y)
    assert len(ensemble.members_) == 3
    with pytest.raises(ValueError, match=r"classes must be None or those of before, \[0, 1, 2\], "):
        ensemble.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"y of a further fit must hold classes seen in y, got "):
        ensemble.partial_fit(X, np.where(y == 0, 7, y))
    with pytest.raises(ValueError, match=r"y must hold classes seen in y, got \[2\]"):
        make_classifier().partial_fit(X, y, classes=[0, 1])
    seen = make_classifier().partial_fit(X[:100], y[:100])
    assert seen.classes_.tolist() == [0, 1]


def test_classes_of_a_regressor(make_regressor, diabetes):
    with pytest.raises(ValueError, match="classes must be None for a regressor"):
        make_regressor().partial_fit(*diabetes, classes=[0, 1])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"m": "auto"}, "m must be an int or None for partial_fit, which holds no rows out"),
        ({"validation_fraction": 0.2}, "validation_fraction must be None for partial_fit, which h"),
        ({"M": 0}, "M must be an int >= 1"),
        ({"m": 9}, r"m must be an int in 1\.\.3, None or 'auto', got 9"),
    ],
)
def test_bad_parameters_of_partial_fit(make_snapshot, data, parameters, message):
    ensemble = make_snapshot(**parameters)
    before = vars(ensemble).copy()
    with pytest.raises(ValueError, match=message):
        ensemble.partial_fit(*data)
    assert vars(ensemble) == before
    fitted = make_snapshot().partial_fit(*data)
    with pytest.raises(ValueError, match=message):
        fitted.set_params(**parameters).partial_fit(*data)
    assert len(fitted.members_) == 1


def test_m_may_be_more_than_there_are_members_yet(make_snapshot, data):
    ensemble = make_snapshot(m=2).partial_fit(*data)
    assert ensemble.weights_.tolist() == [1.0]
    assert ensemble.partial_fit(*data).partial_fit(*data).weights_.tolist() == [0, 1 / 2, 1 / 2]


def test_a_fit_goes_on_from_partial_fits_and_they_from_it(make_classifier, iris):
    ensemble = make_classifier(M=2, warm_start=True).partial_fit(*iris)
    # Ten epochs of five batches, and one more cycle of as many.
    ensemble.fit(*iris).partial_fit(*iris)
    assert ensemble.member_steps_.tolist() == [50, 100, 150]
    assert make_classifier(M=2).partial_fit(*iris).fit(*iris).n_steps_ == 100


SILENT = [name for name in methods.__all__ if "Snapshot" not in name]


@pytest.mark.parametrize("name", SILENT)
def test_other_methods_do_not_go_on_and_say_which_do(name):
    ensemble = getattr(methods, name)()
    assert not hasattr(ensemble, "partial_fit")
    assert not hasattr(type(ensemble), "partial_fit")
    assert "warm_start" not in ensemble.get_params()
    with pytest.raises(AttributeError, match=f"{name}.* only snapshot ensembles go on"):
        _ = ensemble.partial_fit


def test_an_attribute_that_is_not_there_is_named_as_ever():
    with pytest.raises(AttributeError, match="has no attribute 'partial_fits'"):
        _ = DeepEnsembleClassifier().partial_fits


def test_both_snapshot_ensembles_are_tried():
    assert {SnapshotEnsembleClassifier, SnapshotEnsembleRegressor} == {
        getattr(methods, name) for name in set(methods.__all__) - set(SILENT)
    }
