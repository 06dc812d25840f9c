"""The nets: what they leave out, what they draw, and what travels between processes."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from skorch import NeuralNetClassifier
from torch import nn

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.ensembles.cross_fitted._nets import (
    NetInTraining,
    leaving_out,
    streams_of_nets,
)
from skensemble.training import Data
from tests.ensembles.conftest import output

X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])
TRAIN = np.array([0, 2, 3])


def test_rows_that_are_left_out_have_a_weight_of_0():
    data = leaving_out(Data(X, Y), TRAIN, NetClassifier())
    assert data.sample_weight.tolist() == [1, 0, 1, 1, 0, 0]
    assert data.X is X


def test_weights_of_rows_stay_as_they_are_and_own_ones_beside_them():
    weight, own = np.arange(1.0, 7), np.full(6, 2.0)
    data = leaving_out(Data(X, Y, weight, own_weight=own), TRAIN, NetClassifier())
    assert data.sample_weight.tolist() == [1, 0, 3, 4, 0, 0]
    assert data.own_weight.tolist() == [2, 0, 2, 2, 0, 0]


def test_a_net_that_knows_no_weights_gets_the_rows_alone():
    data = leaving_out(Data(X, Y, given=Y), TRAIN, NeuralNetClassifier(nn.Linear))
    assert (X[TRAIN] == data.X).all()
    assert (data.y == Y[TRAIN]).all()
    assert (data.given == Y[TRAIN]).all()
    assert data.sample_weight is None


def test_nets_see_the_same_batches_and_begin_apart():
    streams = streams_of_nets(0, 5)
    assert len({one.order for one in streams}) == 1
    for name in ("weights", "training", "method"):
        assert len({getattr(one, name) for one in streams}) == 5
    # More nets do not change the first ones.
    assert streams_of_nets(0, 8)[:5] == streams


@pytest.fixture
def one(iris):
    """Give a net that can be trained, the members that it hands on, and its rows."""
    X, y = iris
    net = NetClassifier(max_epochs=12, batch_size=32, module__hidden_units=(8,), device="cpu")
    method = SnapshotEnsembleClassifier(net, M=2, warmup=5)
    fitted = clone(method).set_params(random_state=0).fit(X, y)
    learnt = {
        name: value
        for name, value in vars(fitted).items()
        if name in ("classes_", "template_net_", "_transform_", "_rows_dtype_")
    } | {"_n_members_planned_": 2}
    data = Data(X, y, given=y, coding=fitted.classes_)
    (streams,) = streams_of_nets(0, 1)
    return NetInTraining(method, learnt, fitted.template_net_, data, streams)


def trained(one):
    """Train a net and one further cycle; give the members and both traces."""
    members = []
    first = one.train(lambda state, step: members.append(state))
    further = one.train_further(lambda state, step: members.append(state), n_steps=7)
    return members, first, further


def test_a_net_is_trained_by_its_method_and_goes_on(one):
    members, first, further = trained(one)
    assert len(members) == len(one.ensemble.members_) == 3
    assert (len(first.learning_rates), len(further.learning_rates)) == (60, 7)
    assert one.ensemble.n_steps_ == 67
    # What a further training draws is not what the first has drawn.
    assert one.n_trainings == 2
    # The warm-up is over; the cycle begins at the full rate.
    assert first.learning_rates[0] == pytest.approx(0.1 / 5)
    assert further.learning_rates[0] == pytest.approx(0.1)


@pytest.mark.filterwarnings("ignore:A cycle of")
def test_a_net_that_has_been_to_another_process_goes_on_alike(one):
    other = pickle.loads(pickle.dumps(one))
    expected, *_ = trained(one)
    members = []
    other.train(lambda state, step: members.append(state))
    other = pickle.loads(pickle.dumps(other))
    assert len(other.ensemble.members_) == 2
    other.train_further(lambda state, step: members.append(state), n_steps=7)
    for member, same in zip(members, expected, strict=True):
        assert all((member[name] == same[name]).all() for name in same)


def test_members_of_the_net_predict(one, iris):
    trained(one)
    first, *_ = one.ensemble._predictor_.outputs(iris[0], [0])
    assert first.shape == (150, 3)
    assert output(one.ensemble, iris[0]).shape == (150, 3)
