"""What each method makes of its training, against a training that is looked on."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import EarlyStopping

from skensemble import (
    CyclicalSGLDClassifier,
    DeepEnsembleClassifier,
    FastGeometricEnsembleClassifier,
    KFACLaplaceClassifier,
    MCDropoutClassifier,
    NetClassifier,
    SnapshotEnsembleClassifier,
    SWAClassifier,
    SWAGClassifier,
    VariationalClassifier,
)
from skensemble.schedules import constant_tail, cyclic_cosine

T = 20 * 5
"""Steps of 20 epochs of 150 rows in batches of 32: the last one has 22."""


def net(**parameters):
    small = {"module__hidden_units": (8,), "max_epochs": 20, "batch_size": 32, "device": "cpu"}
    return NetClassifier(**(small | parameters))


def assert_same(one, other, rtol=0.0):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=rtol, atol=rtol / 10)


def weights_along(iris, schedule, M, **parameters):
    """Give the weights at the ends of M cycles of a training under some schedule."""
    ensemble = SnapshotEnsembleClassifier(net(**parameters), M=M, schedule=schedule, random_state=0)
    return ensemble.fit(*iris).members_


def test_a_fast_geometric_ensemble_is_collected_where_the_rate_is_lowest(iris):
    rates = {"alpha_zero": 0.1, "alpha_1": 0.05, "alpha_2": 0.001}
    ensemble = FastGeometricEnsembleClassifier(net(), M=3, **rates, random_state=0).fit(*iris)
    # 20 steps after pretraining, in five half cycles of four.
    assert ensemble.snapshot_steps_.tolist() == [84, 92, 100]
    np.testing.assert_allclose(ensemble.learning_rates_[[83, 91, 99]], 0.001)
    falling = [0.05 + (0.001 - 0.05) * k / 4 for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(ensemble.learning_rates_[80:84], falling)
    np.testing.assert_allclose(ensemble.learning_rates_[84:88], [*falling[2::-1], 0.05])
    np.testing.assert_allclose(ensemble.learning_rates_[:40], 0.1)


@pytest.mark.filterwarnings("ignore:A cycle of 5 steps")
def test_the_member_of_swa_is_the_mean_of_the_weights_of_the_tail(iris):
    swa = SWAClassifier(net(), n_averaged=5, pretrain_share=0.75, random_state=0).fit(*iris)
    schedule = partial(constant_tail, alpha_zero=0.1, tail_rate=0.05, pretrain_share=0.75)
    # The end of each of 20 cycles is an epoch's; the last five are the tail.
    tail = weights_along(iris, schedule, M=20)[-5:]
    mean = {name: np.mean([state[name] for state in tail], axis=0) for name in tail[0]}
    assert_same(swa.members_[0], mean, rtol=1e-5)


def test_swag_without_a_scale_is_swa(iris):
    few = {"n_averaged": 5, "random_state": 0}
    swa = SWAClassifier(net(), **few).fit(*iris).members_[0]
    swag = SWAGClassifier(net(), M=3, scale=0.0, **few).fit(*iris)
    for member in swag.members_:
        assert_same(member, swa)
    spread = SWAGClassifier(net(), M=3, **few).fit(*iris).members_
    assert not np.allclose(spread[0]["0.weight"], spread[1]["0.weight"])


def test_sgld_at_temperature_0_is_a_snapshot_ensemble(iris):
    sgld = CyclicalSGLDClassifier(net(), M=4, samples_per_cycle=1, temperature=0.0, random_state=0)
    schedule = partial(cyclic_cosine, M=4, alpha_zero=0.1)
    for one, other in zip(sgld.fit(*iris).members_, weights_along(iris, schedule, 4), strict=True):
        assert_same(one, other)
    warm = CyclicalSGLDClassifier(net(), M=4, samples_per_cycle=1, random_state=0).fit(*iris)
    assert not np.allclose(warm.members_[0]["0.weight"], sgld.members_[0]["0.weight"])


def test_samples_are_spread_over_the_last_part_of_each_cycle(iris):
    sgld = CyclicalSGLDClassifier(net(), M=2, samples_per_cycle=2, random_state=0).fit(*iris)
    # Cycles of 50 steps, of which the last ten sample.
    assert sgld.snapshot_steps_.tolist() == [45, 50, 95, 100]


def test_sgld_wants_sgd(iris):
    with pytest.raises(ValueError, match=r"optimizer is torch\.optim\.SGD.*, got .*Adam"):
        CyclicalSGLDClassifier(net(optimizer=torch.optim.Adam)).fit(*iris)


def test_a_deep_ensemble_differs_in_weights_and_order_and_grows_by_adding(iris):
    deep = DeepEnsembleClassifier(net(max_epochs=1), M=3, alpha_zero=1e-12, random_state=0)
    first, second, third = (member["0.weight"] for member in deep.fit(*iris).members_)
    assert not np.allclose(first, second)
    assert not np.allclose(second, third)
    more = DeepEnsembleClassifier(net(max_epochs=1), M=4, alpha_zero=1e-12, random_state=0)
    for one, other in zip(deep.members_, more.fit(*iris).members_, strict=False):
        assert_same(one, other)


@pytest.mark.slow
def test_a_deep_ensemble_does_not_depend_on_its_jobs(iris):
    one = DeepEnsembleClassifier(net(module__dropout=0.1), M=3, random_state=0).fit(*iris)
    two = DeepEnsembleClassifier(net(module__dropout=0.1), M=3, random_state=0, n_jobs=2)
    for a, b in zip(one.members_, two.fit(*iris).members_, strict=True):
        assert_same(a, b)


def test_early_stopping_ends_each_net_of_a_deep_ensemble(iris):
    stopping = EarlyStopping("train_loss", patience=1, threshold=10.0)
    deep = DeepEnsembleClassifier(net(callbacks=[stopping]), M=3, random_state=0).fit(*iris)
    assert len(deep.members_) == 3
    assert len(deep.learning_rates_) < 3 * T


@pytest.mark.parametrize(
    "ensemble",
    [DeepEnsembleClassifier(), SnapshotEnsembleClassifier(cold_restart=True)],
    ids=["deep", "cold_restart"],
)
def test_nets_apart_want_a_way_to_build_them(ensemble, iris):
    ensemble = clone(ensemble).set_params(estimator=NetClassifier(torch.nn.Linear(4, 3)))
    with pytest.raises(ValueError, match="estimator must be a net whose module is a class"):
        ensemble.fit(*iris)


def test_cold_restarts_make_members_that_know_nothing_of_each_other(iris):
    def other_first(t, T):
        return 0.01 if t <= 25 else cyclic_cosine(t, T, M=4, alpha_zero=0.1)

    def members(schedule, cold_restart):
        ensemble = SnapshotEnsembleClassifier(net(), M=4, schedule=schedule, random_state=0)
        return ensemble.set_params(cold_restart=cold_restart).fit(*iris).members_

    apart, changed = members("cosine", True), members(other_first, True)
    assert not np.allclose(apart[0]["0.weight"], changed[0]["0.weight"])
    for one, other in zip(apart[1:], changed[1:], strict=True):
        assert_same(one, other)
    warm, warm_changed = members("cosine", False), members(other_first, False)
    assert not np.allclose(warm[1]["0.weight"], warm_changed[1]["0.weight"])


def test_mc_dropout_holds_one_set_of_weights_and_masks_that_differ(iris):
    X, _ = iris
    ensemble = MCDropoutClassifier(net(module__dropout=0.3), M=4, random_state=0).fit(*iris)
    first, *others = ensemble.members_
    assert all(member["0.weight"] is first["0.weight"] for member in others)
    proba = ensemble.member_predict_proba(X)
    assert len({one.tobytes() for one in proba}) == 4
    # The mask is the member's: a row gives the same, whatever rows are beside it.
    np.testing.assert_allclose(ensemble.member_predict_proba(X[::-1])[:, ::-1], proba, rtol=1e-5)
    with pytest.raises(ValueError, match="estimator must be a net with dropout"):
        MCDropoutClassifier(net()).fit(*iris)


def test_a_laplace_approximation_without_scale_is_the_trained_net(iris):
    single = SnapshotEnsembleClassifier(net(), M=1, random_state=0).fit(*iris).members_[0]
    still = KFACLaplaceClassifier(net(), M=2, scale=0.0, random_state=0).fit(*iris)
    for member in still.members_:
        assert_same(member, single)
    moved = KFACLaplaceClassifier(net(), M=2, random_state=0).fit(*iris).members_
    assert all(not np.allclose(moved[0][name], moved[1][name]) for name in single)


def test_variational_members_differ_in_weights_by_the_fitted_deviations(iris):
    few = {"M": 200, "std_lr": 0.0, "random_state": 0}
    members = VariationalClassifier(net(), **few).fit(*iris).members_
    weights = np.stack([member["0.weight"] for member in members])
    # Untrained deviations stay at exp(-5); 200 draws of 32 weights have an error of 1 %.
    assert weights.std(0).mean() == pytest.approx(np.exp(-5), rel=0.05)
    assert all((member["0.bias"] == members[0]["0.bias"]).all() for member in members)
    wide = VariationalClassifier(net(), M=200, beta=10.0, std_lr=0.1, random_state=0).fit(*iris)
    assert np.stack([m["0.weight"] for m in wide.members_]).std(0).mean() > 3 * np.exp(-5)
