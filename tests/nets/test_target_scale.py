"""Losses that have a domain, and those that have none."""

from functools import partial

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier, NeuralNetRegressor
from torch import nn

from skensemble import InvalidParameterError, NetRegressor
from skensemble.nets import is_standardized
from skensemble.nets._target_scale import refuse_domain

SMALL = {"module__hidden_units": (8,), "max_epochs": 5, "batch_size": 32, "random_state": 0}


def own_loss(function):
    """Make a criterion from a function of output and target."""

    class Loss(nn.Module):
        def forward(self, output, y):
            return function(output, y).mean()

    return Loss()


OF_VALUES = {
    "squares": nn.MSELoss(),
    "Huber": nn.HuberLoss(),
    "Gauss": nn.GaussianNLLLoss(),
    "own squares": own_loss(lambda z, y: (z - y) ** 2),
    "quantile": own_loss(lambda z, y: torch.maximum(0.9 * (y - z), 0.1 * (z - y))),
    "log cosh": own_loss(lambda z, y: (z - y).cosh().log()),
    "share of the variance": own_loss(lambda z, y: ((z - y) ** 2).sum() / y.var() - 1),
    "correlation": own_loss(lambda z, y: -torch.corrcoef(torch.cat([z, y], 1).T)[0, 1]),
    "agreement": own_loss(lambda z, y: -z * y),
    "agreement of signs": own_loss(lambda z, y: -z.abs() * (z * y).sign()),
    "a head of two": own_loss(lambda z, y: (z[0] - y) ** 2 / z[1].exp() + z[1].sum(7)),
}
WITH_DOMAIN = {
    "Poisson": nn.PoissonNLLLoss(),
    "counts": nn.PoissonNLLLoss(log_input=False),
    "logits of shares": nn.BCEWithLogitsLoss(),
    "shares": nn.BCELoss(),
    "classes": nn.CrossEntropyLoss(),
    "compiled": torch.compile(nn.PoissonNLLLoss(), backend="eager"),
    "own Poisson": own_loss(lambda z, y: z.exp() - y * z),
    "Gamma": own_loss(lambda z, y: y * (-z).exp() + z),
    "Tweedie": own_loss(lambda z, y: 2 * y * (-z / 2).exp() + 2 * (z / 2).exp()),
    "logarithm of targets": own_loss(lambda z, y: (z - y.log()) ** 2),
    "logarithm of outputs": own_loss(lambda z, y: y / z + z.log()),
    "own logits": own_loss(lambda z, y: nn.functional.softplus(z) - y * z),
}


@pytest.mark.parametrize("name", OF_VALUES)
def test_losses_of_values_learn_standardised_targets(name):
    refuse_domain(OF_VALUES[name])


@pytest.mark.parametrize("name", WITH_DOMAIN)
def test_losses_with_a_domain_do_not(name):
    message = r"target_scale must be None for criterion \w+, which takes no .*, got 'standard'"
    with pytest.raises(InvalidParameterError, match=message):
        refuse_domain(WITH_DOMAIN[name])


@pytest.mark.parametrize("scale", ["Standard", 1, True, ["standard"]])
def test_another_scale_is_refused(diabetes, scale):
    with pytest.raises(InvalidParameterError, match="target_scale must be 'standard' or None, got"):
        NetRegressor(**SMALL, target_scale=scale).fit(*diabetes)


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        (nn.MSELoss, True),
        (nn.PoissonNLLLoss, False),
        (nn.PoissonNLLLoss(), False),
        (partial(nn.PoissonNLLLoss, log_input=True), False),
        (partial(nn.MSELoss), True),
        (torch.compile(nn.BCELoss(), backend="eager"), False),
        (lambda: nn.MSELoss(), True),
    ],
)
def test_a_stock_net_standardises_where_its_loss_has_no_domain(criterion, expected):
    assert is_standardized(NeuralNetRegressor(nn.Linear, criterion=criterion)) == expected
    assert is_standardized(NeuralNetClassifier(nn.Linear, criterion=criterion)) == expected


def test_our_net_standardises_if_it_is_told_to():
    assert is_standardized(NetRegressor())
    assert not is_standardized(NetRegressor(target_scale=None))


@pytest.mark.parametrize(
    ("criterion", "y", "response"),
    [
        (nn.PoissonNLLLoss, [0, 3, 1, 2], np.exp),
        (nn.BCEWithLogitsLoss, [0.1, 1, 0.3, 0], lambda z: 1 / (1 + np.exp(-z))),
        (nn.MSELoss, [-5e3, 2e3, 0, 1], lambda z: z),
    ],
)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_predictions_are_in_the_units_of_the_targets(criterion, y, response, n_outputs):
    y = np.array(y) if n_outputs == 1 else np.c_[y, y[::-1]]
    settings = {"criterion": criterion, "target_scale": None, "precision": "float64"}
    net = NetRegressor(nn.Linear(4, n_outputs), **settings, max_epochs=2).fit(np.eye(4), y)
    weight, bias = (p.detach().numpy() for p in net.module_.parameters())
    expected = response(weight.T + bias)
    np.testing.assert_allclose(net.predict(np.eye(4)), expected.reshape(y.shape), rtol=1e-12)


def test_probabilities_of_a_module_that_gives_them_stay_one_column():
    module = nn.Sequential(nn.Linear(3, 1), nn.Sigmoid())
    net = NetRegressor(module, criterion=nn.BCELoss, target_scale=None, max_epochs=1)
    assert net.fit(np.eye(3), [0.2, 0.9, 0.5]).predict(np.eye(3)).shape == (3,)


def test_what_the_user_asks_for_comes_before_what_fits_the_loss():
    settings = {"criterion": nn.PoissonNLLLoss, "target_scale": None, "max_epochs": 1}
    for nonlinearity, expected in ((None, [0.5]), (torch.square, [0.25])):
        net = NetRegressor(nn.Linear(1, 1), predict_nonlinearity=nonlinearity, **settings)
        net.fit(np.ones((3, 1)), np.arange(3))
        nn.init.zeros_(net.module_.weight)
        nn.init.constant_(net.module_.bias, 0.5)
        assert net.predict(np.ones((1, 1))) == pytest.approx(expected)
