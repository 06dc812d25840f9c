"""Statistics of batch normalisation, held against NumPy."""

from functools import partial

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn
from torch.optim.swa_utils import update_bn

from skensemble import NetClassifier
from skensemble.training import (
    Data,
    held_layers,
    layers_with_statistics,
    refresh_batch_norm,
    statistics_averaged,
)

# 19 rows in batches of 8: the last batch has three.
X = torch.randn(19, 4, generator=torch.Generator().manual_seed(0)).double().numpy() ** 3 + 2
Y = np.arange(19) % 2
BATCHES = (X[:8], X[8:16], X[16:])


class Counting(nn.Sequential):
    """Layers that count the batches that pass."""

    def forward(self, x):
        """Count, then give the output."""
        self.n_passes = getattr(self, "n_passes", 0) + 1
        return super().forward(x)


def normed(*, norm=nn.BatchNorm1d, dropout=0.0, **keywords):
    return Counting(nn.Dropout(dropout), norm(4, **keywords), nn.Linear(4, 2))


def net(module, **keywords):
    settings = {"batch_size": 8, "precision": "float64", "device": "cpu"}
    settings["iterator_train__shuffle"] = False
    return NetClassifier(module, **(settings | keywords)).initialize()


def stock(module, **keywords):
    settings = {"criterion": nn.CrossEntropyLoss, "batch_size": 8, "verbose": 0}
    return NeuralNetClassifier(module.double(), **(settings | keywords)).initialize()


def by_rows(statistic):
    return np.average([statistic(b) for b in BATCHES], axis=0, weights=[8, 8, 3])


MEAN = by_rows(partial(np.mean, axis=0))
VARIANCE = by_rows(partial(np.var, axis=0, ddof=1))


def test_statistics_weigh_batches_by_their_rows():
    trained = net(normed())
    refresh_batch_norm(trained, Data(X, Y))
    norm = trained.module_[1]
    np.testing.assert_allclose(norm.running_mean, MEAN, rtol=1e-12)
    np.testing.assert_allclose(norm.running_mean, X.mean(0), rtol=1e-12)
    np.testing.assert_allclose(norm.running_var, VARIANCE, rtol=1e-12)


def test_torch_weighs_batches_alike():
    trained = net(normed())
    update_bn([torch.tensor(b) for b in BATCHES], trained.module_)
    alike = np.mean([b.mean(0) for b in BATCHES], axis=0)
    np.testing.assert_allclose(trained.module_[1].running_mean, alike, rtol=1e-12)
    assert abs(alike - MEAN).max() > 0.1


def test_what_was_seen_before_is_forgotten():
    trained = net(normed())
    for _ in range(2):
        trained.module_[1].running_mean += 100
        refresh_batch_norm(trained, Data(X, Y))
    np.testing.assert_allclose(trained.module_[1].running_mean, MEAN, rtol=1e-12)


def test_deeper_layers_see_what_the_layers_before_them_give():
    torch.manual_seed(0)
    module = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    trained = net(module)
    refresh_batch_norm(trained, Data(X, Y))
    first, linear, second, _ = trained.module_
    hidden = []
    for batch in BATCHES:
        normal = (batch - batch.mean(0)) / np.sqrt(batch.var(0) + first.eps)
        hidden.append(normal @ linear.weight.detach().numpy().T + linear.bias.detach().numpy())
    expected = np.average([h.var(0, ddof=1) for h in hidden], axis=0, weights=[8, 8, 3])
    np.testing.assert_allclose(second.running_var, expected, rtol=1e-10)


def test_channels_of_images_are_normalised_over_places():
    images = np.random.default_rng(0).normal(size=(11, 3, 2, 2))
    module = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))
    trained = net(module)
    refresh_batch_norm(trained, Data(images, Y[:11]))
    batches = images[:8], images[8:]
    expected = np.average([b.var((0, 2, 3), ddof=1) for b in batches], axis=0, weights=[8, 3])
    np.testing.assert_allclose(trained.module_[0].running_var, expected, rtol=1e-12)


def test_a_last_batch_of_two_rows_counts():
    trained = net(normed())
    refresh_batch_norm(trained, Data(X[:18], Y[:18]))
    np.testing.assert_allclose(trained.module_[1].running_mean, X[:18].mean(0), rtol=1e-12)


def test_a_last_batch_of_one_row_is_passed_on():
    # skorch's DataLoader cuts 17 rows into 8 + 8 + 1; one row has no variance.
    trained = stock(normed(), train_split=None)
    refresh_batch_norm(trained, Data(X[:17], Y[:17]))
    norm = trained.module_[1]
    np.testing.assert_allclose(norm.running_mean, X[:16].mean(0), rtol=1e-12)
    assert trained.module_.n_passes == 3


def test_a_last_batch_of_one_row_joins_the_batch_before_it():
    trained = net(normed())
    refresh_batch_norm(trained, Data(X[:17], Y[:17]))
    np.testing.assert_allclose(trained.module_[1].running_mean, X[:17].mean(0), rtol=1e-12)


@pytest.mark.parametrize("make", [net, stock])
def test_a_single_row_survives(make):
    trained = make(normed())
    refresh_batch_norm(trained, Data(X[:1], Y[:1]))
    assert torch.isfinite(trained.module_[1].running_var).all()


def test_dropout_is_off():
    trained = net(normed(dropout=0.9))
    refresh_batch_norm(trained, Data(X, Y))
    np.testing.assert_allclose(trained.module_[1].running_mean, MEAN, rtol=1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("momentum", [0.3, None])
def test_the_module_is_left_as_it_was(training, momentum):
    trained = net(normed(momentum=momentum))
    trained.module_.train(training)
    before = [p.detach().clone() for p in trained.module_.parameters()]
    refresh_batch_norm(trained, Data(X, Y))
    norm = trained.module_[1]
    assert norm.momentum == momentum
    assert not norm._forward_pre_hooks
    assert {m.training for m in trained.module_.modules()} == {training}
    after = list(trained.module_.parameters())
    assert all(map(torch.equal, before, after))
    assert all(p.grad is None for p in after)


def test_hooks_and_momentum_are_put_back_after_an_error():
    trained = net(normed(momentum=0.3))
    with pytest.raises(RuntimeError):
        refresh_batch_norm(trained, Data(X[:, :3], Y))
    assert trained.module_[1].momentum == 0.3
    assert not trained.module_[1]._forward_pre_hooks


@pytest.mark.parametrize(
    "module",
    [
        Counting(nn.Linear(4, 2)),
        normed(norm=nn.LayerNorm),
        normed(track_running_stats=False),
    ],
)
def test_without_running_statistics_no_batch_is_passed(module):
    trained = net(module)
    refresh_batch_norm(trained, Data(X, Y))
    assert not hasattr(trained.module_, "n_passes")


def test_a_layer_without_running_statistics_stays_beside_one_that_has_them():
    module = nn.Sequential(
        nn.BatchNorm1d(4, track_running_stats=False), nn.BatchNorm1d(4), nn.Linear(4, 2)
    )
    trained = net(module)
    refresh_batch_norm(trained, Data(X, Y))
    unwrap_compiled, tracked = trained.module_[:2]
    assert unwrap_compiled.running_mean is None
    assert unwrap_compiled.momentum == 0.1
    # Its output has mean 0 in each batch.
    np.testing.assert_allclose(tracked.running_mean, np.zeros(4), atol=1e-12)


class Frozen(Counting):
    """Layers whose batch normalisation stays in evaluation mode."""

    def train(self, mode=True):
        """Set the mode of all layers but of the frozen one."""
        super().train(mode)
        self[1].eval()
        return self


def test_layers_held_in_evaluation_mode_keep_their_statistics():
    module = Frozen(nn.BatchNorm1d(4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    frozen_net = net(module)
    frozen_net.module_[1].running_mean.fill_(5.0)
    refresh_batch_norm(frozen_net, Data(X, Y))
    np.testing.assert_allclose(frozen_net.module_[0].running_mean, MEAN)
    assert frozen_net.module_[1].running_mean.tolist() == [5.0] * 4


def test_layers_that_saw_rows_alone_are_told_and_those_that_saw_none_are_not():
    alone, pairs, unused = (nn.BatchNorm1d(4).eval() for _ in range(3))
    with statistics_averaged([alone, pairs, unused]) as without:
        alone(torch.ones(1, 4))
        pairs(torch.ones(2, 4))
    assert [layer is alone for layer in without] == [True]


def test_frozen_layers_keep_their_statistics_in_training_and_refreshing():
    # The second has no weights, and stands in a frozen part.
    body = Counting(nn.BatchNorm1d(4), nn.Linear(4, 4), nn.BatchNorm1d(4, affine=False))
    module = nn.Sequential(body.requires_grad_(False), nn.BatchNorm1d(4), nn.Linear(4, 2))
    frozen_net = net(module)
    assert held_layers(frozen_net) == {"0.0", "0.2"}
    assert held_layers(stock(module)) == frozenset()
    frozen_net.partial_fit(X, Y)
    refresh_batch_norm(frozen_net, Data(X, Y))
    assert all((frozen_net.module_[0][k].running_mean == 0).all() for k in (0, 2))
    assert (frozen_net.module_[1].running_mean != 0).all()
    # The training goes on as it was.
    assert [m.training for m in frozen_net.module_.modules() if isinstance(m, nn.BatchNorm1d)] == [
        False,
        False,
        True,
    ]


def test_layers_are_named_and_some_are_left_out():
    module = nn.Sequential(nn.BatchNorm1d(4), nn.BatchNorm1d(4), nn.Linear(4, 2)).eval()
    assert list(layers_with_statistics(module)) == ["0", "1"]
    assert list(layers_with_statistics(module, {"0"})) == ["1"]
    assert not any(layer.training for layer in module.modules())
