"""Cycles after cycles: how long they are, and at which rates."""

import numpy as np


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
