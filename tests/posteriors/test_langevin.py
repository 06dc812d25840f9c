"""Noise of stochastic gradient Langevin dynamics, measured."""

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_lyapunov
from torch import nn

from skensemble.posteriors import LangevinNoise, langevin_std

N_ROWS, RATE = 50, 0.02


def weights(n=40_000, fill=0.0):
    """Give weights that have a gradient of zero."""
    parameter = nn.Parameter(torch.full((n,), fill))
    parameter.grad = torch.zeros(n)
    return parameter


def add_noise(optimizer, temperature=1.0, n_rows=N_ROWS, seed=0):
    LangevinNoise(optimizer, n_rows, torch.Generator().manual_seed(seed)).add(temperature)


def assert_has_variance(values, expected):
    # The relative standard error of a variance is sqrt(2 / 40000) = 0.7 %.
    assert values.detach().var().item() == pytest.approx(expected, rel=0.03)
    assert abs(values.detach().mean().item()) < 4.5 * (expected / len(values)) ** 0.5


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_noise_has_twice_the_rate_times_the_temperature_over_the_rows(temperature):
    w = weights()
    add_noise(torch.optim.SGD([w], lr=RATE), temperature)
    assert_has_variance(w, 2 * RATE * temperature / N_ROWS)


def test_momentum_takes_the_noise_as_friction_gives_it():
    w = weights()
    add_noise(torch.optim.SGD([w], lr=RATE, momentum=0.9))
    assert_has_variance(w, 2 * (1 - 0.9) * RATE / N_ROWS)


def test_momentum_carries_the_noise_on():
    w = weights()
    noise = LangevinNoise(
        torch.optim.SGD([w], lr=RATE, momentum=0.9), N_ROWS, torch.Generator().manual_seed(0)
    )
    noise.add(1.0)
    first = w.detach().clone()
    noise.add(1.0)
    # Each step moves by 0.9 of what the last one moved, and by noise of its own.
    assert_has_variance(w.detach() - first - 0.9 * first, 2 * (1 - 0.9) * RATE / N_ROWS)
    second = w.detach().clone()
    noise.stop()
    noise.add(1.0)
    moved = torch.stack([w.detach() - second, second - first])
    assert abs(torch.corrcoef(moved)[0, 1]) < 0.03


def test_a_rate_that_rises_does_not_throw_the_noise_about():
    w = weights()
    optimizer = torch.optim.SGD([w], lr=1e-8, momentum=0.9)
    noise = LangevinNoise(optimizer, N_ROWS, torch.Generator().manual_seed(0))
    optimizer.step()
    noise.add(1.0)
    before = w.detach().clone()
    optimizer.param_groups[0]["lr"] = 0.1
    optimizer.step()
    assert (w.detach() - before).abs().max() < 1e-4


def test_the_look_ahead_of_nesterov_is_off_while_there_is_noise():
    optimizer = torch.optim.SGD([weights(10)], lr=RATE, momentum=0.9, nesterov=True)
    noise = LangevinNoise(optimizer, N_ROWS, torch.Generator())
    noise.add(0.0)
    assert optimizer.param_groups[0]["nesterov"]
    noise.add(1.0)
    assert not optimizer.param_groups[0]["nesterov"]
    noise.stop()
    assert optimizer.param_groups[0]["nesterov"]


def test_dampening_makes_the_noise_less():
    w = weights()
    add_noise(torch.optim.SGD([w], lr=RATE, momentum=0.9, dampening=0.4))
    assert_has_variance(w, 2 * (1 - 0.9) * RATE * (1 - 0.4) / N_ROWS)


def test_dampening_without_momentum_changes_nothing():
    # torch applies dampening to the momentum buffer alone.
    w = weights()
    add_noise(torch.optim.SGD([w], lr=RATE, dampening=0.4))
    assert_has_variance(w, 2 * RATE / N_ROWS)


def test_the_noise_is_added_to_what_is_there():
    w = weights(10, fill=7.0)
    add_noise(torch.optim.SGD([w], lr=RATE))
    other = weights(10)
    add_noise(torch.optim.SGD([other], lr=RATE))
    assert (w - other).tolist() == pytest.approx([7.0] * 10, abs=1e-5)


def test_each_group_has_noise_of_its_own_rate():
    slow, fast = weights(), weights()
    groups = [{"params": [slow], "lr": RATE}, {"params": [fast], "lr": 4 * RATE}]
    add_noise(torch.optim.SGD(groups, lr=1))
    assert_has_variance(slow, 2 * RATE / N_ROWS)
    assert_has_variance(fast, 2 * 4 * RATE / N_ROWS)
    # The weights draw numbers of their own.
    assert abs(torch.corrcoef(torch.stack([slow, fast]).detach())[0, 1]) < 0.03


def test_a_weight_without_gradient_stays():
    moved, frozen = weights(10), nn.Parameter(torch.ones(10))
    add_noise(torch.optim.SGD([moved, frozen], lr=RATE))
    assert (moved != 0).all()
    assert (frozen == 1).all()


def test_the_noise_comes_from_the_generator():
    first, same, other = weights(10), weights(10), weights(10)
    for w, seed in ((first, 0), (same, 0), (other, 1)):
        add_noise(torch.optim.SGD([w], lr=RATE), seed=seed)
    assert torch.equal(first, same)
    assert (first != other).all()


def test_the_formula_has_square_roots():
    assert langevin_std(0.01, 100, 0.5) == pytest.approx((2 * 0.01 * 0.5 / 100) ** 0.5)
    assert langevin_std(0.01, 100, 0.5, momentum=0.75) == pytest.approx(
        (2 * 0.25 * 0.01 * 0.5 / 100) ** 0.5
    )


CURVATURE = torch.tensor([0.5, 1.0, 2.0])


def chain(temperature, n_steps, **sgd):
    """Run 4000 chains at once on the mean loss ``curvature / 2 * (w - 1)^2``."""
    w = nn.Parameter(torch.ones(4000, 3))
    optimizer = torch.optim.SGD([w], **sgd)
    noise = LangevinNoise(optimizer, N_ROWS, torch.Generator().manual_seed(0))
    for _ in range(n_steps):
        optimizer.zero_grad()
        (CURVATURE / 2 * (w - 1).square()).sum().backward()
        optimizer.step()
        noise.add(temperature)
    return w.detach()


@pytest.mark.parametrize("temperature", [1.0, 0.25])
@pytest.mark.parametrize(
    ("sgd", "n_steps"),
    [
        ({"lr": 0.02}, 400),
        ({"lr": 0.02, "momentum": 0.5}, 200),
        ({"lr": 0.02, "momentum": 0.9}, 200),
        ({"lr": 0.02, "momentum": 0.9, "nesterov": True}, 200),
        ({"lr": 0.04, "momentum": 0.9, "dampening": 0.5}, 200),
    ],
)
def test_samples_have_the_variance_of_a_gaussian_target(sgd, n_steps, temperature):
    # The target exp(-N loss / temperature) has the variance temperature / (N curvature).
    samples = chain(temperature, n_steps, **sgd)
    expected = temperature / (N_ROWS * CURVATURE)
    # Steps that act as h = 0.02 / (1 - momentum) leave exp(-2 * 0.5 * h * n_steps) < 0.1 % of the
    # start. Without momentum they are too long for a curvature of 2 by 2 * h / 2 = 2 % of the
    # variance, with it by 1 to 2 %. 4000 chains have an error of 2.2 %.
    assert samples.var(0).tolist() == pytest.approx(expected.tolist(), rel=0.1)
    assert samples.mean(0).tolist() == pytest.approx([1.0] * 3, abs=0.02)


@pytest.mark.parametrize(("rate", "white", "own"), [(0.01, 1.95, 1.003), (0.1, 10.8, 1.027)])
def test_the_variances_that_the_docs_give(rate, white, own):
    """Of weight and velocity at curvature 1, where the target has a variance of 1."""
    momentum = 0.9
    step = np.array([[1 - rate, momentum], [-rate, momentum]])
    of_weights = 2 * rate / (1 - momentum) * np.array([[1, 0], [0, 0]])
    of_velocity = langevin_std(rate, 1, 1.0, momentum) ** 2 * np.ones((2, 2))
    assert solve_discrete_lyapunov(step, of_weights)[0, 0] == pytest.approx(white, rel=5e-3)
    assert solve_discrete_lyapunov(step, of_velocity)[0, 0] == pytest.approx(own, rel=5e-4)


def test_a_temperature_of_0_is_plain_gradient_descent():
    sgd = {"lr": 0.1, "momentum": 0.5}
    w = nn.Parameter(torch.full((3,), 2.0))
    noisy = nn.Parameter(torch.full((3,), 2.0))
    plain_sgd, noisy_sgd = torch.optim.SGD([w], **sgd), torch.optim.SGD([noisy], **sgd)
    for _ in range(5):
        for parameter, optimizer in ((w, plain_sgd), (noisy, noisy_sgd)):
            optimizer.zero_grad()
            (CURVATURE / 2 * parameter.square()).sum().backward()
            optimizer.step()
        add_noise(noisy_sgd, temperature=0.0)
    assert torch.equal(w, noisy)
