"""What is known of a training before it begins."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from skensemble.lockstep._paused_training import PausedTraining, digest_of
from skensemble.training import Data, ReadOnly, copying, ignore
from tests.lockstep.conftest import LABELS, WEIGHT, X, initialized, paused


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "sizes"),
    [
        (64, 16, [16, 16, 16, 16]),
        (50, 16, [16, 16, 16, 2]),
        # A last row alone joins the batch before it.
        (65, 16, [16, 16, 16, 17]),
        (65, -1, [65]),
        (65, 100, [65]),
    ],
)
def test_batches_are_those_of_an_epoch(n_rows, batch_size, sizes):
    training = paused(initialized(batch_size=batch_size), Data(X[:n_rows], LABELS[:n_rows]))
    assert training.batch_sizes == sizes


def test_what_is_held_is_rows_beside_weights_gradients_momentum_and_copies():
    # 5 * 7 + 7 weights of the hidden layer, and 7 * 3 + 3 of the other.
    weights = 8 * (5 * 7 + 7 + 7 * 3 + 3)
    assert paused(initialized()).held_bytes == 8 * weights
    assert paused(initialized()).row_bytes == 8 * 65 * 5
    assert paused(initialized(), Data(csr_array(np.eye(65, 5)), LABELS)).row_bytes == 8 * 5


@pytest.mark.parametrize(
    ("length", "n_steps"),
    [({}, 12 * 4), ({"n_epochs": 3}, 3 * 4), ({"n_steps": 7}, 7)],
)
def test_its_length_is_the_one_that_was_asked_for(length, n_steps):
    # 65 rows in batches of 16 are 4: the last row joins the batch before it.
    training = paused(initialized())
    assert PausedTraining(training.request._replace(**length)).n_steps == n_steps


def digest(X=X, y=LABELS, weight=None):
    return paused(initialized(), Data(X, y, weight)).data_digest


@pytest.mark.parametrize(
    "other",
    [
        {"X": X + np.eye(65, 5) * 1e-9},
        {"X": X.reshape(65, 1, 5)},
        {"X": X.astype(np.float32)},
        {"X": X.astype(np.float32).astype(np.float64)},
        {"y": np.r_[LABELS[:-1], (LABELS[-1] + 1) % 3]},
        {"weight": WEIGHT},
    ],
)
def test_other_rows_targets_or_weights_have_another_digest(other):
    assert digest(**other) != digest()


def test_copies_have_the_same_digest():
    assert digest(X.copy(), LABELS.copy()) == digest()
    assert digest(np.asfortranarray(X)) == digest()
    assert digest(np.repeat(X, 2, axis=1)[:, ::2]) == digest()


def test_a_digest_tells_where_one_array_ends():
    whole = np.arange(4)
    assert digest_of([whole]) != digest_of([whole[:2], whole[2:]])
    assert digest_of([whole.astype(np.int64)]) != digest_of([whole.astype(np.int32)])


def test_dropout_draws_from_a_copy_of_the_generator_of_torch():
    torch.manual_seed(5)
    training = paused(initialized())
    expected = torch.rand(3)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    assert torch.equal(torch.rand(3, generator=training.generator), expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_state_after_the_training_is_that_of_what_was_drawn():
    torch.manual_seed(5)
    drawing, idle = paused(initialized()), paused(initialized())
    before = torch.get_rng_state()
    torch.rand(3, generator=drawing.generator)
    torch.rand(3)
    assert torch.equal(drawing.drawn_state, torch.get_rng_state())
    assert torch.equal(idle.drawn_state, before)


class Collector:
    """Takes copies of weights."""

    def __init__(self, can_wait):
        self.can_wait = can_wait

    def __call__(self, state, step):
        """Take a copy."""


@pytest.mark.parametrize(
    ("observe", "can_wait"),
    [
        (ignore, False),
        (ReadOnly(ignore), False),
        (copying(lambda state, step: None), False),
        (copying(Collector(False)), False),
        (copying(Collector(True)), True),
        # Whoever looks at the step itself cannot wait.
        (ReadOnly(Collector(True)), False),
    ],
)
def test_only_copies_of_weights_can_wait(observe, can_wait):
    assert paused(initialized(), observe=observe).observer_can_wait is can_wait


def test_the_generator_is_that_of_the_device_of_the_weights():
    training = paused(initialized())
    assert training.device == torch.device("cpu")
    assert torch.equal(training.generator_state, torch.get_rng_state())
