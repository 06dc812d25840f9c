"""What lies beneath a compiled module, and which hooks are seen."""

import pytest
import torch
from torch import nn

from skensemble.modules import is_watched, unwrap_compiled


def look(*args):
    """Look on."""


HOOKED = {
    "forward pre-hook": lambda m: m.register_forward_pre_hook(look),
    "forward hook": lambda m: m.register_forward_hook(look),
    "full backward pre-hook": lambda m: m.register_full_backward_pre_hook(look),
    "full backward hook": lambda m: m.register_full_backward_hook(look),
    "state dict hook": lambda m: m.register_state_dict_post_hook(look),
    "hook on the weight": lambda m: m.weight.register_hook(lambda gradient: gradient),
    "hook on the bias": lambda m: m.bias.register_hook(lambda gradient: gradient),
    "hook after the gradient": lambda m: m.bias.register_post_accumulate_grad_hook(look),
}


@pytest.mark.parametrize("kind", HOOKED)
def test_a_hook_is_seen_until_it_is_removed(kind):
    layer = nn.Linear(2, 2)
    assert not is_watched(layer)
    handle = HOOKED[kind](layer)
    assert is_watched(layer)
    if hasattr(handle, "remove"):
        handle.remove()
        assert not is_watched(layer)


def test_a_forward_of_its_own_is_seen():
    layer = nn.ReLU()
    layer.forward = lambda x: x
    assert is_watched(layer)


def test_hooks_of_a_child_are_its_own():
    parent = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    parent[0].register_forward_hook(look)
    parent[0].weight.register_hook(lambda gradient: gradient)
    assert [is_watched(part) for part in parent.modules()] == [False, True, False]


def test_a_layer_without_a_bias_has_no_hook_on_it():
    layer = nn.Linear(2, 2, bias=False)
    assert not is_watched(layer)
    layer.weight.register_hook(lambda gradient: gradient)
    assert is_watched(layer)


def test_what_is_compiled_is_the_users_own_module():
    module = nn.Linear(2, 2)
    assert unwrap_compiled(torch.compile(module, backend="eager")) is module
    assert unwrap_compiled(module) is module
