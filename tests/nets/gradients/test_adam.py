"""Fused steps of Adam and AdamW, held against torch's plain ones and the rule written out."""

import pickle
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import NetClassifier
from skensemble.nets.gradients import fresh_state, is_decoupled, obstacle_to_fused_step
from tests.nets.gradients.conftest import assert_same, fused_step, run, weights

KINDS = [torch.optim.Adam, torch.optim.AdamW]
SETTINGS = [
    {"betas": betas, "eps": eps, "weight_decay": decay}
    for betas, eps, decay in product([(0.9, 0.999), (0.0, 0.5)], [1e-8, 0.1], [0.0, 0.2])
]


def adam(kind, parameters, **settings):
    return kind(parameters, lr=1.0, fused=True, **settings)


def torch_adam(kind, parameters, **settings):
    """Give torch's optimizer in its plainest form: a loop over the parameters."""
    return kind(parameters, lr=1.0, foreach=False, fused=False, **settings)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keeps_gradients", [False, True])
@pytest.mark.parametrize("settings", SETTINGS)
def test_steps_are_those_of_torch(kind, settings, keeps_gradients):
    ours, theirs = weights(), weights()
    optimizer, reference = adam(kind, ours, **settings), torch_adam(kind, theirs, **settings)
    run(optimizer, fused_step(optimizer, keeps_gradients=keeps_gradients))
    run(reference, reference.step)
    assert_same(ours, theirs, tolerance=1e-13)


@pytest.mark.parametrize(
    ("kind", "decay", "expected"),
    [
        # w = 1, gradients 1 and 2, rate .1, betas .5 and .75. At step 1 both means, corrected, are
        # those of the gradient: the weight goes down by .1 * 1 / sqrt(1). At step 2 they are
        # (.25 * 1 + .5 * 2) / .75 and (.1875 * 1 + .25 * 4) / .4375.
        (torch.optim.AdamW, 0.0, 0.9 - 0.1 * (1.25 / 0.75) / (1.1875 / 0.4375) ** 0.5),
        # Decoupled: the weight shrinks by a factor 1 - .1 * .2 before each step.
        (
            torch.optim.AdamW,
            0.2,
            (0.98 - 0.1) * 0.98 - 0.1 * (1.25 / 0.75) / (1.1875 / 0.4375) ** 0.5,
        ),
        # In the gradients: 1 + .2 * 1 = 1.2, and 2 + .2 * .9 = 2.18.
        (
            torch.optim.Adam,
            0.2,
            0.9
            - 0.1
            * ((0.25 * 1.2 + 0.5 * 2.18) / 0.75)
            / ((0.1875 * 1.2**2 + 0.25 * 2.18**2) / 0.4375) ** 0.5,
        ),
    ],
)
def test_two_steps_written_out(kind, decay, expected):
    weight = nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = adam(kind, [weight], betas=(0.5, 0.75), eps=0.0, weight_decay=decay)
    optimizer.param_groups[0]["lr"] = 0.1
    step = fused_step(optimizer)
    for value in (1.0, 2.0):
        weight.grad = torch.full_like(weight, value)
        step()
    assert weight.item() == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keeps_gradients", [False, True])
def test_groups_have_settings_of_their_own(kind, keeps_gradients):
    ours, theirs = weights(), weights()
    groups = [
        [
            {"params": [a], "weight_decay": 0.1, "eps": 0.1},
            {"params": [b], "weight_decay": 0.0, "betas": (0.5, 0.6)},
        ]
        for a, b in (ours, theirs)
    ]
    optimizer, reference = adam(kind, groups[0]), torch_adam(kind, groups[1])
    run(optimizer, fused_step(optimizer, keeps_gradients=keeps_gradients))
    run(reference, reference.step)
    assert_same(ours, theirs, tolerance=1e-13)


def test_adam_may_decay_weights_as_adamw():
    ours, theirs = weights(), weights()
    optimizer = adam(torch.optim.Adam, ours, weight_decay=0.1)
    optimizer.param_groups[0]["decoupled_weight_decay"] = True
    reference = torch_adam(torch.optim.AdamW, theirs, weight_decay=0.1)
    run(optimizer, fused_step(optimizer))
    run(reference, reference.step)
    assert_same(ours, theirs, tolerance=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_setting_the_class_says_how_weights_decay(kind):
    optimizer = adam(kind, weights())
    group = {k: v for k, v in optimizer.param_groups[0].items() if "decoupled" not in k}
    assert is_decoupled(optimizer, group) == (kind is torch.optim.AdamW)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_memory_of_a_weight_begins_as_that_of_torch(dtype):
    weight = nn.Parameter(torch.ones(3, 2, dtype=dtype).mT)
    optimizer = adam(torch.optim.AdamW, [weight])
    optimizer.param_groups[0]["lr"] = 0.0
    weight.grad = torch.zeros_like(weight)
    optimizer.step()
    optimizer.state[weight]["step"] -= 1
    for name, value in fresh_state(weight).items():
        expected = optimizer.state[weight][name]
        torch.testing.assert_close(value, expected, check_stride=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"amsgrad": True}, "amsgrad=True"),
        ({"maximize": True}, "maximize=True"),
        ({"capturable": True}, "capturable=True"),
        ({"differentiable": True}, "differentiable=True"),
        ({"lr": torch.tensor(0.1)}, "tensors among its settings"),
        ({"betas": (torch.tensor(0.9), torch.tensor(0.99))}, "tensors among its settings"),
        ({"sharpness": 0.1}, "settings ['sharpness']"),
    ],
)
def test_what_only_torch_itself_can_do_is_an_obstacle(kind, settings, reason):
    first, second = weights()
    optimizer = adam(kind, [{"params": [first]}, {"params": [second]}])
    optimizer.param_groups[1].update(settings)
    assert obstacle_to_fused_step(optimizer) == f"the optimizer has {reason}"


RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(37, 5)), RNG.integers(0, 3, 37)
NET = {"max_epochs": 3, "batch_size": 8, "random_state": 0, "device": "cpu", "lr": 0.01}


def weights_of(net):
    return np.concatenate([p.detach().numpy().ravel() for p in net.module_.parameters()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", [{}, {"weight_decay": 0.1, "betas": (0.8, 0.9)}])
def test_a_net_goes_on_with_its_memory_also_from_a_pickle(kind, settings):
    settings = {f"optimizer__{name}": value for name, value in settings.items()}
    groups = {"optimizer__param_groups": [("*.bias", {"weight_decay": 0.0, "lr": 0.03})]}
    made = [
        NetClassifier(optimizer=kind, precision="float64", fast=fast, **NET, **settings, **groups)
        for fast in (True, True, False)
    ]
    whole, pickled, slow = (net.fit(X, Y) for net in made)
    assert whole.fast_report_.fused_step is None
    pickled = pickle.loads(pickle.dumps(pickled))
    for net in (whole, pickled, slow):
        net.partial_fit(X, Y)
    np.testing.assert_array_equal(weights_of(whole), weights_of(pickled))
    np.testing.assert_allclose(weights_of(whole), weights_of(slow), rtol=0, atol=1e-12)
