"""What fast geometric ensembles do beyond the contract."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from skensemble import (
    FastGeometricEnsembleClassifier,
    FastGeometricEnsembleRegressor,
    InvalidParameterError,
    NetClassifier,
)
from skensemble.schedules import plateau_then_linear

# 150 rows in batches of 32 make 5 steps an epoch, 100 in all.
NET = NetClassifier(
    module__hidden_units=(8,), module__activation="relu", max_epochs=20, batch_size=32
)
RATES = {"alpha_zero": 0.1, "alpha_1": 0.05, "alpha_2": 0.001}


def make(net=NET, **parameters):
    settings = {"M": 3, "random_state": 0, **RATES}
    return FastGeometricEnsembleClassifier(net, **(settings | parameters))


def watched_sgd():
    """Give an SGD that notes the size of a momentum buffer before each step, and its notes."""
    sizes = []

    class WatchedSGD(torch.optim.SGD):
        def step(self, closure=None):
            buffer = self.state[self.param_groups[0]["params"][0]].get("momentum_buffer")
            sizes.append(None if buffer is None else buffer.abs().sum().item())
            return super().step(closure)

    return WatchedSGD, sizes


def cycle_rate(i, c):
    """Equation 4 of Garipov et al., 2018, as printed."""
    t = ((i - 1) % c + 1) / c
    if t <= 1 / 2:
        return (1 - 2 * t) * 0.05 + 2 * t * 0.001
    return (2 - 2 * t) * 0.001 + (2 * t - 1) * 0.05


def test_rates_and_steps_are_those_of_the_paper(iris):
    ensemble = make().fit(*iris)
    # The last 20 steps are two cycles of 8 and a half one.
    pretraining = [plateau_then_linear(t, 80, alpha_zero=0.1, end_lr=0.05) for t in range(1, 81)]
    cycles = [cycle_rate(i, 8) for i in range(1, 21)]
    assert ensemble.learning_rates_ == pytest.approx(pretraining + cycles, rel=1e-12)
    assert ensemble.member_steps_.tolist() == [80 + 4, 80 + 12, 80 + 20]
    assert ensemble.learning_rates_[[83, 91, 99]] == pytest.approx([0.001] * 3)


def test_the_regressor_goes_the_same_way(diabetes):
    # 442 rows in batches of 64 make 7 steps; half of 40 * 7 are 140 of 3 half cycles.
    ensemble = FastGeometricEnsembleRegressor(M=2, pretrain_fraction=0.5, random_state=0, **RATES)
    ensemble.fit(*diabetes)
    assert ensemble.member_steps_.tolist() == [140 + 47, 280]
    assert ensemble.score(*diabetes) > 0.4


def test_members_are_different_weights(iris):
    first, second, third = (member["0.weight"] for member in make().fit(*iris).members_)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)


def test_momentum_goes_on_from_pretraining_into_the_cycles(iris):
    optimizer, sizes = watched_sgd()
    make(NetClassifier(module__hidden_units=(8,), max_epochs=20, optimizer=optimizer)).fit(*iris)
    # 150 rows in batches of 64 make 3 steps an epoch.
    assert len(sizes) == 60
    assert sizes[0] is None
    assert min(sizes[1:]) > 0


def test_probabilities_are_the_mean_of_softmaxes_and_not_of_logits(iris):
    X, y = iris
    # Members of a rate this high disagree enough to tell the two means apart.
    ensemble = make(alpha_1=1.0, alpha_2=0.5, pretrain_fraction=0.2).fit(X, y)
    logits = []
    for member in ensemble.members_:
        hidden = np.maximum(X @ member["0.weight"].T + member["0.bias"], 0)
        logits.append(hidden @ member["2.weight"].T + member["2.bias"])
    expected = softmax(logits, axis=-1).mean(0)
    np.testing.assert_allclose(ensemble.predict_proba(X), expected, rtol=1e-4, atol=1e-6)
    assert abs(softmax(np.mean(logits, axis=0), axis=-1) - expected).max() > 0.01


def test_it_is_as_good_as_its_net(iris):
    assert make().fit(*iris).score(*iris) > 0.95


def test_cycles_without_a_step_are_refused(iris):
    with pytest.raises(InvalidParameterError, match=r"23 half cycles of M=12, got 0\.8, which"):
        make(M=12).fit(*iris)


def test_a_lowest_rate_above_the_highest_is_refused(iris):
    with pytest.raises(InvalidParameterError, match=r"alpha_2 must be .* <= 0\.05, got 0\.1\."):
        make(alpha_2=0.1).fit(*iris)
