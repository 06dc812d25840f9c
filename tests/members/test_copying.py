"""Copies of modules hold all that makes their answer, and nothing of the original."""

import functools
import threading
import weakref

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from skensemble._checks import InvalidParameterError
from skensemble.members import copy_modules, placed

ROWS = torch.linspace(-1, 1, 20).reshape(5, 4)


def cloned(obj):
    """Copy a tensor; slots there are none."""
    copy = obj.detach().clone()
    return nn.Parameter(copy, requires_grad=False) if isinstance(obj, nn.Parameter) else copy


class Holder(nn.Module):
    """A linear layer, a plain tensor, and something that computes from both."""

    def __init__(self, make):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.scale = torch.randn(3)
        self.compute = make(self)

    def forward(self, x):
        """Compute by what was set."""
        return self.compute(x)

    def scaled(self, x, power=1):
        """Give the scaled output."""
        return self.layer(x) * self.scale**power


def closure(holder):
    return lambda x: holder.layer(x) * holder.scale


def recursive_closure(holder):
    def call(n, x):
        return call(n - 1, x * holder.scale) if n else x

    return lambda x: call(2, holder.layer(x))


def default_argument(holder):
    def call(x, scale=holder.scale):
        return holder.layer(x) * scale

    return call


def keyword_default(holder):
    def call(x, *, scale=holder.scale):
        return holder.layer(x) * scale

    return call


def attribute_of_a_function(holder):
    def call(x):
        return holder.layer(x) * call.scale

    call.scale = holder.scale
    return call


def bound_method(holder):
    return holder.scaled


def partial(holder):
    return functools.partial(holder.scaled, power=2)


def weak_reference(holder):
    holder.kept = [holder.layer]
    found = weakref.ref(holder.layer)
    return lambda x: found()(x) * holder.scale


def tensors_in_a_list(holder):
    holder.scales = [{"own": torch.randn(3)}]
    return lambda x: holder.layer(x) * holder.scales[0]["own"]


def compiled_function(holder):
    return torch.compile(holder.scaled, backend="eager")


def lock(holder):
    holder.lock, holder.again = threading.Lock(), threading.RLock()
    return holder.scaled


def empty_cell(holder):
    def call(x):
        return holder.layer(x) if holder is not None else later

    if False:
        later = None
    return call


MAKERS = [
    closure,
    recursive_closure,
    default_argument,
    keyword_default,
    attribute_of_a_function,
    bound_method,
    partial,
    weak_reference,
    tensors_in_a_list,
    compiled_function,
    lock,
    empty_cell,
]


def hooked():
    net = Holder(bound_method)
    net.layer.register_forward_hook(lambda layer, x, output: output + net.scale)
    net.layer.register_forward_pre_hook(lambda layer, x: (x[0] * net.scale.sum(),))
    return net


class Recurrent(nn.LSTM):
    """A recurrent layer, which keeps weak references to its weights."""

    def forward(self, x):
        """Give the last output."""
        return super().forward(x[:, None])[0][:, -1]


class Quiet(nn.Linear):
    """A layer that leaves a cache out of its copies."""

    cache = None

    def __getstate__(self):
        return {**vars(self), "cache": None}


def parametrized():
    return nn.Sequential(parametrizations.orthogonal(nn.Linear(4, 4)), nn.ReLU())


LAYERS = {
    "weight norm": lambda: nn.Sequential(weight_norm(nn.Linear(4, 3)), nn.ReLU()),
    "parametrized weight norm": lambda: parametrizations.weight_norm(nn.Linear(4, 3)),
    "orthogonal": parametrized,
    "spectral norm": lambda: spectral_norm(nn.Linear(4, 3)),
    "pruned": lambda: prune.l1_unstructured(nn.Linear(4, 3), "weight", 0.3),
    "scripted": lambda: nn.Sequential(torch.jit.script(nn.Linear(4, 3)), nn.ReLU()),
    "compiled part": lambda: nn.Sequential(torch.compile(nn.Linear(4, 3), backend="eager")),
    "traced": lambda: torch.fx.symbolic_trace(nn.Sequential(nn.Linear(4, 3), nn.ReLU())),
    "recurrent": lambda: Recurrent(4, 3, batch_first=True),
    "hooked": hooked,
    "quiet": lambda: Quiet(4, 3),
}


def tensors_of(module):
    attributes = (vars(part).values() for part in module.modules())
    plain = [v for values in attributes for v in values if isinstance(v, torch.Tensor)]
    return [*module.parameters(), *module.buffers(), *plain]


@pytest.mark.filterwarnings("ignore:.*torch.*:FutureWarning", "ignore:.*jit.*:DeprecationWarning")
@pytest.mark.parametrize("make", [*LAYERS.values(), *(lambda m=m: Holder(m) for m in MAKERS)])
def test_a_copy_answers_as_the_module_did_and_not_as_it_does_now(make):
    module = make().eval()
    expected = module(ROWS).detach().clone()
    copy = copy_modules(module, cloned).eval()
    assert torch.equal(copy(ROWS).detach(), expected)
    with torch.no_grad():
        for tensor in tensors_of(module):
            tensor.add_(0.5)
    assert not torch.allclose(module(ROWS), expected)
    assert torch.equal(copy(ROWS).detach(), expected)


def test_a_module_that_says_how_it_is_copied_is_copied_so():
    module = Quiet(4, 3)
    module.cache = (row for row in ROWS)
    assert copy_modules(module, cloned).cache is None


def test_what_stands_in_two_places_is_copied_once():
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    parts = {"one": nn.Sequential(first, first), "other": second}
    copies = copy_modules(parts, functools.cache(cloned))
    assert copies["one"][0] is copies["one"][1]
    assert copies["one"][0].weight is copies["other"].weight


def test_a_function_without_objects_is_the_same_one():
    holder = Holder(lambda holder: torch.relu)
    holder.plain = nn.functional.relu
    copy = copy_modules(holder, cloned)
    assert copy.compute is torch.relu
    assert copy.plain is holder.plain


def test_a_generator_goes_on_from_where_it_was():
    holder = Holder(bound_method)
    holder.generator = torch.Generator().manual_seed(3)
    torch.rand(5, generator=holder.generator)
    copy = copy_modules(holder, cloned)
    one, other = (torch.rand(4, generator=net.generator) for net in (holder, copy))
    assert torch.equal(one, other)


def test_a_stand_in_takes_the_place_of_an_object():
    owner = object()
    holder = Holder(bound_method)
    holder.owner = owner
    assert copy_modules(holder, cloned, stand_ins=[(owner, "other")]).owner == "other"


@pytest.mark.parametrize("where", ["", "0"])
def test_what_cannot_be_copied_is_named(where):
    module = nn.Sequential(Holder(bound_method))
    module.get_submodule(where).rows = (row for row in ROWS)
    message = rf"must have a module that can be copied, got {where and where + r'.'}rows of"
    with pytest.raises(InvalidParameterError, match=message):
        copy_modules({"module_": module}, cloned)


def test_modules_that_are_on_the_cpu_stay_where_they_are():
    module = Holder(bound_method)
    assert placed(module, torch.device("cpu")) is module


def test_tensors_of_every_place_go_to_the_device():
    module = Holder(tensors_in_a_list)
    there = placed({"module_": module}, torch.device("meta"))["module_"]
    assert {t.device.type for t in (*tensors_of(there), there.scales[0]["own"])} == {"meta"}
    assert isinstance(there.layer.weight, nn.Parameter)
    assert module.scale.device.type == "cpu"
