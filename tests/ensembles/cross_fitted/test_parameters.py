"""The parameters, and the method that trains each net."""

import numpy as np
import pytest
from torch import nn

from skensemble import (
    CrossFittedEnsembleClassifier,
    DeepEnsembleClassifier,
    InvalidParameterError,
    NetClassifier,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
    SWAClassifier,
)
from tests.ensembles.cross_fitted.conftest import SMALL, answers, classifier


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_nets": 0}, "n_nets must be an int >= 1, got 0"),
        ({"cv": 1}, "cv must be an int >= 2"),
        ({"weights": "validation"}, "weights must be 'uniform' or 'out_of_fold', got 'validation'"),
        ({"m": 4}, r"m must be None or an int in 1\.\.3, the positions to average, got 4"),
        (
            {"m": "auto"},
            r"m must be None or an int in 1\.\.3, the positions to average, got 'auto'",
        ),
        ({"max_cycles": 0}, "max_cycles must be an int >= 1, got 0"),
        ({"max_cycles": 2}, "max_cycles must be at least the M=3 cycles of estimator, got 2"),
        ({"store_oof": "yes"}, "store_oof must be True or False, got 'yes'"),
        ({"lockstep": "yes"}, "lockstep must be True, False or 'auto', got 'yes'"),
        ({"n_jobs": 0}, "n_jobs must be None or an int other than 0, got 0"),
        ({"estimator": SnapshotEnsembleRegressor()}, "estimator must be an ensemble that is a cl"),
        ({"estimator": CrossFittedEnsembleClassifier()}, "and not cross-fitted itself"),
        (
            {"estimator": 3},
            "not cross-fitted itself, a net or None, got 3",
        ),
        ({"estimator__m": 1}, "estimator__m must be None, which leaves it to CrossFitted"),
        ({"estimator__weights": "validation"}, "estimator__weights must be 'uniform', which"),
        ({"estimator__validation_fraction": 0.2}, "estimator__validation_fraction must be None"),
        ({"estimator__warm_start": True}, "estimator__warm_start must be False"),
        ({"estimator__M": 0}, "M must be an int >= 1, got 0"),
    ],
)
def test_bad_parameters_are_refused_before_training(hard, parameters, message):
    (X, y), _ = hard
    ensemble = classifier().set_params(**parameters)
    with pytest.raises(InvalidParameterError, match=message):
        ensemble.fit(X, y)
    assert not hasattr(ensemble, "members_")


def test_a_method_without_cycles_cannot_grow(hard):
    (X, y), _ = hard
    method = SWAClassifier(NetClassifier(**SMALL), n_averaged=3)
    with pytest.raises(InvalidParameterError, match="max_cycles must be None for a SWAClassifier"):
        CrossFittedEnsembleClassifier(method, cv=2, max_cycles=3).fit(X, y)


@pytest.mark.parametrize(("n_nets", "cv", "n"), [(1, 4, 4), (8, 4, 8), (7, 3, 9), (5, 2, 6)])
def test_nets_are_rounded_up_to_whole_groups(hard, n_nets, cv, n):
    (X, y), _ = hard
    ensemble = classifier({"max_epochs": 3}, M=1, n_nets=n_nets, cv=cv).fit(X, y)
    assert ensemble.n_nets_ == n
    assert ensemble.member_nets_.tolist() == list(range(n))


@pytest.mark.filterwarnings("ignore:A cycle of")
def test_what_is_no_ensemble_is_trained_by_snapshots_of_growing_cycles(hard):
    (X, y), (fresh, _) = hard
    net = NetClassifier(**SMALL)
    parameters = {"n_nets": 2, "cv": 2, "random_state": 0}
    ensemble = CrossFittedEnsembleClassifier(net, **parameters).fit(X, y)
    method = SnapshotEnsembleClassifier(net, M=5, cycle_mult=2.0)
    same = CrossFittedEnsembleClassifier(method, **parameters).fit(X, y)
    assert (answers(ensemble, fresh) == answers(same, fresh)).all()


class Two(nn.Linear):
    """A module of two outputs."""

    def __init__(self, n_features):
        super().__init__(n_features, 2)


@pytest.mark.parametrize("estimator", [None, Two])
def test_a_module_and_none_are_trained_by_the_default_net(hard, estimator):
    (X, y), _ = hard
    ensemble = CrossFittedEnsembleClassifier(estimator, n_nets=2, cv=2, random_state=0)
    assert ensemble.fit(X, y).score(X, y) > 0.6


def test_parameters_of_method_and_net_can_be_searched_over():
    ensemble = classifier()
    ensemble.set_params(estimator__M=2, estimator__estimator__max_epochs=5)
    assert ensemble.estimator.M == 2
    assert ensemble.estimator.estimator.max_epochs == 5
    with pytest.raises(ValueError, match="n_nets"):
        ensemble.set_params(n_net=3)


def test_the_rate_of_the_method_is_no_reason_to_warn(hard, recwarn):
    (X, y), _ = hard
    classifier({"lr": 0.05}, of_method={"alpha_zero": 0.05}).fit(X, y)
    assert not [w for w in recwarn if "has no effect" in str(w.message)]
    with pytest.warns(UserWarning, match=r"lr=0.07 of the net has no effect.*now 0.05"):
        classifier({"lr": 0.07}, of_method={"alpha_zero": 0.05}).fit(X, y)


def test_the_seed_is_the_own_one_then_that_of_the_method_then_that_of_the_net(hard):
    (X, y), (fresh, _) = hard

    def proba(own=None, of_method=None, of_net=None):
        """Fit with a seed in one of the places."""
        ensemble = classifier({"random_state": of_net}, of_method={"random_state": of_method})
        return ensemble.set_params(random_state=own).fit(X, y).predict_proba(fresh)

    expected = proba(own=7)
    assert (proba(of_method=7) == expected).all()
    assert (proba(of_net=7) == expected).all()
    assert (proba(own=7, of_method=1, of_net=2) == expected).all()
    assert (proba(own=8) != expected).any()


def test_a_module_that_is_there_already_is_refused(hard):
    (X, y), _ = hard
    with pytest.raises(InvalidParameterError, match="a net whose module is a class or a function"):
        classifier(NetClassifier(Two(8))).fit(X, y)


def test_the_seed_decides_on_the_folds(hard):
    (X, y), _ = hard
    folds = [classifier(M=1, random_state=s).fit(X, y).test_fold_ for s in (0, 0, 1)]
    assert (folds[0] == folds[1]).all()
    assert (folds[0] != folds[2]).any()


def test_a_deep_ensemble_of_deep_ensembles(hard):
    (X, y), _ = hard
    ensemble = classifier(method=DeepEnsembleClassifier, M=2).fit(X, y)
    assert len(ensemble.members_) == 8
    assert len({member["0.weight"].tobytes() for member in ensemble.members_}) == 8
    assert np.isfinite(ensemble.oof_decision_function_).all()
