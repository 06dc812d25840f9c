import pickle

import numpy as np
import pytest
import torch
from torch import nn

from skensemble.members import Predictor, copy_state, is_finite, member_module

CPU = torch.device("cpu")


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


def test_a_member_predicts_as_the_net_did_when_it_was_copied():
    net, X = norm_net(), torch.randn(8, 3)
    net.eval()
    expected, state = net(X).detach(), copy_state(net)
    template = norm_net().train()
    member = member_module(template, state, CPU)
    assert torch.equal(member(X), expected)
    assert template.training


def test_a_member_shares_the_memory_of_its_state():
    state = copy_state(norm_net())
    member = member_module(norm_net(), state, CPU)
    assert np.shares_memory(member[0].weight.numpy(), state["0.weight"])


def test_compiled_modules_have_the_names_that_users_know():
    compiled = torch.compile(norm_net(), backend="eager")
    assert "0.weight" in copy_state(compiled)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_state_with_a_value_that_is_not_finite_is_found(value):
    net = norm_net()
    net.register_buffer("mask", torch.full((2,), -torch.inf))
    state = copy_state(net)
    assert is_finite(state, net)
    state["0.bias"][0] = value
    assert not is_finite(state, net)


def test_the_predictor_averages_probabilities_and_not_logits():
    predictor = Predictor(CPU, torch.nn.Softmax(-1), None, 1)
    for bias in ([2.0, 0.0], [0.0, 4.0]):
        layer = nn.Linear(1, 2)
        state = {"weight": np.zeros((2, 1), "f4"), "bias": np.array(bias, "f4")}
        predictor.add(layer, state)
    first, second = np.exp(2) / (np.exp(2) + 1), 1 / (1 + np.exp(4))
    X = np.zeros((5, 1), np.float32)
    assert predictor.mean(X, np.array([0.25, 0.75]))[:, 0] == pytest.approx(
        0.25 * first + 0.75 * second
    )


def test_a_member_of_weight_0_is_not_run():
    predictor = Predictor(CPU, nn.Identity(), None, 1)
    for value in (np.nan, 1.0):
        predictor.add(
            nn.Linear(1, 1), {"weight": np.full((1, 1), value, "f4"), "bias": np.ones(1, "f4")}
        )
    assert predictor.mean(np.ones((2, 1), np.float32), np.array([0.0, 1.0])).tolist() == [[2], [2]]


def test_batches_change_nothing():
    predictor = Predictor(CPU, nn.Identity(), None, 1)
    layer = nn.Linear(2, 3)
    predictor.add(layer, copy_state(layer))
    X = np.random.default_rng(0).normal(size=(10_001, 2)).astype(np.float32)
    expected = layer(torch.tensor(X)).detach().numpy()
    # Products of a different number of rows differ in the last bits of float32.
    assert predictor.outputs(X, [0])[0] == pytest.approx(expected, abs=1e-6)
