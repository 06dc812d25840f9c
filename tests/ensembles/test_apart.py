"""Nets that are trained apart, and what comes back from processes."""

import os
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest

from skensemble import NetClassifier
from skensemble._checks import InvalidParameterError
from skensemble.ensembles._apart import in_processes, train_apart
from skensemble.modules import MLP
from skensemble.training import Data


class Own(MLP):
    """A module of a class that nobody knows."""


class Marked(MLP):
    """A module that knows itself from its copies."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.mark = id(self)

    def forward(self, x):
        """Turn the output round in a copy."""
        output = super().forward(x)
        return output if self.mark == id(self) else -output


def net_of(module):
    return NetClassifier(module, module__n_features=4, module__n_outputs=3, max_epochs=5)


def low(t, T):
    return 0.05


def test_a_net_comes_from_its_seed(iris):
    data = Data(iris[0].astype(np.float32), iris[1])
    net = net_of(Own)
    (one, trace), (same, _), (other, _) = (
        train_apart(net, data, low, seed, is_checked=True) for seed in (0, 0, 1)
    )
    assert trace.n_steps == 15
    assert (one["0.weight"] == same["0.weight"]).all()
    assert not np.allclose(one["0.weight"], other["0.weight"])
    assert not net.initialized_


def test_processes_give_results_in_the_order_of_the_tasks():
    tasks = [partial(divmod, k, 2) for k in range(4)]
    assert list(in_processes(tasks, 2)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert list(in_processes([os.getpid], 1)) == [os.getpid()]


def test_an_error_of_a_task_is_that_of_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(in_processes([partial(divmod, 1, 0)], 1))


@pytest.mark.parametrize("is_checked", [False, True])
def test_a_copy_is_held_to_its_net_where_asked_to(iris, is_checked):
    data = Data(iris[0].astype(np.float32), iris[1])
    refused = pytest.raises(InvalidParameterError, match="whose members answer as it does")
    with refused if is_checked else nullcontext():
        train_apart(net_of(Marked), data, low, 0, is_checked=is_checked)
