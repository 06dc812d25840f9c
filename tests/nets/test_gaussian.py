"""Which nets say how noisy the targets are."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetRegressor
from torch import nn

from skensemble import NetRegressor
from skensemble.modules import MeanVarianceMLP
from skensemble.nets import is_gaussian


def own_loss(function):
    """Make a criterion from a function of a pair and a target."""

    class Loss(nn.Module):
        def forward(self, output, y):
            return function(*output, y)

    return Loss


def gauss(mean, log_variance, y):
    """Give the likelihood, written out."""
    return (log_variance + (y - mean) ** 2 * torch.exp(-log_variance)).mean() / 2


GAUSSIAN = {
    "written out": gauss,
    "with its constant": lambda m, s, y: gauss(m, s, y) + np.log(2 * np.pi) / 2,
    "a sum": lambda m, s, y: gauss(m, s, y) * len(y),
    "a distribution": lambda m, s, y: (
        -torch.distributions.Normal(m, (s / 2).exp()).log_prob(y).mean()
    ),
}
OTHERS = {
    "of the standard deviation": lambda m, s, y: gauss(m, 2 * s, y),
    "of the variance": lambda m, s, y: (s.abs().log() + (y - m) ** 2 / s.abs()).mean(),
    "of the first alone": lambda m, s, y: ((y - m) ** 2).mean(),
    "gained": lambda m, s, y: -gauss(m, s, y),
    "Laplace": lambda m, s, y: (s + (y - m).abs() / s.exp()).mean(),
    "constant": lambda m, s, y: m.sum() * 0,
    "of three": lambda m, s, y: m[0, 5],
}


@pytest.mark.parametrize("kind", [NetRegressor, NeuralNetRegressor])
@pytest.mark.parametrize("name", GAUSSIAN)
def test_an_own_loss_is_known_by_its_values(kind, name):
    assert is_gaussian(kind(MeanVarianceMLP, criterion=own_loss(GAUSSIAN[name])))
    assert is_gaussian(kind(MeanVarianceMLP, criterion=own_loss(GAUSSIAN[name])()))


@pytest.mark.parametrize("name", OTHERS)
def test_of_another_loss_nothing_is_known(name):
    assert not is_gaussian(NetRegressor(MeanVarianceMLP, criterion=own_loss(OTHERS[name])))


def test_a_loss_of_torch_is_known_by_its_name():
    assert is_gaussian(NetRegressor(criterion=nn.GaussianNLLLoss))
    assert is_gaussian(NetRegressor(criterion=nn.GaussianNLLLoss, criterion__full=True))
    # skorch hands a stock net's pair to the criterion, which takes no pair.
    assert not is_gaussian(NeuralNetRegressor(MeanVarianceMLP, criterion=nn.GaussianNLLLoss))
    assert not is_gaussian(NetRegressor())


class OwnLoss(NetRegressor):
    """A net that hands a variance of its own to the criterion."""

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the loss of a variance of 1 and more."""
        return self.criterion_((y_pred[0], y_pred[1].exp() + 1), y_true)


def test_a_net_that_computes_its_loss_or_its_values_itself_is_not_known():
    assert not is_gaussian(OwnLoss(criterion=nn.GaussianNLLLoss))
    settings = {"criterion": nn.GaussianNLLLoss, "predict_nonlinearity": torch.exp}
    assert not is_gaussian(NetRegressor(**settings))
    assert is_gaussian(NetRegressor(**settings | {"predict_nonlinearity": None}))


@pytest.mark.parametrize("precision", ["float32", "float64", "bf16"])
def test_a_net_of_a_mean_and_a_variance_predicts_the_mean(precision):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(400, 1))
    y = 50 + 30 * X[:, 0] + 10 * np.exp(X[:, 0]) * rng.normal(size=400)
    settings = {"criterion": nn.GaussianNLLLoss, "precision": precision, "device": "cpu"}
    weight = {"sample_weight": np.linspace(0.5, 1.5, 400)}
    net = NetRegressor(MeanVarianceMLP, **settings, random_state=0).fit(X, y, **weight)
    assert abs(net.predict(X) - (50 + 30 * X[:, 0])).max() < 8
    _, log_variance = net.forward(X.astype("f" if precision != "float64" else "d"))
    noise = np.exp(log_variance[:, 0].numpy() / 2) * net.target_scaler_.scale
    assert np.abs(np.log(noise / (10 * np.exp(X[:, 0])))).mean() < 0.25
