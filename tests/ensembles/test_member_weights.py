"""Weights of members as they follow from `m` and `weights`, before and after `fit`."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from skensemble import InvalidParameterError
from skensemble.averaging import last_m_weights, restrict_weights
from tests.ensembles.conftest import output, weights_by_hand

pytestmark = pytest.mark.filterwarnings("ignore:On the validation rows")


def test_weights_sum_to_1_and_follow_m(make_several, data):
    ensemble = make_several().fit(*data)
    for m, expected in [(None, [1 / 3] * 3), (1, [0, 0, 1]), (2, [0, 0.5, 0.5])]:
        assert ensemble.set_params(m=m).weights_.tolist() == expected


def test_m_costs_no_training_and_gives_what_a_fit_with_it_gives(make_several, data):
    X, y = data
    later = make_several().fit(X, y).set_params(m=2)
    assert (output(later, X) == output(make_several(m=2).fit(X, y), X)).all()


@pytest.mark.parametrize("m", [0, 4, "auto", 1.5])
def test_a_bad_m_after_fit(make_snapshot, data, m):
    ensemble = make_snapshot().fit(*data)
    ensemble.m = m
    with pytest.raises(ValueError, match="m must be an int"):
        ensemble.predict(data[0])
    with pytest.raises(InvalidParameterError, match="m must be an int") as found:
        _ = ensemble.weights_
    assert isinstance(found.value, AttributeError)
    assert not hasattr(ensemble, "weights_")
    ensemble.m = 3
    ensemble.predict(data[0])


def test_m_auto_is_known_only_with_validation_rows(make_classifier, iris):
    X, y = iris
    without = make_classifier().fit(X, y).set_params(m="auto")
    assert not hasattr(without, "weights_")
    with pytest.raises(ValueError, match="m must be an int or None for a fit without X_val"):
        without.predict(X)
    ensemble = make_classifier(m="auto").fit(X, y, X_val=X, y_val=y)
    best = (
        np.argmin(
            [
                F.nll_loss(torch.tensor(p).log(), torch.tensor(y)).item()
                for p in ensemble.staged_predict_proba(X)
            ]
        )
        + 1
    )
    assert (ensemble.weights_ > 0).sum() == best
    with pytest.raises(ValueError, match="m must be an int in"):
        ensemble.set_params(m="best").predict(X)


@pytest.mark.parametrize(("M", "m"), [(1, 2), (3, 4), (3, 0), (3, "best")])
def test_a_bad_m_is_refused_before_the_rows_are_looked_at(make_classifier, M, m):
    with pytest.raises(ValueError, match=rf"m must be an int in 1\.\.{M}, None or 'auto', got"):
        make_classifier(M=M, m=m).fit("no rows", None)


def test_weights_follow_m_and_weights_after_fit(weighed):
    ensemble, held_out = weighed
    fitted = weights_by_hand(ensemble, held_out)
    for m in (1, 2, 3, None):
        weights = ensemble.set_params(m=m).weights_
        assert weights == pytest.approx(restrict_weights(fitted, m), abs=1e-3)
        members = ensemble.set_params(weights="uniform").weights_
        assert members.tolist() == last_m_weights(3, m).tolist()
        assert (ensemble.set_params(weights="validation").weights_ == weights).all()


def test_m_auto_goes_by_equal_weights(weighed):
    ensemble, held_out = weighed
    fitted = weights_by_hand(ensemble, held_out)
    best = int((ensemble.set_params(m="auto", weights="uniform").weights_ > 0).sum())
    weights = ensemble.set_params(weights="validation").weights_
    assert weights == pytest.approx(restrict_weights(fitted, best), abs=1e-3)


def test_weights_that_no_fit_has_found(make_snapshot, data):
    X, y = data
    message = "weights must be 'uniform' until a fit has found other weights, got 'validation'"
    ensemble = make_snapshot(validation_fraction=0.25).fit(X, y)
    with pytest.raises(ValueError, match=message):
        ensemble.set_params(weights="validation").predict(X)
    assert not hasattr(ensemble, "weights_")
    assert len(ensemble.set_params(weights="uniform").predict(X)) == len(X)
    # A fit forgets the weights of the fit before.
    ensemble.set_params(weights="validation").fit(X, y)
    assert len(ensemble.weights_) == 3
    ensemble.set_params(weights="uniform").fit(X, y)
    with pytest.raises(ValueError, match=message):
        ensemble.set_params(weights="validation").predict(X)
    assert not hasattr(ensemble, "weighted_validation_score_")
