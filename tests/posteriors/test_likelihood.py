"""What a training loss says about the targets."""

import numpy as np
import pytest
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, NetRegressor
from skensemble.posteriors import MeanField, n_effective_rows, temperature_of
from skensemble.training import Data


def net_of(net, criterion):
    return net(nn.Sequential(nn.Linear(3, 2)), criterion=criterion, device="cpu").initialize()


def test_the_temperature_of_a_log_loss_is_1():
    assert temperature_of(net_of(NetClassifier, nn.CrossEntropyLoss), 0.3, 2) == 1
    assert temperature_of(net_of(NetClassifier, nn.NLLLoss), 0.3, 2) == 1


def test_the_temperature_of_a_squared_error_is_twice_the_noise_of_an_output():
    assert temperature_of(net_of(NetRegressor, nn.MSELoss), 0.3, 2) == 2 * 0.3 / 2


@pytest.mark.parametrize("criterion", [nn.L1Loss, nn.HuberLoss])
def test_a_criterion_that_is_no_known_likelihood_is_refused(criterion):
    net, rule = net_of(NetRegressor, criterion), "criterion MSELoss, CrossEntropyLoss or NLLLoss"
    with pytest.raises(InvalidParameterError, match=f"{rule}, got .*{criterion.__name__}"):
        temperature_of(net, 0.3, 2)
    data, prior = Data(np.zeros((4, 3)), np.zeros((4, 2))), {"prior_variance": 1.0, "beta": 1.0}
    with pytest.raises(InvalidParameterError, match=rule):
        MeanField(net, data, {}, **prior, std_lr=0.01, seed=0)


@pytest.mark.parametrize(
    ("weight", "n_rows"),
    [
        (None, 4),
        ([3, 3, 3, 3], 12),
        ([1, 2, 1, 5], 9),
        # No row stands there a quarter of a time, or 1e30 times.
        ([0.25, 0.25, 0.25, 0.25], 4),
        ([1, 2, 1.5, 5], 4),
        ([1e-30, 2e-30, 1e-30, 5e-30], 4),
        ([1e30, 2e30, 1e30, 5e30], 4),
    ],
)
def test_whole_weights_count_rows_and_others_weigh_them(weight, n_rows):
    rows = np.zeros((4, 1))
    weight = None if weight is None else np.array(weight, dtype=float)
    assert n_effective_rows(Data(rows, rows[:, 0], weight)) == n_rows
