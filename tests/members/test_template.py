"""Modules of members, built from a structure and copied states."""

from types import MethodType

import numpy as np
import pytest
import torch
from torch import nn

from skensemble.members import MemberTemplate, copy_state, structure_of
from skensemble.modules import MLP

CPU = torch.device("cpu")


def norm_net():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))


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


def test_what_a_state_lacks_is_that_of_the_template():
    net = norm_net()
    state = {name: value for name, value in copy_state(net).items() if name != "1.running_mean"}
    with torch.no_grad():
        net[1].running_mean.fill_(7)
    member = MemberTemplate(net).build(state, CPU)
    assert member[1].running_mean.tolist() == [7] * 4
    # A copy: two members never write into one buffer.
    member[1].running_mean.zero_()
    assert net[1].running_mean.tolist() == [7] * 4


@pytest.mark.parametrize("make", [nn.ReLU, norm_net])
def test_members_are_modules_of_their_own(make):
    template = MemberTemplate(make())
    one, other = (template.build(copy_state(make()), CPU) for _ in range(2))
    assert one is not other


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


def test_weights_are_parameters_and_buffers_are_not():
    member = MemberTemplate(norm_net()).build(copy_state(norm_net()), CPU)
    assert all(type(p) is nn.Parameter for p in (member[0].weight, member[1].bias))
    assert all(type(b) is torch.Tensor for b in member.buffers())


def test_weights_of_two_names_go_by_the_first():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3, bias=False))
    net[1].weight = net[0].weight
    assert MemberTemplate(net).parameter_names == ["0.weight", "0.bias"]


class Odd(nn.Module):
    """A module of a class that nobody knows, with a tensor among its attributes."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 2))
        self.scale = torch.tensor(2.0)

    def forward(self, x):
        """Give the scaled output."""
        return self.scale * x @ self.weight


def test_a_tensor_among_the_attributes_is_copied():
    net, X = Odd(), torch.randn(5, 3)
    member = MemberTemplate(net).build(copy_state(net), CPU)
    expected = net(X).detach()
    net.scale.zero_()
    assert torch.equal(member(X), expected)


def test_a_forward_that_is_set_on_a_layer_runs_on_the_weights_of_the_member():
    net, X = nn.Linear(3, 2), torch.randn(5, 3)
    net.forward = MethodType(negated, net)
    expected = net(X).detach()
    member = MemberTemplate(net).build(copy_state(net), CPU)
    with torch.no_grad():
        net.weight.zero_()
    assert torch.equal(member(X), expected)


def negated(layer, x):
    return -nn.functional.linear(x, layer.weight, layer.bias)


@pytest.mark.parametrize("make", [norm_net, Odd, lambda: MLP(3, 2, dropout=0.5)])
def test_a_structure_has_no_weights_and_is_a_template_of_members(make):
    net, X = make().eval(), torch.randn(5, 3)
    template = structure_of(net)
    assert all(p.numel() == 0 for p in template.parameters())
    assert [n for n, _ in template.named_parameters()] == [n for n, _ in net.named_parameters()]
    assert torch.equal(MemberTemplate(template).build(copy_state(net), CPU)(X), net(X))
    assert all(p.numel() > 0 for p in net.parameters())


def test_a_structure_is_one_of_members_for_weights_that_are_whole_numbers():
    net = nn.Module()
    net.table = nn.Parameter(torch.tensor([3, 1, 2]), requires_grad=False)
    template = structure_of(net)
    assert template.table.dtype == torch.int64
    assert not template.table.requires_grad
    assert MemberTemplate(template).build(copy_state(net), CPU).table.tolist() == [3, 1, 2]


def test_a_structure_follows_neither_mode_nor_buffers_of_the_net():
    net = norm_net().train()
    template = structure_of(net)
    assert not any(part.training for part in template.modules())
    assert all(part.training for part in net.modules())
    net[1].running_mean.fill_(7)
    assert template[1].running_mean.tolist() == [0] * 4


def test_of_a_compiled_module_the_module_inside_is_copied():
    compiled = torch.compile(norm_net(), backend="eager")
    assert type(structure_of(compiled)) is nn.Sequential
    assert type(MemberTemplate(compiled).build(copy_state(compiled), CPU)) is nn.Sequential


def test_a_member_is_not_trained_and_not_in_training_mode():
    net = norm_net().train()
    member = MemberTemplate(net).build(copy_state(net), CPU)
    assert not any(p.requires_grad for p in member.parameters())
    assert not any(part.training for part in member.modules())
    assert all(p.requires_grad for p in net.parameters())
    assert all(part.training for part in net.modules())
