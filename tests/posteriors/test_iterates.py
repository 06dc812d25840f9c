"""The Gaussian of the weights that a training passes through."""

from functools import partial

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from skensemble import NetClassifier
from skensemble.members import copy_state
from skensemble.posteriors import IterateGaussian, fit_iterate_gaussian, load_weight_vector
from skensemble.schedules import constant_tail, is_tail_point
from skensemble.training import Data, train

N_DRAWS = 3000


def weights_of(n_moments, n_weights, seed=0):
    """Give weights of moments, the last of which equal the first ones."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(n_moments, n_weights)) * np.linspace(0.5, 2, n_weights)
    walk = steps.cumsum(0) + 3
    walk[:, -1] = walk[:, 0]
    return walk


def gaussian_of(weights, max_rank=0):
    iterates = IterateGaussian(max_rank)
    for row in weights:
        iterates.add(torch.tensor(row))
    return iterates


def deviations_of(weights):
    """Weights of each moment less the mean of all so far, this one included."""
    return np.array([weights[k] - weights[: k + 1].mean(0) for k in range(len(weights))])


def covariance_of(weights, max_rank, scale):
    """Equation 1 of Maddox et al., 2019, with a scale in the place of its half."""
    D = deviations_of(weights)[-max_rank:].T
    return scale * (np.diag(weights.var(0)) + D @ D.T / (D.shape[1] - 1))


def draws_of(iterates, scale, n_draws=N_DRAWS, seed=0):
    return torch.stack(list(iterates.draws(n_draws, scale, seed))).numpy()


def assert_has_covariance(draws, expected):
    # A sample covariance has the standard error sqrt((s_ii s_jj + s_ij^2) / n).
    deviation = np.sqrt(np.diag(expected))
    error = np.outer(deviation, deviation) * np.sqrt(2 / len(draws))
    assert (abs(np.cov(draws.T) - expected) < 4.5 * error).all()


def test_the_mean_of_1_2_3_4_is_two_and_a_half():
    iterates = gaussian_of([[1.0], [2.0], [3.0], [4.0]])
    assert iterates.mean.item() == (1 + 2 + 3 + 4) / 4 == 2.5
    assert iterates.variance.item() == (1.5**2 + 0.5**2 + 0.5**2 + 1.5**2) / 4


def test_mean_and_variance_are_those_of_numpy():
    weights = weights_of(30, 6)
    iterates = gaussian_of(weights)
    np.testing.assert_allclose(iterates.mean, weights.mean(0), rtol=1e-12)
    np.testing.assert_allclose(iterates.variance, weights.var(0), rtol=1e-12)


def test_a_small_variance_about_a_large_mean_is_found_in_float32():
    # The mean of squares less the square of the mean would leave nothing of it.
    values = torch.tensor([1000.0, 1000.01, 1000.02])
    iterates = gaussian_of(values.reshape(3, 1).numpy())
    assert iterates.variance.item() == pytest.approx(
        values.double().var(correction=0).item(), rel=0.1
    )


@pytest.mark.parametrize("scale", [0.5, 2.0])
@pytest.mark.parametrize("max_rank", [3, 8])
def test_draws_have_the_covariance_of_the_paper(scale, max_rank):
    weights = weights_of(8, 5)
    draws = draws_of(gaussian_of(weights, max_rank), scale)
    assert_has_covariance(draws, covariance_of(weights, max_rank, scale))
    error = np.sqrt(np.diag(covariance_of(weights, max_rank, scale)) / N_DRAWS)
    assert (abs(draws.mean(0) - weights.mean(0)) < 4.5 * error).all()


def test_two_weights_that_move_together_correlate_about_a_half():
    # With all deviations D D' / (K - 1) is about as large as the variance that is not shared.
    rng = np.random.default_rng(0)
    moves = rng.normal(size=(60, 1))
    iterates = gaussian_of(np.c_[moves, moves], max_rank=60)
    # The standard error of a correlation of 0.5 is (1 - 0.25) / sqrt(1000) = 0.024.
    draws = draws_of(iterates, 0.5, n_draws=1000)
    assert np.corrcoef(draws.T)[0, 1] == pytest.approx(0.5, abs=0.1)


def test_fewer_moments_than_max_rank_count_as_what_they_are():
    weights = weights_of(4, 5)
    iterates = gaussian_of(weights, max_rank=20)
    assert len(iterates.deviations) == 4
    assert_has_covariance(draws_of(iterates, 0.5), covariance_of(weights, 4, 0.5))


def test_only_the_last_deviations_are_kept():
    weights = weights_of(9, 3)
    kept = torch.stack(list(gaussian_of(weights, max_rank=4).deviations))
    np.testing.assert_allclose(kept, deviations_of(weights)[-4:], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("max_rank", [0, 1])
def test_without_two_deviations_the_covariance_is_diagonal(max_rank):
    weights = weights_of(8, 5)
    draws = draws_of(gaussian_of(weights, max_rank), 1.0)
    assert_has_covariance(draws, np.diag(weights.var(0)))


def test_a_scale_of_0_is_the_mean():
    weights = weights_of(8, 5)
    draws = draws_of(gaussian_of(weights, 8), 0.0, n_draws=3)
    np.testing.assert_allclose(draws, [weights.mean(0)] * 3, rtol=1e-12)


def test_weights_that_change_afterwards_are_not_followed():
    given = torch.tensor([1.0, 2.0])
    iterates = IterateGaussian(2)
    iterates.add(given)
    given += 100
    iterates.add(torch.tensor([3.0, 4.0]))
    assert iterates.mean.tolist() == [2.0, 3.0]
    assert [d.tolist() for d in iterates.deviations] == [[0.0, 0.0], [1.0, 1.0]]


def test_without_a_moment_nothing_is_drawn():
    assert list(IterateGaussian().draws(3, 0.5, 0)) == []


def test_draws_come_from_the_seed_and_more_draws_begin_alike():
    iterates = gaussian_of(weights_of(8, 5), 8)
    first = draws_of(iterates, 0.5, n_draws=3)
    assert (draws_of(iterates, 0.5, n_draws=5)[:3] == first).all()
    assert (draws_of(iterates, 0.5, n_draws=3, seed=1) != first).all()
    assert (first[0] != first[1]).all()


def make_net(module):
    order = {"iterator_train__shuffle": False}
    return NetClassifier(module, batch_size=16, max_epochs=4, device="cpu", **order)


def test_draws_on_another_device_are_drawn_on_the_cpu():
    iterates = IterateGaussian(2)
    for _ in range(3):
        iterates.add(torch.zeros(3, device="meta"))
    # A device that holds no numbers has no generator either.
    assert next(iterates.draws(1, 1.0, seed=0)).device.type == "meta"


def test_a_draw_moves_all_layers_together():
    # The shares of the deviations are the same numbers in the first and in the last layer.
    X = torch.randn(64, 3, generator=torch.Generator().manual_seed(0)).numpy()
    data = Data(X, (X[:, 0] > 0).astype(int))
    torch.manual_seed(0)
    net = make_net(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))).initialize()
    moment = partial(is_tail_point, n_averaged=6, pretrain_fraction=0.5)
    settings = {"schedule": lambda t, T: 0.1, "moment": moment, "max_rank": 6}
    iterates, trace = fit_iterate_gaussian(net, data, **settings)
    assert iterates.n == len(trace.moments) == 6
    deviations = torch.stack(list(iterates.deviations)).numpy()
    first, last = deviations[:, 0], deviations[:, -1]
    shared = first @ last / (6 - 1)
    variance = iterates.variance.numpy()[[0, -1]] + (deviations[:, [0, -1]] ** 2).sum(0) / (6 - 1)
    draws = draws_of(iterates, 1.0, n_draws=1000)
    expected = shared / np.sqrt(variance.prod())
    assert abs(expected) > 0.3
    # The standard error of a correlation is at most 1 / sqrt(1000) = 0.032.
    assert np.corrcoef(draws[:, 0], draws[:, -1])[0, 1] == pytest.approx(expected, abs=0.13)


def test_the_iterates_are_the_weights_at_the_moments():
    X = torch.randn(64, 3, generator=torch.Generator().manual_seed(0)).numpy()
    data = Data(X, (X[:, 0] > 0).astype(int))
    module, kept = nn.Linear(3, 2), []
    tail = {"pretrain_fraction": 0.5}
    settings = {
        "schedule": partial(constant_tail, alpha_zero=0.2, tail_lr=0.1, **tail),
        "moment": partial(is_tail_point, n_averaged=4, **tail),
    }
    iterates, _ = fit_iterate_gaussian(make_net(module).initialize(), data, **settings)
    other = make_net(module).initialize()
    train(other, data, **settings, observe=lambda step: kept.append(copy_state(step.module)))
    expected = np.mean([np.r_[s["weight"].ravel(), s["bias"]] for s in kept], axis=0)
    # A running mean rounds float32 anew at each of its four steps.
    np.testing.assert_allclose(iterates.mean, expected, rtol=1e-5, atol=1e-7)


def test_put_weights_refreshes_the_statistics_too():
    X = 5 + torch.randn(20, 3, generator=torch.Generator().manual_seed(0)).numpy()
    module = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    net = make_net(module).initialize()
    weights = torch.arange(12.0)
    load_weight_vector(net, Data(X, np.zeros(20, dtype=int)), weights)
    linear, norm = net.module_
    assert linear.weight.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert linear.bias.tolist() == [6, 7]
    hidden = X @ np.arange(6.0).reshape(2, 3).T + [6, 7]
    np.testing.assert_allclose(norm.running_mean, hidden.mean(0), rtol=1e-5)


def test_frozen_weights_are_neither_taken_in_nor_put_back():
    module = nn.Sequential(nn.Linear(2, 3).requires_grad_(False), nn.Linear(3, 2))
    net = make_net(module).initialize()
    before = [parameter.detach().clone() for parameter in net.module_.parameters()]
    rows = Data(np.ones((8, 2), np.float32), np.arange(8) % 2)
    iterates, _ = fit_iterate_gaussian(net, rows, **at_each_step(), max_rank=2)
    # The weights and biases of the second layer.
    assert iterates.mean.shape == (3 * 2 + 2,)
    load_weight_vector(net, rows, torch.arange(8.0))
    found = list(net.module_.parameters())
    assert all(torch.equal(one, other) for one, other in zip(found[:2], before[:2], strict=True))
    assert torch.cat([found[2].flatten(), found[3]]).tolist() == list(range(8))


class UnfreezeAtEpoch(Callback):
    """Lets the first layer join in at the second epoch."""

    def on_epoch_begin(self, net, **kwargs):
        """Unfreeze it."""
        if len(net.history) == 2:
            net.module_[0].requires_grad_(True)


def test_weights_that_join_in_later_begin_the_average_anew():
    module = nn.Sequential(nn.Linear(2, 3).requires_grad_(False), nn.Linear(3, 2))
    net = NetClassifier(module, max_epochs=3, batch_size=4, callbacks=[UnfreezeAtEpoch()])
    net.initialize()
    rows = Data(np.ones((8, 2), np.float32), np.arange(8) % 2)
    iterates, trace = fit_iterate_gaussian(net, rows, **at_each_step(), max_rank=9)
    # Two steps an epoch: four of six are made with all weights.
    assert len(trace.moments) == 6
    assert iterates.n == len(iterates.deviations) == 4
    assert iterates.mean.shape == (2 * 3 + 3 + 3 * 2 + 2,)


def at_each_step():
    return {"schedule": lambda t, T: 0.1, "moment": lambda t, T: True}


def test_images_are_channels_last_after_weights_were_loaded():
    X = np.random.default_rng(0).normal(size=(20, 3, 4, 4)).astype(np.float32)
    layers = nn.Conv2d(3, 4, 2), nn.Flatten(), nn.Linear(36, 2)
    net = NetClassifier(nn.Sequential(*layers), channels_last=True, max_epochs=2, device="cpu")
    net.initialize()
    data = Data(X, np.arange(20) % 2)
    iterates, _ = fit_iterate_gaussian(
        net, data, schedule=lambda t, T: 0.1, moment=lambda t, T: True
    )
    weight = net.module_[0].weight
    place = weight.data_ptr()
    mean = iterates.mean[: weight.numel()]
    load_weight_vector(net, data, iterates.mean)
    assert torch.equal(weight.detach().flatten(), mean)
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert weight.data_ptr() == place
