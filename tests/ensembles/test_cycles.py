"""Cycles after cycles: how long they are, and at which rates."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from tests.ensembles.conftest import assert_same_members


def test_further_cycles_are_as_long_as_the_last_one(make_classifier, iris):
    ensemble = make_classifier(M=2, cycle_mult=4, warm_start=True).fit(*iris)
    assert ensemble.member_steps_.tolist() == [20, 100]
    ensemble.set_params(M=4).fit(*iris)
    assert ensemble.member_steps_.tolist() == [20, 100, 180, 260]
    # Each begins at the peak, and has the rates of a cycle of 80 steps.
    assert ensemble.learning_rates_[[100, 180]].tolist() == [0.1, 0.1]
    assert (ensemble.learning_rates_[100:180] == ensemble.learning_rates_[180:]).all()
    np.testing.assert_allclose(ensemble.learning_rates_[100:180], ensemble.learning_rates_[20:100])


def test_cycles_may_end_within_an_epoch(make_classifier, iris):
    # 100 steps, 5 an epoch: three cycles of 34, 33 and 33.
    ensemble = make_classifier(warm_start=True).fit(*iris)
    ensemble.set_params(M=4).fit(*iris)
    assert ensemble.member_steps_.tolist() == [34, 67, 100, 133]
    assert ensemble.n_steps_ == 133
    # 6 epochs and 3 steps.
    assert ensemble.n_iter_ == 20 + 6
    ensemble.set_params(M=5).fit(*iris)
    assert ensemble.member_steps_.tolist() == [34, 67, 100, 133, 166]


@pytest.mark.parametrize("warmup", [30, 0.3])
def test_the_first_steps_warm_up(make_classifier, iris, warmup):
    # 100 steps in cycles of 20 and 80.
    plain, warm = (
        make_classifier(M=2, cycle_mult=4, warmup=w, warm_start=True).fit(*iris)
        for w in (0, warmup)
    )
    factors = np.minimum(1, np.arange(1, 101) / 30)
    np.testing.assert_allclose(warm.learning_rates_, factors * plain.learning_rates_, rtol=1e-12)
    assert warm.learning_rates_[0] == pytest.approx(0.1 / 30)
    assert warm.member_steps_.tolist() == [20, 100]
    # Three tenths of 340 steps would be 102; further cycles are warm already.
    for ensemble in (plain, warm):
        ensemble.set_params(M=5).fit(*iris)
    assert warm.learning_rates_[100:].tolist() == plain.learning_rates_[100:].tolist()


@pytest.mark.parametrize("warmup", [60, 0.6])
def test_cycle_by_cycle_a_warmup_is_that_of_one_fit(make_classifier, iris, warmup):
    whole = make_classifier(M=4, warmup=warmup).fit(*iris)
    pieces = make_classifier(M=4, warmup=warmup)
    for _ in range(4):
        pieces.partial_fit(*iris)
    # 100 steps, of which the warm-up is 60: cycles end within it.
    assert pieces.learning_rates_.tolist() == whole.learning_rates_.tolist()
    assert whole.learning_rates_[[0, 25, 75]] == pytest.approx([0.1 / 60, 0.1 * 26 / 60, 0.1])
    assert_same_members(pieces, whole)
    further = pickle.loads(pickle.dumps(pieces)).partial_fit(*iris)
    assert further.learning_rates_[100] == 0.1


def test_a_warmup_of_partial_fits_counts_the_steps_that_were_made(make_classifier, iris):
    X, y = iris
    ensemble = make_classifier(M=4, warmup=40)
    for rows in (slice(0, 150, 3), slice(None), slice(None)):
        ensemble.partial_fit(X[rows], y[rows])
    # Two batches of 50 rows and five of 150, in cycles of five epochs.
    assert ensemble.member_steps_.tolist() == [10, 35, 60]
    rates = ensemble.learning_rates_[[0, 10, 35]]
    assert rates == pytest.approx([0.1 / 40, 0.1 * 11 / 40, 0.1 * 36 / 40])


def test_further_cycles_end_a_warmup_that_the_first_fit_was_too_short_for(make_classifier, iris):
    # Two cycles of 50 steps, then one more.
    ensemble = make_classifier(M=2, warmup=120, warm_start=True)
    with pytest.warns(ConvergenceWarning, match="warm-up of 120 steps is longer than .* T=100"):
        ensemble.fit(*iris)
    ensemble.set_params(M=3).fit(*iris)
    factors = np.minimum(1, np.arange(1, 151) / 120)
    cosine = 0.1 / 2 * (np.cos(np.pi * np.arange(50) / 50) + 1)
    np.testing.assert_allclose(ensemble.learning_rates_, factors * np.tile(cosine, 3), rtol=1e-12)
