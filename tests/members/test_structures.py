"""Members without their arrays, and put together again."""

import pickle

import numpy as np
import torch
from torch import nn

from skensemble import NetClassifier
from skensemble.members import Predictor, Structures, copy_member, copy_state
from skensemble.modules import MLP

CPU = torch.device("cpu")
X = np.linspace(-1, 1, 40, dtype=np.float32).reshape(10, 4)


class Drawn(MLP):
    """A module with tensors in every place."""

    def __init__(self):
        super().__init__(4, 3)
        self.plain = torch.randn(3)
        self.register_buffer("unsaved", torch.randn(3), persistent=False)
        self.listed = [torch.randn(3)]
        self.coarse = nn.Parameter(torch.randn(3, dtype=torch.bfloat16))
        self.calls = 0

    def forward(self, x):
        """Add up all that it holds."""
        own = self.plain + self.unsaved + self.listed[0] + self.coarse.float() + self.calls
        return super().forward(x) * own


class Doubling(NetClassifier):
    """A net that doubles its rows."""

    def infer(self, x, **fit_params):
        """Double the rows."""
        return super().infer(2 * x, **fit_params)


def predictor_of(states):
    predictor = Predictor(CPU, nn.Softmax(-1), None, 1)
    for state in states:
        predictor.add(None, state)
    return predictor


def stored(states):
    """Send the structures of members through a pickle."""
    predictor, arrays = predictor_of(states), [dict(state) for state in states]
    structures = Structures(predictor.members, arrays)
    again = pickle.loads(pickle.dumps(structures)).fill(arrays)
    return predictor.outputs(X, range(len(states))), structures, predictor_of(again)


def test_members_answer_as_before():
    modules = [Drawn() for _ in range(3)]
    before, structures, again = stored([copy_state(module) for module in modules])
    assert (again.outputs(X, range(3)) == before).all()
    # A list of tensors and bfloat16 are no arrays, and differ.
    assert structures.index == [0, 1, 2]


def test_members_of_one_structure_have_one():
    module = MLP(4, 3)
    states = [copy_state(module)]
    with torch.no_grad():
        module[0].weight.add_(1)
    states.append(copy_state(module))
    before, structures, again = stored(states)
    assert structures.index == [0, 0]
    assert len(structures.distinct) == 1
    assert (again.outputs(X, range(2)) == before).all()
    assert not np.allclose(before[0], before[1])
    assert again.members[0][0] is not again.members[1][0]


def test_attributes_that_differ_make_two_structures():
    module = Drawn()
    states = [copy_state(module)]
    module.calls = 3
    before, structures, again = stored([*states, copy_state(module)])
    assert structures.index == [0, 1]
    assert (again.outputs(X, range(2)) == before).all()


def test_members_that_predict_by_their_net_take_it_along():
    net = Doubling(device="cpu", module__n_features=4, module__n_outputs=3).initialize()
    before, structures, again = stored([copy_member(net)])
    assert type(structures.distinct[0][1]) is Doubling
    assert (again.outputs(X, [0]) == before).all()


def test_members_are_on_the_memory_of_their_arrays():
    arrays = dict(copy_state(MLP(4, 3)))
    structures = Structures(predictor_of([copy_state(MLP(4, 3))]).members, [arrays])
    module = structures.fill([arrays])[0].parts["module_"]
    assert np.shares_memory(module[0].weight.detach().numpy(), arrays["0.weight"])
    assert isinstance(module[0].weight, nn.Parameter)


def test_a_structure_that_cannot_be_written_is_like_no_other():
    module = MLP(4, 3)
    module.call = lambda x: x
    states = [copy_state(module), copy_state(module)]
    structures = Structures(predictor_of(states).members, [dict(state) for state in states])
    assert structures.index == [0, 1]
