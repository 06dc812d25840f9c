"""Products in bfloat16, held against those in float32 of rounded factors, and against autocast."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from torch import nn

from skensemble import NetClassifier, NetRegressor
from skensemble.nets.gradients import closed_form_of, obstacle_to_closed_form
from skensemble.nets.gradients._bf16 import HalfLinear

HALF_STEP = 2**-8
"""By how much, at most, rounding to bfloat16 changes a number: half of its last of eight bits."""

RNG = np.random.default_rng(0)
X = RNG.normal(size=(37, 5)).astype("f")
LABELS, TARGETS = RNG.integers(0, 3, 37), RNG.normal(size=(37, 2)).astype("f")
SMALL = {"max_epochs": 4, "batch_size": 8, "random_state": 0, "device": "cpu"}


def halved(x):
    return x.detach().bfloat16().float()


def linear(n_inputs=5, n_outputs=3):
    torch.manual_seed(0)
    layer = nn.Linear(n_inputs, n_outputs)
    for parameter in layer.parameters():
        parameter.grad = torch.full_like(parameter, torch.nan)
    return layer


def assert_rounded(found, expected):
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=HALF_STEP, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("n_outputs", [3, 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_are_those_of_rounded_factors(n_outputs, dtype):
    layer = linear(n_outputs=n_outputs)
    ours = HalfLinear(layer)
    # A second batch of another size, after a step of the weights.
    for n in (6, 4):
        x, g = torch.randn(n, 5), torch.randn(n, n_outputs)
        product = halved(x) @ halved(layer.weight).T
        assert_rounded(ours.forward(x.to(dtype)) - layer.bias, product)
        assert_rounded(ours.backward(g), halved(g) @ halved(layer.weight))
        assert_rounded(layer.weight.grad, halved(g).T @ halved(x))
        # Sums are not of rounded numbers.
        torch.testing.assert_close(layer.bias.grad, g.sum(0))
        layer.weight += 0.5


@torch.no_grad()
def test_biases_are_not_rounded():
    layer = linear()
    layer.bias.fill_(1.001)
    assert (HalfLinear(layer).forward(torch.zeros(2, 5)) == 1.001).all()


def gradients_of(kind, precision, y, weight=None, **module):
    """Give loss and gradients of a net in closed form."""
    settings = {f"module__{name}": value for name, value in module.items()}
    net = kind(**SMALL | {"max_epochs": 1, "lr": 0.0}, precision=precision, **settings).fit(X, y)
    assert obstacle_to_closed_form(net) is None
    target = torch.as_tensor(y)
    with torch.no_grad():
        closed = closed_form_of(net)
        loss = closed.backward(torch.as_tensor(X), target if weight is None else (target, weight))
    return loss.item(), [piece.clone() for piece in closed.pieces]


@pytest.mark.parametrize(("kind", "y"), [(NetClassifier, LABELS), (NetRegressor, TARGETS)])
@pytest.mark.parametrize("weight", [None, torch.linspace(0.5, 1.5, 37)])
@pytest.mark.parametrize("activation", ["relu", "silu", "tanh"])
def test_gradients_are_near_those_in_float32(kind, y, weight, activation):
    module = {"hidden_units": (16, 8), "activation": activation}
    loss, found = gradients_of(kind, "bf16", y, weight, **module)
    exact_loss, exact = gradients_of(kind, "float32", y, weight, **module)
    assert loss == pytest.approx(exact_loss, rel=4 * HALF_STEP)
    assert loss != exact_loss
    for one, other in zip(found, exact, strict=True):
        assert one.dtype == torch.float32
        # A row whose unit is switched by the rounding changes its gradient as a whole.
        assert (one - other).norm() < 8 * HALF_STEP * other.norm()


def weights_of(net):
    return torch.cat([p.detach().flatten() for p in net.module_.parameters()])


def test_steps_smaller_than_bfloat16_tells_apart_are_kept():
    # All units of SiLU learn, also from few rows.
    small = SMALL | {"module__activation": "silu", "precision": "bf16"}
    before = weights_of(NetClassifier(**small | {"lr": 0.0}).fit(X, LABELS))
    net = NetClassifier(**small | {"lr": 1e-5}).fit(X, LABELS)
    assert net.fast_report_.closed_form is None
    after = weights_of(net)
    assert after.dtype == torch.float32
    assert (after.bfloat16() == before.bfloat16()).float().mean() > 0.8
    assert (after != before).float().mean() > 0.9


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
def test_training_is_as_good_as_in_float32_and_under_autocast(optimizer):
    digits, y = load_digits(return_X_y=True)
    digits = digits / 16
    settings = SMALL | {"max_epochs": 8, "batch_size": 32, "module__hidden_units": (32, 16)}
    settings |= {"module__activation": "silu"}
    settings |= {"optimizer": optimizer, "lr": 0.05 if optimizer is torch.optim.SGD else 5e-3}
    losses = []
    for own in ({"precision": "bf16"}, {"precision": "bf16", "fast": False}, {}):
        net = NetClassifier(**settings, **own).fit(digits[:600], y[:600])
        losses.append(log_loss(y[600:], net.predict_proba(digits[600:])))
    # Three trainings whose seeds differ are further apart.
    assert max(losses) - min(losses) < 0.03
    assert max(losses) < 0.6


def test_dropout_drops_what_it_drops_in_float32():
    settings = SMALL | {"module__dropout": 0.4, "module__hidden_units": (16,), "lr": 0.01}
    half, exact = (
        NetClassifier(**settings, precision=p).fit(X, LABELS) for p in ("bf16", "float32")
    )
    begin = weights_of(NetClassifier(**settings | {"lr": 0.0}).fit(X, LABELS))
    moved = (weights_of(exact) - begin).norm()
    # Other masks would lead to other weights: they are farther apart by a factor of ten.
    assert (weights_of(half) - weights_of(exact)).norm() < 0.05 * moved
