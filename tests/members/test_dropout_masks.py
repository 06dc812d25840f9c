import numpy as np
import torch
from torch import nn

from skensemble import NetClassifier
from skensemble.members import MAIN, names_of_masks, with_fixed_dropout, with_masks
from skensemble.modules import FixedDropout


def make_net():
    module = nn.Sequential(nn.Linear(4, 64), nn.Dropout(0.5), nn.Linear(64, 3), nn.Dropout(0.2))
    return NetClassifier(module, random_state=0).initialize()


def answer(state):
    return state.parts[MAIN].eval()(torch.ones(1, 4)).detach().numpy()


def test_each_dropout_has_a_seed_and_the_net_keeps_its_own():
    net = make_net()
    state = with_fixed_dropout(net)
    assert names_of_masks(state) == ["1.seed", "3.seed"]
    assert not any(isinstance(layer, FixedDropout) for layer in net.module_)


def test_a_net_without_dropout_has_no_masks():
    net = NetClassifier(nn.Sequential(nn.Linear(4, 3)), random_state=0).initialize()
    assert names_of_masks(with_fixed_dropout(net)) == []


def test_members_have_masks_of_their_own_and_share_their_weights():
    state = with_fixed_dropout(make_net())
    names = names_of_masks(state)
    one, other, again = (
        with_masks(state, {name: np.array(seed) for name in names}) for seed in (1, 2, 1)
    )
    assert [int(member["1.seed"]) for member in (one, other)] == [1, 2]
    assert (answer(one) == answer(again)).all()
    assert abs(answer(one) - answer(other)).max() > 1e-3
    for name in ("0.weight", "2.bias"):
        assert one[name] is other[name] is state[name]
    weights = [member.parts[MAIN][0].weight for member in (one, other)]
    assert weights[0] is weights[1]
