"""What a training leaves for another to go on from: two cycles and two more are four."""

import copy
import pickle

import pytest
import torch
from sklearn.base import clone
from skorch import NeuralNetClassifier
from torch import nn

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.ensembles._kept_training import copy_net, give_generator, take_generator
from tests.ensembles.conftest import assert_same_course, assert_same_members


class Normed(nn.Module):
    """A module with batch normalisation and dropout, whose states a training has to keep."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        layers = nn.Linear(n_features, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU()
        self.layers = nn.Sequential(*layers, nn.Linear(8, n_outputs))

    def forward(self, x):
        """Return the logits."""
        return self.layers(x)


STOCK = NeuralNetClassifier(
    Normed,
    module__n_features=4,
    module__n_outputs=3,
    criterion=nn.CrossEntropyLoss,
    optimizer__momentum=0.9,
    iterator_train__shuffle=True,
    train_split=None,
    verbose=0,
)


@pytest.mark.parametrize(
    ("net", "parameters"),
    [
        (NetClassifier(), {}),
        (NetClassifier(Normed), {}),
        (NetClassifier(Normed, fast=False), {"schedule": "triangular", "alpha_mult": 0.5}),
        (NetClassifier(module__dropout=0.3, optimizer=torch.optim.Adam), {"alpha_zero": 0.01}),
        (NetClassifier(Normed, iterator_train__shuffle=False), {"cold_restart": True}),
        (STOCK, {}),
    ],
)
def test_cycles_in_several_fits_have_the_bits_of_one(iris, net, parameters):
    def make(M, n_epochs, **more):
        own = clone(net).set_params(max_epochs=n_epochs)
        return SnapshotEnsembleClassifier(own, M=M, random_state=0, **parameters, **more)

    whole = make(4, 20).fit(*iris)
    grown = make(2, 10, warm_start=True).fit(*iris)
    grown = pickle.loads(pickle.dumps(grown)).set_params(M=3).fit(*iris)
    grown = copy.deepcopy(grown).set_params(M=4).fit(*iris)
    assert_same_course(grown, whole)
    assert (grown.predict_proba(iris[0]) == whole.predict_proba(iris[0])).all()
    partly = make(4, 20)
    for _ in range(4):
        partly.partial_fit(*iris)
    assert_same_course(partly, whole)


class Holding(Normed):
    """A module with a lambda, which pickle refuses."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.held = lambda x: x


def test_a_net_that_cannot_be_pickled_goes_on(iris):
    net = NetClassifier(Holding, max_epochs=10)
    ensemble = SnapshotEnsembleClassifier(net, M=1, warm_start=True, random_state=0).fit(*iris)
    whole = SnapshotEnsembleClassifier(clone(net).set_params(max_epochs=20), M=2, random_state=0)
    assert_same_members(ensemble.set_params(M=2).fit(*iris), whole.fit(*iris))


def test_a_net_that_cannot_be_copied_is_refused(iris):
    net = NetClassifier(Normed, max_epochs=1).fit(*iris)
    net.module_.held = (row for row in iris[0])
    with pytest.raises(ValueError, match="module that can be copied, got held of Normed"):
        copy_net(net)


def test_a_copy_of_a_net_trains_weights_of_its_own(iris):
    net = NetClassifier(Normed, max_epochs=2).fit(*iris)
    other, before = copy_net(net), net.module_.layers[0].weight.detach().clone()
    other.partial_fit(*iris)
    assert torch.equal(net.module_.layers[0].weight, before)
    assert not torch.equal(other.module_.layers[0].weight, before)
    own = {id(p) for group in other.optimizer_.param_groups for p in group["params"]}
    assert own == {id(p) for p in other.module_.parameters()}
    assert len(net.history) == 2


@pytest.mark.parametrize("net", [NetClassifier(max_epochs=4, fast=False), STOCK])
def test_the_net_that_is_kept_knows_nothing_of_its_batches(iris, net):
    ensemble = SnapshotEnsembleClassifier(net, M=1, warm_start=True).fit(*iris)
    kept = ensemble._kept_training_.net
    assert len(kept.history) == ensemble.n_iter_
    assert not any(row["batches"] for row in kept.history)


def test_a_generator_of_the_users_goes_on_where_it_is(iris):
    def make(M, **more):
        generator = torch.Generator().manual_seed(3)
        net = NetClassifier(max_epochs=5 * M, iterator_train__generator=generator)
        return SnapshotEnsembleClassifier(net, M=M, random_state=0, **more)

    grown = make(2, warm_start=True).fit(*iris).set_params(M=4).fit(*iris)
    assert_same_course(grown, make(4).fit(*iris))


def test_the_generator_is_the_nets_own_again_after_the_training(iris):
    net = NetClassifier(max_epochs=1).fit(*iris)
    net.order_seed_ = 5
    generator = give_generator(net, None)
    assert net.iterator_train__generator is generator
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(5).get_state())
    generator.manual_seed(9)
    order = take_generator(net, generator)
    assert not hasattr(net, "iterator_train__generator")
    assert torch.equal(give_generator(net, order).get_state(), order)
