"""What a fit leaves on an ensemble: pickles, copies, a later fit."""

import copy
import pickle

import joblib
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning

import skensemble
from tests.ensembles.conftest import PressCtrlC, output


def n_members(make):
    return make()._n_members()


def test_clone_pickle_joblib_and_copy(make_ensemble, data, tmp_path):
    X, y = data
    ensemble = make_ensemble().fit(X, y)
    joblib.dump(ensemble, tmp_path / "ensemble.joblib")
    copies = [
        clone(ensemble).fit(X, y),
        pickle.loads(pickle.dumps(ensemble)),
        joblib.load(tmp_path / "ensemble.joblib"),
        joblib.load(tmp_path / "ensemble.joblib", mmap_mode="r"),
        copy.copy(ensemble),
        copy.deepcopy(ensemble),
    ]
    for other in copies:
        assert (output(other, X) == output(ensemble, X)).all()
        assert other.set_params(m=1).weights_.tolist() == [0] * (n_members(make_ensemble) - 1) + [1]


def test_a_pickle_holds_arrays_and_no_tensors(make_ensemble, data):
    ensemble = make_ensemble().fit(*data)
    assert b"torch._utils" not in pickle.dumps(ensemble)
    assert all(type(v) is np.ndarray for member in ensemble.members_ for v in member.values())


def test_a_pickle_holds_the_weights_and_little_more(make_ensemble, data):
    ensemble = make_ensemble().fit(*data)
    arrays = {id(v): v.nbytes for member in ensemble.members_ for v in member.values()}
    weights = sum(arrays.values())
    # Parameters, rates and names; no optimizer, no batches of the history, no data.
    assert len(pickle.dumps(ensemble)) < weights + 12_000 + 100 * ensemble.n_iter_


def test_a_pickle_of_another_version_warns(make_ensemble, data):
    blob = pickle.dumps(make_ensemble().fit(*data))
    own = skensemble.__version__
    other = "9" * len(own)
    assert blob.count(own.encode()) == 1
    with pytest.warns(InconsistentVersionWarning, match=f"version {other} when .* {own}"):
        pickle.loads(blob.replace(own.encode(), other.encode()))


def test_a_state_without_a_version_warns(make_classifier):
    state = make_classifier().__getstate__()
    del state["_skensemble_version"]
    with pytest.warns(InconsistentVersionWarning, match="version unknown"):
        make_classifier().__setstate__(state)


def test_a_fit_that_fails_leaves_no_attribute_behind(make_classifier, iris):
    X, y = iris
    ensemble = make_classifier()
    before = vars(ensemble).copy()
    with pytest.raises(ValueError, match="y_val must hold classes seen"):
        ensemble.fit(X[:100], y[:100], X_val=X, y_val=y)
    assert vars(ensemble) == before


def fewer(make):
    """Give parameters of a shorter ensemble than the small one."""
    names = make().get_params(deep=False)
    return {"M": 2} if "M" in names else {"n_averaged": 2}


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_a_refit_starts_afresh(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble().fit(X, y, X_val=X, y_val=y)
    again = ensemble.set_params(**fewer(make_ensemble)).fit(X, y)
    assert len(again.members_) == again._n_members()
    assert not hasattr(again, "validation_scores_")
    other = make_ensemble(**fewer(make_ensemble)).fit(X, y)
    assert (output(again, X) == output(other, X)).all()


def test_the_html_of_a_fitted_ensemble_is_drawn(make_ensemble, data):
    ensemble = make_ensemble().fit(*data)
    assert "members_" in ensemble._repr_html_()
    ensemble.m = 99
    assert "members_" in ensemble._repr_html_()


def assert_computed_at_once(ensemble, X):
    """Hold that there is a stack of the members that are there, which gives their mean."""
    predictor = ensemble._predictor_
    assert predictor.stacked.members == predictor.members
    assert len(predictor.members) == len(ensemble.members_)
    rows = torch.tensor(X)
    by_hand = sum(
        weight
        * F.linear(
            F.linear(
                rows, *(torch.tensor(member[f"0.{name}"]) for name in ("weight", "bias"))
            ).relu(),
            *(torch.tensor(member[f"2.{name}"]) for name in ("weight", "bias")),
        ).softmax(1)
        for weight, member in zip(ensemble.weights_, ensemble.members_, strict=True)
    )
    # float32 has 6e-8 of 1, for each of some sums.
    np.testing.assert_allclose(ensemble.predict_proba(X), by_hand, atol=2e-6, rtol=0)


@pytest.mark.filterwarnings("ignore:Training was stopped by")
def test_small_nets_are_computed_at_once_whatever_members_come_and_go(make_classifier, iris):
    X, y = iris
    ensemble = make_classifier(warm_start=True).fit(X, y)
    assert_computed_at_once(ensemble, X)
    assert_computed_at_once(ensemble.set_params(m=2), X)
    assert_computed_at_once(pickle.loads(pickle.dumps(ensemble)), X)
    assert_computed_at_once(copy.deepcopy(ensemble), X)
    earlier = copy.copy(ensemble)
    ensemble.set_params(M=5, m=4).fit(X, y)
    assert len(ensemble.members_) == 5
    assert_computed_at_once(ensemble, X)
    assert_computed_at_once(earlier, X)
    assert_computed_at_once(ensemble.partial_fit(X, y), X)


@pytest.mark.filterwarnings("ignore:Training was stopped by")
def test_members_that_ctrl_c_leaves_are_computed_at_once(make_classifier, iris):
    X, y = iris
    ensemble = make_classifier(warm_start=True)
    ensemble.estimator.set_params(callbacks=[PressCtrlC(15)])
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(X, y)
    assert len(ensemble.members_) == 2
    assert_computed_at_once(ensemble, X)
    assert_computed_at_once(pickle.loads(pickle.dumps(ensemble)), X)


def test_prediction_makes_no_stack(make_classifier, iris):
    ensemble = make_classifier().fit(*iris)
    ensemble._predictor_.stacked = None
    ensemble.predict_proba(iris[0])
    assert ensemble._predictor_.stacked is None
