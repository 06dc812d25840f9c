"""Copies of ensembles with other members: they predict, and the ensemble stays as it is."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from torch import nn

from skensemble import (
    CrossFittedEnsembleClassifier,
    InvalidParameterError,
    NetClassifier,
    SnapshotEnsembleClassifier,
)
from skensemble.weight_space import average_of, interpolate, with_members
from tests.conftest import ALL_SMALL
from tests.ensembles.conftest import halves, output


def member_output(ensemble, X):
    return (ensemble.member_predict_proba if is_classifier(ensemble) else ensemble.member_predict)(
        X
    )


@pytest.mark.parametrize("name", [name for name in ALL_SMALL if not name.startswith("Tabular")])
def test_every_ensemble_takes_other_members(name, iris, diabetes):
    ensemble = ALL_SMALL[name]()
    X, y = iris if is_classifier(ensemble) else diabetes
    ensemble.fit(X, y)
    before, expected = vars(ensemble).copy(), member_output(ensemble, X)
    members = [ensemble.members_[-1], average_of(ensemble.members_), dict(ensemble.members_[0])]
    other = with_members(ensemble, members)
    found = member_output(other, X)
    # Members are computed alone or together: float32 rounds by the way.
    tolerance = {"rtol": 1e-4, "atol": 1e-4 * np.abs(expected).max()}
    np.testing.assert_allclose(found[0], expected[-1], **tolerance)
    np.testing.assert_allclose(found[2], expected[0], **tolerance)
    np.testing.assert_allclose(output(other, X), found.mean(axis=0), **tolerance)
    assert other.weights_.tolist() == [1 / 3] * 3
    loaded = pickle.loads(pickle.dumps(other))
    np.testing.assert_allclose(output(loaded, X), output(other, X), **tolerance)
    assert len(list(other.staged_score(X, y))) == 3
    assert vars(ensemble).keys() == before.keys()
    assert all(vars(ensemble)[key] is before[key] for key in before)
    assert (member_output(ensemble, X) == expected).all()


def test_weights_are_uniform_and_what_was_learnt_of_other_members_is_gone(weighed):
    ensemble, _ = weighed
    ensemble.m = 2
    other = with_members(ensemble, ensemble.members_[:2])
    assert other.weights_.tolist() == [1 / 2] * 2
    assert (other.m, other.weights) == (None, "uniform")
    assert (ensemble.m, ensemble.weights) == (2, "validation")
    for name in ("member_steps_", "validation_scores_", "weighted_validation_score_"):
        assert hasattr(ensemble, name)
        assert not hasattr(other, name)
    assert other.n_steps_ == ensemble.n_steps_
    with pytest.raises(InvalidParameterError, match="weights must be 'uniform' until a fit has"):
        other.set_params(weights="validation")._weights()
    other.set_params(weights="uniform", m=3)
    assert other.m == 3


def test_members_are_copied(make_classifier, iris):
    ensemble = make_classifier().fit(*iris)
    point = interpolate(*ensemble.members_[:2], 0.5)
    other = with_members(ensemble, [point])
    expected = other.predict_proba(iris[0])
    for array in point.values():
        array[...] = 0
    assert (other.predict_proba(iris[0]) == expected).all()


def normed_net():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    return NetClassifier(module, max_epochs=6, batch_size=16)


@pytest.fixture
def normed(iris):
    return SnapshotEnsembleClassifier(normed_net(), M=2, random_state=0).fit(*iris)


def test_statistics_of_batch_normalisation_are_those_of_the_rows(normed, iris):
    X, _ = iris
    point = interpolate(*normed.members_, 0.5)
    before = {name: array.copy() for name, array in point.items()}
    # Sorted by class, batches of 16 rows would vary too little.
    (found,) = with_members(normed, [point], X).members_
    hidden = X @ point["0.weight"].T + point["0.bias"]
    np.testing.assert_allclose(found["1.running_mean"], hidden.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found["1.running_var"], hidden.var(axis=0, ddof=1), rtol=1e-4)
    assert all((point[name] == before[name]).all() for name in before)
    assert (found["0.weight"] == point["0.weight"]).all()
    # Those that were there count nothing, whatever they are.
    point["1.running_mean"][:] = np.nan
    (again,) = with_members(normed, [point], X).members_
    assert (again["1.running_mean"] == found["1.running_mean"]).all()


def test_the_statistics_are_those_that_predict(normed, iris):
    X, _ = iris
    point = interpolate(*normed.members_, 0.5)
    other = with_members(normed, [point], X)
    own = other.members_[0]
    hidden = (X @ own["0.weight"].T + own["0.bias"] - own["1.running_mean"]) / np.sqrt(
        own["1.running_var"] + 1e-5
    )
    hidden = np.maximum(hidden * own["1.weight"] + own["1.bias"], 0)
    logits = hidden @ own["3.weight"].T + own["3.bias"]
    expected = torch.tensor(logits).softmax(dim=1)
    np.testing.assert_allclose(other.predict_proba(X), expected, atol=1e-5)
    loaded = pickle.loads(pickle.dumps(other))
    assert (loaded.predict_proba(X) == other.predict_proba(X)).all()


def test_large_rows_are_shuffled(normed):
    """Sorted rows in batches would hide how far the batches lie apart."""
    X = np.repeat(np.float32([[0.0] * 4, [10.0] * 4]), 9000, axis=0)
    point = interpolate(*normed.members_, 0.5)
    (found,) = with_members(normed, [point], X).members_
    hidden = X @ point["0.weight"].T + point["0.bias"]
    # Of 4096 rows and more the variance is known to 3 %.
    np.testing.assert_allclose(found["1.running_var"], hidden.var(axis=0), rtol=0.03)
    (again,) = with_members(normed, [point], X).members_
    assert (again["1.running_var"] == found["1.running_var"]).all()


def test_own_members_keep_their_statistics_and_need_no_rows(normed, iris):
    other = with_members(normed, normed.members_[:1])
    assert (other.predict_proba(iris[0]) == normed.member_predict_proba(iris[0])[0]).all()
    again = with_members(normed, [normed.members_[0]], iris[0][:20])
    assert (again.members_[0]["1.running_mean"] == normed.members_[0]["1.running_mean"]).all()


def test_new_members_with_batch_normalisation_need_rows(normed):
    message = "X must be training rows, for the statistics of batch normalisation .* got None"
    with pytest.raises(InvalidParameterError, match=message):
        with_members(normed, [dict(normed.members_[0])])


def test_one_row_has_no_statistics(normed, iris):
    message = r"X must be of at least two rows, for the statistics .* got \(1, 4\)\.$"
    with pytest.raises(InvalidParameterError, match=message):
        with_members(normed, [dict(normed.members_[0])], iris[0][:1])
    found = with_members(normed, [dict(normed.members_[0])], iris[0][:2]).members_[0]
    hidden = iris[0][:2] @ found["0.weight"].T + found["0.bias"]
    np.testing.assert_allclose(found["1.running_mean"], hidden.mean(axis=0), atol=1e-6)


def test_members_may_hold_tensors(normed, iris):
    expected = with_members(normed, [dict(normed.members_[0])], iris[0]).members_[0]
    tensors = {name: torch.tensor(array) for name, array in normed.members_[0].items()}
    found = with_members(normed, [tensors], iris[0]).members_[0]
    assert all((found[name] == expected[name]).all() for name in expected)


class Annealed(nn.Linear):
    """A module that knows how long it was trained."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.n_batches = 0

    def forward(self, x):
        """Be surer of each batch."""
        self.n_batches += self.training
        return super().forward(x) * (1 + self.n_batches / 100)


def test_an_own_member_keeps_what_it_holds_beside_arrays(iris):
    net = NetClassifier(Annealed, max_epochs=6, batch_size=16)
    ensemble = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(*iris)
    expected = ensemble.member_predict_proba(iris[0])
    other = with_members(ensemble, [*ensemble.members_, dict(ensemble.members_[1])])
    found = other.member_predict_proba(iris[0])
    np.testing.assert_allclose(found, expected[[0, 1, 1]], rtol=1e-5)


class OwnWay(NetClassifier):
    """A net with a way of its own from rows to output."""

    def infer(self, x, **fit_params):
        """Give logits that are twice as sure."""
        return 2 * super().infer(x, **fit_params)


def test_a_net_with_a_way_of_its_own_keeps_it(iris):
    X, y = iris
    net = OwnWay(normed_net().module, max_epochs=6, batch_size=16)
    ensemble = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(X, y)
    copied = with_members(ensemble, [dict(ensemble.members_[1])], X)
    assert not copied._predictor_.are_modules
    refreshed = copied.members_[0]
    hidden = X @ refreshed["0.weight"].T + refreshed["0.bias"]
    np.testing.assert_allclose(refreshed["1.running_mean"], hidden.mean(axis=0), atol=1e-5)
    own = with_members(ensemble, [ensemble.members_[1]])
    np.testing.assert_allclose(own.predict_proba(X), ensemble.member_predict_proba(X)[1])


def test_the_last_positions_of_a_cross_fitted_copy_are_its_last_members(iris):
    net = ALL_SMALL["CrossFittedEnsembleClassifier"]().fit(*iris)
    other = with_members(net, net.members_[:3])
    assert other.set_params(m=2).weights_.tolist() == [0, 1 / 2, 1 / 2]
    assert not hasattr(other, "oof_score_")
    assert isinstance(other, CrossFittedEnsembleClassifier)


def test_a_copy_does_not_go_on_training(make_classifier, iris):
    ensemble = make_classifier().fit(*iris)
    other = with_members(ensemble, ensemble.members_)
    with pytest.raises(InvalidParameterError, match="members_ must be those of a training"):
        other.partial_fit(*iris)
    assert other.fit(*iris).member_steps_.tolist() == ensemble.member_steps_.tolist()
    # Nor where the ensemble holds a training that may go on.
    begun = make_classifier().partial_fit(*iris)
    with pytest.raises(InvalidParameterError, match="members_ must be those of a training"):
        with_members(begun, begun.members_).partial_fit(*iris)
    begun.partial_fit(*iris)


@pytest.mark.parametrize("members", [[], None, {"0.weight": 1}, [{}], ["weights"]])
def test_what_are_no_members_is_refused(make_classifier, iris, members):
    ensemble = make_classifier().fit(*iris)
    with pytest.raises(InvalidParameterError, match=r"members(\[0\])? must be a (sequence|dict)"):
        with_members(ensemble, members)
    first = ensemble.members_[0]
    wide = {name: np.zeros((9, *array.shape)) for name, array in first.items()}
    with pytest.raises(InvalidParameterError, match=r"members\[1\] must be a dict of arrays with"):
        with_members(ensemble, [first, wide])


def test_an_ensemble_that_is_not_fitted_has_no_members(make_classifier):
    with pytest.raises(NotFittedError):
        with_members(make_classifier(), [{}])


@pytest.mark.parametrize("name", [name for name in ALL_SMALL if name.startswith("Tabular")])
def test_ensembles_of_tables_take_no_other_members(name, iris):
    ensemble = ALL_SMALL[name]()
    with pytest.raises(InvalidParameterError, match="ensemble must be one whose nets see the same"):
        with_members(ensemble, [{}])


def test_a_validation_score_is_of_the_members_that_were_scored(make_classifier, iris):
    training, held_out = halves(*iris)
    ensemble = make_classifier(m="auto").fit(*training, **held_out)
    other = with_members(ensemble, ensemble.members_)
    with pytest.raises(InvalidParameterError, match="m must be an int or None"):
        other.set_params(m="auto")._weights()
