import pickle

import numpy as np
import pytest
import torch
from torch import nn

from skensemble.members import MemberTemplate, Predictor, copy_state, is_finite, structure_of
from skensemble.modules import MLP

CPU = torch.device("cpu")


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


def test_a_member_predicts_as_the_net_did_when_it_was_copied():
    net, X = norm_net(), torch.randn(8, 3)
    net.eval()
    expected, state = net(X).detach(), copy_state(net)
    template = norm_net().train()
    member = MemberTemplate(template).build(state, CPU)
    assert torch.equal(member(X), expected)
    assert template.training


def test_a_member_shares_the_memory_of_its_state():
    state = copy_state(norm_net())
    member = MemberTemplate(norm_net()).build(state, CPU)
    assert np.shares_memory(member[0].weight.numpy(), state["0.weight"])


def test_compiled_modules_have_the_names_that_users_know():
    compiled = torch.compile(norm_net(), backend="eager")
    assert "0.weight" in copy_state(compiled)


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


HOOKS = [
    "register_forward_hook",
    "register_forward_pre_hook",
    "register_full_backward_hook",
    "register_full_backward_pre_hook",
]


@pytest.mark.parametrize("part", ["", "0", "1", "3"])
@pytest.mark.parametrize("register", HOOKS)
def test_hooks_of_a_member_are_its_own(register, part):
    """A member's dict of hooks must not be that of the net it was copied from."""
    net = norm_net()
    getattr(net.get_submodule(part), register)(halved)
    member = MemberTemplate(net).build(copy_state(net), CPU)
    kinds = [name for name in vars(net) if name.endswith("_hooks")]
    for one, other in zip(net.modules(), member.modules(), strict=True):
        for name in kinds:
            assert getattr(one, name) is None or getattr(one, name) is not getattr(other, name)
            # The hook itself goes along.
            assert list(getattr(one, name) or ()) == list(getattr(other, name) or ())


def test_a_hook_that_is_added_later_does_not_show_in_a_member():
    net = norm_net()
    member = MemberTemplate(net).build(copy_state(net), CPU)
    net[0].register_forward_hook(halved)
    net.register_forward_hook(halved)
    assert not member._forward_hooks
    assert not member[0]._forward_hooks


def halved(module, inputs, *output):
    return output[0] / 2 if output else None


def test_layers_that_stand_in_two_places_stay_one():
    layer = nn.Linear(3, 3)
    net = nn.Sequential(layer, nn.ReLU(), layer)
    member = MemberTemplate(net).build(copy_state(net), CPU)
    assert member[0] is member[2]
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].weight = tied[0].weight
    member = MemberTemplate(tied).build(copy_state(tied), CPU)
    assert member[0].weight is member[1].weight


class Odd(nn.Module):
    """A module of a class that nobody knows, with a tensor among its attributes."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.scale = torch.tensor(2.0)

    def forward(self, x):
        """Give the scaled output."""
        return self.scale * self.linear(x)


@pytest.mark.parametrize("make", [norm_net, Odd, lambda: MLP(3, 2, dropout=0.5)])
def test_a_structure_has_no_weights_and_is_a_template_of_members(make):
    net, X = make().eval(), torch.randn(5, 3)
    template = structure_of(net)
    assert all(p.numel() == 0 for p in template.parameters())
    assert [n for n, _ in template.named_parameters()] == [n for n, _ in net.named_parameters()]
    assert torch.equal(MemberTemplate(template).build(copy_state(net), CPU)(X), net(X))
    assert all(p.numel() > 0 for p in net.parameters())


def test_a_member_is_not_trained_and_not_in_training_mode():
    net = norm_net().train()
    member = MemberTemplate(net).build(copy_state(net), CPU)
    assert not any(p.requires_grad for p in member.parameters())
    assert not any(part.training for part in member.modules())
    assert all(p.requires_grad for p in net.parameters())
    assert all(part.training for part in net.modules())


def test_the_predictor_averages_probabilities_and_not_logits():
    predictor = Predictor(CPU, torch.nn.Softmax(-1), None, 1)
    for bias in ([2.0, 0.0], [0.0, 4.0]):
        layer = nn.Linear(1, 2)
        state = {"weight": np.zeros((2, 1), "f4"), "bias": np.array(bias, "f4")}
        predictor.add(MemberTemplate(layer), state)
    first, second = np.exp(2) / (np.exp(2) + 1), 1 / (1 + np.exp(4))
    X = np.zeros((5, 1), np.float32)
    assert predictor.mean(X, np.array([0.25, 0.75]))[:, 0] == pytest.approx(
        0.25 * first + 0.75 * second
    )


def predictor_of(module, *, transform=None, autocast=None):
    predictor = Predictor(CPU, transform or nn.Identity(), autocast, 1)
    predictor.add(MemberTemplate(module), copy_state(module))
    return predictor


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_either_precision_are_read_as_they_are(dtype):
    module = nn.Linear(1, 1, dtype=torch.from_numpy(np.zeros(1, dtype)).dtype)
    nn.init.constant_(module.weight, 1.0)
    nn.init.zeros_(module.bias)
    predictor = predictor_of(module)
    # float32 cannot tell 1 + 1e-12 from 1.
    X = np.array([[1.0], [1 + 1e-12]], dtype)
    outputs = predictor.outputs(X, [0])[0]
    assert outputs.dtype == predictor.mean(X, np.ones(1)).dtype == dtype
    assert (outputs[1, 0] != outputs[0, 0]) == (dtype is np.float64)


class Pair(nn.Linear):
    """A module that gives two outputs."""

    def forward(self, x):
        """Give the output and its opposite."""
        output = super().forward(x)
        return output, -output


def test_of_several_outputs_the_first_is_the_prediction():
    module, X = Pair(2, 3), np.ones((4, 2), np.float32)
    predictor = predictor_of(module)
    expected = module(torch.tensor(X))[0].detach().numpy()
    assert predictor.outputs(X, [0])[0] == pytest.approx(expected)
    assert predictor.mean(X, np.ones(1)) == pytest.approx(expected)


def test_outputs_of_lower_precision_are_widened_before_they_are_transformed():
    seen = []

    def transform(output):
        seen.append(output.dtype)
        return output.softmax(-1)

    X = np.ones((4, 2), np.float32)
    predictor = predictor_of(nn.Linear(2, 3), transform=transform, autocast=torch.bfloat16)
    assert predictor.outputs(X, [0]).dtype == np.float32
    assert seen == [torch.float32]
    # bfloat16 has 8 bits, of which a softmax in float32 keeps a sum of 1 to 6e-8 for each term.
    assert predictor.mean(X, np.ones(1)).sum(1) == pytest.approx(np.ones(4), abs=3e-7)
    exact = predictor_of(nn.Linear(2, 3), transform=transform)
    assert exact.outputs(X, [0]).dtype == np.float32


def test_members_that_are_asked_for_come_in_that_order():
    predictor = Predictor(CPU, nn.Identity(), None, 1)
    for value in (1.0, 2.0, 3.0):
        state = {"weight": np.full((1, 1), value, "f4"), "bias": np.zeros(1, "f4")}
        predictor.add(MemberTemplate(nn.Linear(1, 1)), state)
    X = np.ones((2, 1), np.float32)
    assert predictor.outputs(X, [2, 0])[:, 0, 0].tolist() == [3, 1]
    assert predictor.mean(X, np.array([0.5, 0.0, 0.5]))[:, 0].tolist() == [2, 2]
    assert predictor.mean(X, np.array([0.0, 0.25, 0.75]))[:, 0].tolist() == [2.75, 2.75]


def test_a_member_of_weight_0_is_not_run():
    predictor = Predictor(CPU, nn.Identity(), None, 1)
    for value in (np.nan, 1.0):
        predictor.add(
            MemberTemplate(nn.Linear(1, 1)),
            {"weight": np.full((1, 1), value, "f4"), "bias": np.ones(1, "f4")},
        )
    assert predictor.mean(np.ones((2, 1), np.float32), np.array([0.0, 1.0])).tolist() == [[2], [2]]


def test_batches_change_nothing():
    predictor = Predictor(CPU, nn.Identity(), None, 1)
    layer = nn.Linear(2, 3)
    predictor.add(MemberTemplate(layer), copy_state(layer))
    X = np.random.default_rng(0).normal(size=(10_001, 2)).astype(np.float32)
    expected = layer(torch.tensor(X)).detach().numpy()
    # Products of a different number of rows differ in the last bits of float32.
    assert predictor.outputs(X, [0])[0] == pytest.approx(expected, abs=1e-6)
