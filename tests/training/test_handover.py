"""The seam: who is asked for a training before `train` makes it."""

import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from skensemble import NetClassifier
from skensemble.modules import MLP
from skensemble.training import Data, Request, Trace, ignore, taker, train

DATA = Data(np.eye(6, 4, dtype=np.float32), np.arange(6) % 2)
TRACE = Trace(2, np.array([0.1, 0.2]), np.array([], dtype=int), np.array([0.7]), 0.6, None)


def net():
    torch.manual_seed(0)
    return NetClassifier(MLP(4, 2, hidden_units=(3,)), max_epochs=2, device="cpu").initialize()


def rate_of(t, T):
    return 0.1


def at_end(t, T):
    return t == T


@contextmanager
def asked_first(take):
    """Let somebody take the trainings inside the block."""
    token = taker.set(take)
    try:
        yield
    finally:
        taker.reset(token)


def test_a_taker_gets_the_arguments_and_gives_the_trace():
    requests = []
    one, settings = net(), {"schedule": rate_of, "moment": at_end, "observe": print}
    before = one.module_[0].weight.detach().clone()
    with asked_first(lambda request: requests.append(request) or TRACE):
        assert train(one, DATA, **settings) is TRACE
    assert requests == [Request(one, DATA, rate_of, at_end, print)]
    assert torch.equal(one.module_[0].weight, before)


def test_a_taker_that_is_told_of_no_moment_gets_none():
    requests = []
    with asked_first(lambda request: requests.append(request) or TRACE):
        train(net(), DATA, schedule=rate_of)
    assert requests[0].observe is ignore
    assert not any(requests[0].moment(t, 4) for t in range(1, 5))


def test_a_training_that_the_taker_leaves_is_made_as_ever():
    left, alone = net(), net()
    with asked_first(lambda request: None):
        trace = train(left, DATA, schedule=rate_of)
    train(alone, DATA, schedule=rate_of)
    assert len(trace.learning_rates) == 2
    assert torch.equal(left.module_[0].weight, alone.module_[0].weight)


def test_an_error_of_the_taker_is_that_of_the_training():
    def fail(request):
        raise FloatingPointError("it blew up")

    with asked_first(fail), pytest.raises(FloatingPointError, match="it blew up"):
        train(net(), DATA, schedule=rate_of)


def test_threads_begin_without_a_taker():
    found = []
    with asked_first(lambda request: TRACE):
        thread = threading.Thread(target=lambda: found.append(taker.get()))
        thread.start()
        thread.join()
    assert found == [None]
    assert taker.get() is None
