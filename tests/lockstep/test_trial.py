"""What a step takes, in arithmetic, and which modules `torch.func` cannot vectorise."""

import numpy as np
import pytest
import torch
from torch import nn

from skensemble.lockstep._trial import step_bytes, try_out
from skensemble.training import Data
from tests.lockstep.conftest import (
    LABELS,
    Branches,
    Counting,
    Own,
    X,
    initialized,
    paused,
    weights_of,
)

# Of layers of 5, 7 and 3 units: 5 * 7 + 7 + 7 * 3 + 3 weights.
N_WEIGHTS = 66


@pytest.mark.parametrize("n_rows", [16, 65])
def test_a_step_of_the_mlp_takes_its_weights_and_its_activations(n_rows):
    """Weights, gradients and momentum; of each row its values, and activations and outputs twice.

    Saved are the rows, and the 7 units before and after the activation.
    """
    values = 5 + 2 * (5 + 7 + 7) + 2 * 3
    training = paused(initialized(module__activation="silu"))
    assert step_bytes(training, n_rows) == 8 * (3 * N_WEIGHTS + n_rows * values)


def test_float32_takes_half():
    training = paused(initialized())
    half = paused(initialized(precision="float32"), Data(X.astype(np.float32), LABELS))
    assert step_bytes(training, 40) == 2 * step_bytes(half, 40)


def test_a_linear_layer_saves_its_rows():
    # 5 * 3 + 3 weights; the rows are saved, and nothing else.
    assert step_bytes(paused(initialized(Own)), 10) == 8 * (3 * 18 + 10 * (5 + 2 * 5 + 2 * 3))


class Repeated(nn.Module):
    """A module that saves the same rows twice, and computes with the same weights."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer = nn.Linear(n_features, n_outputs)

    def forward(self, x):
        """Add the layer's output to itself."""
        return self.layer(x) + self.layer(x)


def test_what_several_operations_save_counts_once():
    assert step_bytes(paused(initialized(Repeated)), 10) == step_bytes(paused(initialized(Own)), 10)


def test_a_step_is_measured_where_autograd_is_off():
    training = paused(initialized())
    expected = step_bytes(training, 16)
    with torch.no_grad():
        assert step_bytes(training, 16) == expected


@pytest.mark.parametrize("module", [None, Own, Repeated])
def test_a_module_that_keeps_nothing_passes_and_is_left_alone(module):
    net = initialized(module)
    before = weights_of(net)
    try_out(paused(net))
    np.testing.assert_array_equal(weights_of(net), before)
    assert all(p.grad is None for p in net.module_.parameters())


def test_a_path_that_depends_on_the_rows_is_refused():
    # It takes a batch as large as those of the training to see it.
    with pytest.raises(RuntimeError, match="vmap"):
        try_out(paused(initialized(Branches)))


def test_a_module_that_keeps_something_of_what_it_has_seen_is_refused():
    net = initialized(Counting)
    with pytest.raises(ValueError, match="it keeps something of what it has seen"):
        try_out(paused(net))
    assert net.module_.n_calls == 0
