"""Losses and gradients of several nets at once, held against autograd on each net alone."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import NetRegressor
from skensemble.lockstep._populations import ClosedFormPopulation, FunctionalPopulation, packed
from tests.lockstep.conftest import (
    LABELS,
    TARGETS,
    WEIGHT,
    Convolution,
    Own,
    X,
    initialized,
    paused,
    weights_of,
)

POPULATIONS = [ClosedFormPopulation, FunctionalPopulation]
ACTIVATIONS = ["silu", "relu", "gelu", "tanh"]

# More outputs than inputs, fewer, as many, fewer that are many, and one.
LAYERS = [(), (7,), (5, 5), (3,), (7, 3, 2), (20, 16), (4, 1)]


def three_nets(module=None, **settings):
    """Give trainings of nets with weights of their own."""
    trainings = []
    for k in range(3):
        one = initialized(module, seed=k, **settings)
        # A training holds the state of torch's generator of now, for its dropout.
        torch.manual_seed(10 + k)
        trainings.append(paused(one))
    return trainings


def batch_of(sizes, targets, rows=X):
    """Give rows for each net, filled up with rows of weight 0 that would spoil any sum."""
    width, K = max(sizes), len(sizes)
    x = torch.full((K, width, *rows.shape[1:]), 1e3, dtype=torch.float64)
    y = torch.as_tensor(targets[:1]).expand(K, width, *targets.shape[1:]).clone()
    weight = torch.zeros(K, width, dtype=torch.float64)
    for k, n in enumerate(sizes):
        own = slice(k, k + n)
        x[k, :n], y[k, :n] = torch.as_tensor(rows[own]), torch.as_tensor(targets[own])
        weight[k, :n] = torch.as_tensor(WEIGHT[own] / WEIGHT[own].sum())
    return x, y, weight


def alone(training, x, y, weight):
    """Give the loss and the gradients of one net by autograd."""
    output = training.module.train()(x)
    if y.ndim == 1:
        losses = nn.functional.cross_entropy(output, y, reduction="none")
    else:
        losses = nn.functional.mse_loss(output, y, reduction="none").mean(1)
    loss = (losses * weight).sum()
    return loss.item(), torch.autograd.grad(loss, [*training.module.parameters()])


def gradients_of(population, k, training):
    """Give the gradients of net k, shaped as its parameters."""
    gradients = [torch.empty_like(p) for p in training.module.parameters()]
    population.write(k, population.gradients, gradients)
    return gradients


def assert_gives_what_autograd_gives(kind, trainings, batches):
    population = kind(trainings)
    found = []
    for batch in batches:
        with torch.no_grad():
            # Rows that fill up a batch have no share in the loss.
            population.draw(batch[2].shape[1], (batch[2] > 0).sum(1).tolist())
            losses = population.backward(batch).tolist()
        gradients = [gradients_of(population, k, own) for k, own in enumerate(trainings)]
        found.append((losses, gradients))
    for k, training in enumerate(trainings):
        # Dropout alone draws from torch's own generator.
        torch.manual_seed(10 + k)
        for (losses, gradients), batch in zip(found, batches, strict=True):
            n = int((batch[2][k] > 0).sum())
            loss, expected = alone(training, *(part[k, :n] for part in batch))
            assert losses[k] == pytest.approx(loss, rel=1e-12)
            torch.testing.assert_close(gradients[k], [*expected], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", POPULATIONS)
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize(("net_kind", "y"), [(None, LABELS), (NetRegressor, TARGETS)])
def test_gradients_are_those_of_autograd(kind, layers, net_kind, y):
    settings = {} if net_kind is None else {"kind": net_kind}
    trainings = three_nets(module__hidden_units=layers, **settings)
    # A second batch of another size finds the memory of the first.
    assert_gives_what_autograd_gives(
        kind, trainings, [batch_of((6, 6, 6), y), batch_of((4, 1, 3), y)]
    )


@pytest.mark.parametrize("columns", [None, [0, 2, 0, 1, 2]])
@pytest.mark.parametrize("layers", [(), (7,), (3, 4)])
@pytest.mark.parametrize(("net_kind", "y"), [(None, LABELS), (NetRegressor, TARGETS)])
def test_gradients_of_scales_of_columns_are_those_of_autograd(columns, layers, net_kind, y):
    settings = {} if net_kind is None else {"kind": net_kind}
    settings |= {"module__columns": columns, "module__column_scale": True}
    trainings = three_nets(module__hidden_units=layers, **settings)
    for training in trainings:
        with torch.no_grad():
            training.module[0].scale.normal_()
    batches = [batch_of((6, 6, 6), y), batch_of((4, 1, 3), y)]
    assert_gives_what_autograd_gives(ClosedFormPopulation, trainings, batches)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_of_each_activation_are_those_of_autograd(activation):
    trainings = three_nets(module__hidden_units=(6, 6), module__activation=activation)
    assert_gives_what_autograd_gives(ClosedFormPopulation, trainings, [batch_of((5, 5, 5), LABELS)])


@pytest.mark.parametrize("p", [0.3, 0.8, 1.0])
def test_masks_of_dropout_are_those_that_each_net_draws_alone(p):
    trainings = three_nets(module__dropout=p, module__hidden_units=(7, 4))
    # Rows that fill up a batch draw nothing.
    batches = [batch_of((6, 2, 4), LABELS), batch_of((3, 3, 5), LABELS)]
    assert_gives_what_autograd_gives(ClosedFormPopulation, trainings, batches)


@pytest.mark.parametrize("kind", POPULATIONS)
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize(("net_kind", "y"), [(None, LABELS), (NetRegressor, TARGETS)])
def test_rows_that_nets_share_need_not_be_repeated(kind, layers, net_kind, y):
    settings = {} if net_kind is None else {"kind": net_kind}
    trainings = three_nets(module__hidden_units=layers, **settings)
    x, targets, weight = torch.as_tensor(X[:6]), torch.as_tensor(y[:6]), batch_of((4, 6, 6), y)[2]
    # Each net leaves out rows of its own; the first fills up its batch.
    weight[1, 2] = weight[2, 0] = 0
    repeated = x.repeat(3, 1, 1), torch.stack([targets] * 3), weight
    one, other = kind(trainings), kind(trainings)
    with torch.no_grad():
        losses, expected = one.backward((x[None], targets[None], weight)), other.backward(repeated)
    torch.testing.assert_close(losses, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(one.all_gradients, other.all_gradients, rtol=1e-10, atol=1e-12)
    losses_alone = [alone(t, x, targets, w)[0] for t, w in zip(trainings, weight, strict=True)]
    assert losses.tolist() == pytest.approx(losses_alone, rel=1e-12)


def test_dropout_draws_for_all_rows_of_a_shared_batch_as_each_net_would_alone():
    trainings = three_nets(module__dropout=0.5, module__hidden_units=(7, 4))
    rows, y = X[:6], torch.as_tensor(LABELS[:6])
    weight = torch.ones(3, 6, dtype=torch.float64)
    weight[0, 2] = weight[1, 0] = weight[1, 4] = weight[2, 5] = 0
    population = ClosedFormPopulation(trainings)
    with torch.no_grad():
        population.draw(6, [6] * 3)
        losses = population.backward((torch.as_tensor(rows)[None], y[None], weight))
    for k, training in enumerate(trainings):
        torch.manual_seed(10 + k)
        loss, expected = alone(training, torch.as_tensor(rows), y, weight[k])
        assert losses[k].item() == pytest.approx(loss, rel=1e-12)
        found = gradients_of(population, k, training)
        torch.testing.assert_close(found, [*expected], rtol=1e-10, atol=1e-12)


def test_rows_of_several_axes_are_flattened():
    trainings = three_nets(module__n_features=4)
    batch = batch_of((6, 5, 6), LABELS, rows=X[:, :4].reshape(-1, 2, 2))
    flat = batch[0].flatten(2), *batch[1:]
    one, other = ClosedFormPopulation(trainings), ClosedFormPopulation(trainings)
    torch.testing.assert_close(one.backward(batch), other.backward(flat), rtol=0, atol=0)
    torch.testing.assert_close(one.all_gradients, other.all_gradients, rtol=0, atol=0)


def test_any_module_goes_through_torch_func():
    trainings = three_nets(Convolution)
    assert_gives_what_autograd_gives(FunctionalPopulation, trainings, [batch_of((6, 3, 6), LABELS)])


class Shifted(Own):
    """A module whose output is another one in training."""

    def forward(self, x):
        """Give the output, of one class more in training."""
        return super().forward(x) + self.training * torch.arange(3)


def test_a_module_is_in_training_whatever_mode_it_was_left_in():
    trainings = three_nets(Shifted)
    for training in trainings:
        training.module.eval()
    population = FunctionalPopulation(trainings)
    losses = population.backward(batch_of((6, 6, 6), LABELS)).tolist()
    assert not any(training.module.training for training in trainings)
    expected = [
        alone(training, *(part[k] for part in batch_of((6, 6, 6), LABELS)))[0]
        for k, training in enumerate(trainings)
    ]
    assert losses == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", POPULATIONS)
def test_the_weights_of_a_population_are_copies(kind):
    trainings = three_nets()
    before = [weights_of(training.net) for training in trainings]
    population = kind(trainings)
    population.all_weights.mul_(2)
    for training, expected in zip(trainings, before, strict=True):
        np.testing.assert_array_equal(weights_of(training.net), expected)
    for k, training in enumerate(trainings):
        population.write(k, population.weights, [*training.module.parameters()])
        np.testing.assert_array_equal(weights_of(training.net), 2 * before[k])


@pytest.mark.parametrize("kind", POPULATIONS)
@pytest.mark.parametrize("layers", LAYERS)
def test_what_is_stacked_is_written_back(kind, layers):
    trainings = three_nets(module__hidden_units=layers)
    own = [[torch.randn_like(p) for p in t.module.parameters()] for t in trainings]
    population = kind(trainings)
    stacked = population.stack(own)
    assert [s.shape for s in stacked] == [w.shape for w in population.weights]
    for k, tensors in enumerate(own):
        targets = [torch.empty_like(tensor) for tensor in tensors]
        population.write(k, stacked, targets)
        assert all(map(torch.equal, targets, tensors))


def test_packed_tensors_lie_one_behind_the_other():
    tensors = [torch.arange(6.0).view(2, 3), torch.arange(6.0, 8.0)]
    flat, parts = packed(tensors)
    assert flat.tolist() == list(range(8))
    assert [part.shape for part in parts] == [(2, 3), (2,)]
    flat += 1
    assert parts[0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert tensors[1].tolist() == [6, 7]
    pointers = [part.data_ptr() for part in parts]
    assert all(one < other for one, other in pairwise(pointers))
