"""What SWA-Gaussian does beyond the contract."""

import numpy as np
import pytest
from torch import nn

from skensemble import (
    InvalidParameterError,
    NetClassifier,
    SWAClassifier,
    SWAGClassifier,
    SWAGRegressor,
)

NET = NetClassifier(module__hidden_units=(8,), max_epochs=20, batch_size=32)
SHARED = {"swa_lr": 0.1, "n_averaged": 8, "random_state": 0}


# A weight decay that the widths of the draws show.
SETTINGS = {"max_epochs": 20, "batch_size": 32, "optimizer__weight_decay": 1e-3}


class Normed(nn.Sequential):
    """A module with batch normalisation behind its first layer."""

    def __init__(self, n_features, n_outputs):
        layers = nn.Linear(n_features, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, n_outputs)
        super().__init__(*layers)


def make(net=NET, **parameters):
    return SWAGClassifier(net, **({"M": 3, **SHARED} | parameters))


def flat(member):
    return np.concatenate([value.ravel() for value in member.values()])


def members_of(iris, **parameters):
    return np.array([flat(member) for member in make(**parameters).fit(*iris).members_])


def mean_of(iris):
    return flat(SWAClassifier(NET, **SHARED).fit(*iris).members_[0])


def test_a_scale_of_0_is_stochastic_weight_averaging(iris):
    assert (members_of(iris, covariance_scale=0) == mean_of(iris)).all()


def test_draws_move_away_from_the_mean_by_the_root_of_the_scale(iris):
    mean = mean_of(iris)
    near, far = (members_of(iris, covariance_scale=scale) - mean for scale in (0.5, 2.0))
    assert abs(near).max() > 1e-3
    np.testing.assert_allclose(far, (2.0 / 0.5) ** 0.5 * near, rtol=1e-3, atol=1e-5)


def test_members_lie_about_the_mean(iris):
    mean, members = mean_of(iris), members_of(iris, M=200)
    # 200 draws have an error of 1 / 14 of the standard deviation; 67 weights.
    assert (abs(members.mean(0) - mean) < 4.5 / 200**0.5 * members.std(0)).all()


def test_the_rank_is_at_most_max_rank_beside_a_diagonal(iris):
    diagonal, low_rank = members_of(iris, M=400, max_rank=0), members_of(iris, M=400)
    shared = [abs(np.corrcoef(members.T) - np.eye(67)).mean() for members in (diagonal, low_rank)]
    # Without deviations a correlation is noise of a mean size of 0.8 / sqrt(400) = 0.04.
    assert shared[0] < 0.06
    assert shared[1] > 0.1


def test_a_net_of_more_draws_begins_alike(iris):
    assert (members_of(iris, M=5)[:3] == members_of(iris, M=3)).all()


def test_each_member_has_the_statistics_of_its_own_weights(iris):
    X, y = iris
    ensemble = make(NetClassifier(Normed, **SETTINGS), covariance_scale=2.0).fit(X, y)
    for member in ensemble.members_:
        hidden = X @ member["0.weight"].T + member["0.bias"]
        np.testing.assert_allclose(member["1.running_mean"], hidden.mean(0), rtol=1e-4, atol=1e-5)
    first, second, _ = ensemble.members_
    assert not np.allclose(first["1.running_mean"], second["1.running_mean"], rtol=1e-2)


def test_a_regressor_has_a_spread(diabetes):
    _, std = SWAGRegressor(M=5, **SHARED).fit(*diabetes).predict(diabetes[0], return_std=True)
    assert std.min() > 0


def test_a_single_weight_has_no_variance_and_is_refused(iris):
    with pytest.raises(InvalidParameterError, match=r"n_averaged must be an int >= 2, got 1\."):
        make(n_averaged=1).fit(*iris)


def test_a_negative_scale_is_refused(iris):
    with pytest.raises(
        InvalidParameterError, match=r"covariance_scale must be a finite number >= 0, got -1"
    ):
        make(covariance_scale=-1).fit(*iris)
