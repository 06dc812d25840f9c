"""Which nets have one output for two classes."""

import pickle
from functools import partial

import pytest
import torch
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from skensemble import NetClassifier, NetRegressor, SnapshotEnsembleClassifier
from skensemble.modules import MLP
from skensemble.nets import has_one_output
from skensemble.nets._one_output import as_two_columns


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


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
@pytest.mark.parametrize("is_skorchs", [False, True])
def test_one_output_becomes_two_columns(shape, is_skorchs):
    share = torch.tensor([0.25, 0.5, 1.0])

    def transform(output):
        """Give the share of the second class, or of both as skorch does."""
        return torch.stack([1 - output, output], dim=1) if is_skorchs else output

    proba = as_two_columns(transform, share.reshape(shape))
    assert proba.tolist() == [[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]]


def test_an_ensemble_of_such_nets_runs_modules_on_the_rows(iris):
    X, y = iris[0][:100], iris[1][:100]
    net = NetClassifier(criterion=nn.BCEWithLogitsLoss, max_epochs=10)
    ensemble = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(X, y)
    assert ensemble._predictor_.are_modules
    assert ensemble.score(X, y) > 0.95
    proba = pickle.loads(pickle.dumps(ensemble)).predict_proba(X)
    assert (proba == ensemble.predict_proba(X)).all()
    assert proba.shape == (100, 2)
