"""Observers: what they hand on, and whether they are known to change nothing."""

import pytest
import torch
from torch import nn

from skensemble.training import CopyWeights, ReadOnly, Step, copying, ignore, is_read_only


def step_of(module):
    return Step(1, 2, 0.1, module, lambda: 0.5)


STEP = step_of(nn.Linear(2, 1))


def test_ignoring_asks_for_no_end():
    assert ignore(STEP) is None


@pytest.mark.parametrize("answer", [True, False, None])
def test_a_read_only_observer_gets_the_step_and_answers(answer):
    seen = []
    observe = ReadOnly(lambda step: seen.append(step) or answer)
    assert observe(STEP) is answer
    assert seen == [STEP]


@pytest.mark.parametrize("answer", [True, False])
def test_copies_are_handed_over_with_their_step(answer):
    module, handed = nn.Linear(2, 1), []
    observe = copying(lambda *args: handed.append(args) or answer)
    assert observe(step_of(module)) is answer
    ((state, step),) = handed
    assert step.module is module
    assert state.keys() == {"weight", "bias"}
    before = module.weight.detach().clone()
    with torch.no_grad():
        module.weight.zero_()
    # The copy does not follow the training.
    assert (state["weight"] == before.numpy()).all()


class Collector:
    """Takes copies, and may say that they can wait."""

    def __init__(self, **attributes):
        vars(self).update(attributes)

    def __call__(self, state, step):
        """Take a copy."""


@pytest.mark.parametrize(
    ("attributes", "can_wait"),
    [({}, False), ({"can_wait": False}, False), ({"can_wait": True}, True)],
)
def test_copies_wait_where_the_collector_says_so(attributes, can_wait):
    assert copying(Collector(**attributes)).can_wait is can_wait


@pytest.mark.parametrize(
    ("observe", "expected"),
    [
        (ignore, True),
        (ReadOnly(print), True),
        (CopyWeights(print), True),
        (copying(print), True),
        (print, False),
        (lambda step: None, False),
    ],
)
def test_only_the_observers_of_the_package_are_known_to_change_nothing(observe, expected):
    assert is_read_only(observe) is expected
