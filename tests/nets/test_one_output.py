"""Which nets have one output for two classes."""

from functools import partial

import pytest
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from skensemble import NetClassifier, NetRegressor
from skensemble.modules import MLP
from skensemble.nets import has_one_output


class Own(nn.BCEWithLogitsLoss):
    """A loss of one's own, for several classes."""


@pytest.mark.parametrize(
    ("net", "has"),
    [
        (NetClassifier(criterion=nn.BCEWithLogitsLoss), True),
        (NetClassifier(criterion=nn.BCELoss()), True),
        (NetClassifier(criterion=partial(nn.BCEWithLogitsLoss, reduction="sum")), True),
        (NetClassifier(criterion=Own), False),
        (NetClassifier(), False),
        (NetRegressor(criterion=nn.BCELoss, target_scale=None), False),
        (NeuralNetBinaryClassifier(MLP, criterion=Own), True),
        (NeuralNetClassifier(MLP, criterion=nn.BCELoss), True),
        (NeuralNetClassifier(MLP), False),
    ],
)
def test_the_criterion_says_whether_a_net_has_one_output(net, has):
    assert has_one_output(net) is has
