"""Losses and their gradients, held against autograd and written out."""

import math

import pytest
import torch
import torch.nn.functional as F

from skensemble.nets.gradients import log_loss, squared_error
from skensemble.nets.gradients._losses import FEW_CLASSES, mean_log_loss, mean_squared_error

GENERATOR = torch.Generator().manual_seed(0)
ONE = torch.ones((), dtype=torch.float64)


def randn(*shape):
    return torch.randn(shape, generator=GENERATOR, dtype=torch.float64)


def codes(*shape, n_classes):
    return torch.randint(n_classes, shape, generator=GENERATOR)


def row_weights(*shape):
    weight = torch.rand(shape, generator=GENERATOR, dtype=torch.float64)
    return weight / weight.sum(-1, keepdim=True)


def by_autograd(loss, output):
    """Give the gradient of the sum of some losses by an output."""
    leaf = output.clone().requires_grad_(True)
    losses = loss(leaf)
    losses.sum().backward()
    return losses.detach(), leaf.grad


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3, FEW_CLASSES, FEW_CLASSES + 1])
@pytest.mark.parametrize("nets", [(), (4,)])
def test_log_loss_is_that_of_autograd(nets, n_classes):
    logits, y = randn(*nets, 7, n_classes), codes(*nets, 7, n_classes=n_classes)
    weight = row_weights(*nets, 7)

    def loss(logits):
        log_proba = torch.log_softmax(logits, -1).gather(-1, y[..., None])[..., 0]
        return -(log_proba * weight).sum(-1)

    assert_same(log_loss(logits, y, weight), by_autograd(loss, logits))


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("nets", [(), (4,)])
def test_squared_error_is_that_of_autograd(nets, n_outputs):
    output, y, weight = (
        randn(*nets, 7, n_outputs),
        randn(*nets, 7, n_outputs),
        row_weights(*nets, 7),
    )

    def loss(output):
        return ((output - y).square().mean(-1) * weight).sum(-1)

    assert_same(squared_error(output.clone(), y, weight), by_autograd(loss, output))


def test_log_loss_of_two_rows_written_out():
    logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]], dtype=torch.float64)
    y, weight = torch.tensor([0, 1]), torch.tensor([0.75, 0.25], dtype=torch.float64)
    loss, gradient = log_loss(logits, y, weight)
    # Probabilities 3/4, 1/4 and 1/2, 1/2.
    assert loss.item() == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.5))
    expected = [[0.75 * (0.75 - 1), 0.75 * 0.25], [0.25 * 0.5, 0.25 * (0.5 - 1)]]
    assert gradient.tolist() == [pytest.approx(row) for row in expected]


def test_squared_error_of_two_rows_written_out():
    output = torch.tensor([[1.0, 2.0], [0.0, 3.0]], dtype=torch.float64)
    y = torch.tensor([[0.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    weight = torch.tensor([0.75, 0.25], dtype=torch.float64)
    loss, gradient = squared_error(output, y, weight)
    assert loss.item() == pytest.approx(0.75 * (1 + 4) / 2 + 0.25 * (0 + 4) / 2)
    # The derivative of e^2 / 2 is e.
    assert gradient.tolist() == [[0.75 * 1, 0.75 * 2], [0.25 * 0, 0.25 * 2]]


def test_a_row_of_weight_0_counts_for_nothing():
    logits, y = randn(2, 5, 3), codes(2, 5, n_classes=3)
    weight = row_weights(2, 5)
    weight[:, -1] = 0
    weight /= weight.sum(-1, keepdim=True)
    loss, gradient = log_loss(logits, y, weight)
    alone, _ = log_loss(logits[:, :-1], y[:, :-1], weight[:, :-1])
    torch.testing.assert_close(loss, alone)
    assert (gradient[:, -1] == 0).all()


def test_rows_of_equal_weight_have_the_mean_loss():
    logits, y, weight = (
        randn(7, 4),
        codes(7, n_classes=4),
        torch.full((7,), 1 / 7, dtype=torch.float64),
    )
    assert_same(mean_log_loss(logits, y, ONE), by_autograd(lambda x: F.cross_entropy(x, y), logits))
    assert_same(mean_log_loss(logits, y, ONE), log_loss(logits, y, weight))
    # torch's own leaves out rows of a class that it is told to ignore, by default -100.
    logits, y = randn(3, 102), torch.tensor([99, 100, 101])
    assert_same(mean_log_loss(logits, y, ONE), by_autograd(lambda x: F.cross_entropy(x, y), logits))
    output, target = randn(7, 2), randn(7, 2)
    expected = by_autograd(lambda x: F.mse_loss(x, target), output)
    assert_same(mean_squared_error(output, target, ONE), expected)
    assert_same(mean_squared_error(output, target, ONE), squared_error(output, target, weight))


def test_large_logits_overflow_nothing():
    logits = torch.tensor([[[1e4, 0.0, -1e4]]], dtype=torch.float64)
    loss, gradient = log_loss(logits, torch.tensor([[1]]), torch.ones(1, 1, dtype=torch.float64))
    assert loss.tolist() == [1e4]
    assert gradient.tolist() == [[[1.0, -1.0, 0.0]]]
