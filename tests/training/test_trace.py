"""What a training leaves behind, in numbers of its own."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from torch import nn

from skensemble.training import Trace, join_traces

FIRST = Trace(
    n_steps=4,
    learning_rates=np.array([0.4, 0.3, 0.2]),
    moments=np.array([2], dtype=int),
    loss_curve=np.array([0.9, 0.8]),
    last_loss=0.85,
    stopped_by="observer",
)
SECOND = Trace(
    n_steps=2,
    learning_rates=np.array([0.1, 0.05]),
    moments=np.array([], dtype=int),
    loss_curve=np.array([0.7]),
    last_loss=0.65,
    stopped_by="skorch callback",
)


def test_the_last_step_is_the_last_that_was_made():
    module = nn.Linear(1, 1)
    step = FIRST.last_step(module)
    # Three of four steps were made.
    assert (step.t, step.T, step.rate, step.module) == (3, 4, 0.2, module)
    assert type(step.rate) is float
    assert step.loss == 0.85


@pytest.mark.parametrize(
    ("stopped_by", "was_interrupted"),
    [("ctrl-c", True), ("skorch callback", False), ("observer", False), (None, False)],
)
def test_ctrl_c_alone_interrupts(stopped_by, was_interrupted):
    assert replace(FIRST, stopped_by=stopped_by).was_interrupted is was_interrupted


def test_a_trace_is_not_changed():
    with pytest.raises(FrozenInstanceError):
        FIRST.stopped_by = None


def test_traces_are_joined_one_behind_the_other():
    joined = join_traces([FIRST, SECOND])
    assert joined.n_steps == 4 + 2
    assert joined.learning_rates.tolist() == [0.4, 0.3, 0.2, 0.1, 0.05]
    assert joined.loss_curve.tolist() == [0.9, 0.8, 0.7]
    assert joined.moments.tolist() == []
    assert joined.moments.dtype == int
    assert joined.last_loss == 0.65
    assert joined.stopped_by == "skorch callback"
