"""What a fit leaves on an ensemble: pickles, copies, a later fit."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning

import skensemble
from tests.ensembles.conftest import output


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
