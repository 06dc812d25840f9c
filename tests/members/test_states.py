"""Copied states of a module, and whether their weights are finite."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import NetClassifier
from skensemble.members import copy_state, is_finite, run_uncompiled


def weights_of(net):
    return [name for name, _ in net.named_parameters()]


def norm_net():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))


def test_a_copied_state_does_not_follow_the_training():
    net = norm_net()
    state = copy_state(net)
    before = {name: value.copy() for name, value in state.items()}
    with torch.no_grad():
        for value in net.state_dict().values():
            value.add_(1)
    assert all((state[name] == before[name]).all() for name in before)


def test_a_state_holds_the_statistics_of_batch_normalisation():
    net = norm_net()
    net(torch.randn(8, 3) + 5)
    assert copy_state(net)["1.running_mean"] == pytest.approx(net[1].running_mean.numpy())


def test_a_view_of_a_large_tensor_is_copied_alone():
    net = nn.Linear(2, 1)
    net.weight = nn.Parameter(torch.zeros(1000, 2)[:1])
    assert len(pickle.dumps(copy_state(net)["weight"])) < 1000


def test_compiled_modules_have_the_names_that_users_know():
    compiled = torch.compile(norm_net(), backend="eager")
    assert "0.weight" in copy_state(compiled)


class Counting(nn.Linear):
    """A layer whose state holds something that is no tensor."""

    def get_extra_state(self):
        """Give it."""
        return {"calls": 3}


def test_a_state_holds_arrays_alone():
    assert set(copy_state(Counting(2, 1))) == {"weight", "bias"}


def test_weights_keep_their_type():
    net = nn.Sequential(nn.Linear(2, 1).double(), nn.BatchNorm1d(1))
    dtypes = {name: value.dtype for name, value in copy_state(net).items()}
    assert dtypes["0.weight"] == np.float64
    assert dtypes["1.weight"] == np.float32
    assert dtypes["1.num_batches_tracked"] == np.int64


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["0.weight", "0.bias", "1.weight", "3.bias"])
def test_a_state_with_a_value_that_is_not_finite_is_found(name, value):
    net = norm_net()
    net.register_buffer("mask", torch.full((2,), -torch.inf))
    state = copy_state(net)
    assert is_finite(state, weights_of(net))
    state[name].flat[-1] = value
    assert not is_finite(state, weights_of(net))


def test_weights_that_are_empty_or_complex_are_finite():
    net = nn.Module()
    net.empty = nn.Parameter(torch.zeros(0, 3))
    net.wave = nn.Parameter(torch.tensor([1 + 2j]))
    assert is_finite(copy_state(net), weights_of(net))
    net.wave.data[0] = complex(1, np.inf)
    assert not is_finite(copy_state(net), weights_of(net))


def test_a_net_runs_the_module_inside_its_compiled_one_in_the_block():
    net = NetClassifier(nn.Linear(2, 2), compile=True, compile__backend="eager").initialize()
    compiled, heard = net.module_, []
    with run_uncompiled(net) as module:
        assert net.module_ is module
        assert type(module) is nn.Linear
        module.register_forward_hook(lambda *call: heard.append(call))
        net.infer(torch.ones(1, 2))
    assert len(heard) == 1
    assert net.module_ is compiled


def test_a_net_has_its_compiled_module_back_after_an_error():
    net = NetClassifier(nn.Linear(2, 2), compile=True, compile__backend="eager").initialize()
    compiled = net.module_
    with pytest.raises(ValueError, match="not this one"), run_uncompiled(net):
        raise ValueError("not this one")
    assert net.module_ is compiled


def test_tensors_among_the_attributes_of_a_layer_are_in_a_state():
    layer = nn.Sequential(nn.Linear(2, 1))
    layer[0].scale = torch.tensor([2.0])
    assert copy_state(layer)["0.scale"].tolist() == [2.0]
