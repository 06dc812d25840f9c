"""Which nets members predict with, and what of the net they take along."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from skorch.callbacks import EpochTimer
from skorch.dataset import Dataset
from torch import nn
from torch.utils.data import default_collate

from skensemble import NetClassifier
from skensemble.members import copy_member, filled, obstacle_to_lean_prediction, parts_of
from skensemble.modules import MLP

X = np.linspace(-1, 1, 80, dtype=np.float32).reshape(20, 4)
SIZES = {"module__n_features": 4, "module__n_outputs": 3}


class Scaling(Dataset):
    """A dataset that scales the rows."""

    def transform(self, X, y):
        """Scale the rows."""
        X, y = super().transform(X, y)
        return X * 3, y


def collate(rows):
    X, y = default_collate(rows)
    return X * 3, y


class Inferring(NetClassifier):
    """A net that scales the rows of a batch."""

    def infer(self, x, **fit_params):
        """Scale the rows."""
        return super().infer(x * 3, **fit_params)


class Evaluating(NetClassifier):
    """A net that evaluates at two places."""

    def evaluation_step(self, batch, training=False):
        """Give the mean of two outputs."""
        one = super().evaluation_step(batch, training)
        return (one + super().evaluation_step((batch[0] + 1, batch[1]), training)) / 2


class Sharp(NetClassifier):
    """A net that sharpens its probabilities by what it has learnt."""

    sharpness_ = 1.0

    def predict_proba(self, X):
        """Sharpen the probabilities."""
        proba = super().predict_proba(X) ** self.sharpness_
        return proba / proba.sum(axis=1, keepdims=True)


class Headed(NeuralNetClassifier):
    """A stock net with a second module."""

    def initialize_module(self):
        """Make the head too."""
        super().initialize_module()
        self.head_ = nn.Linear(3, 3)
        return self

    def infer(self, x, **fit_params):
        """Put the head on top."""
        return self.head_(super().infer(x, **fit_params))


class Iterating(NetClassifier):
    """A net that cuts rows in its own way."""

    def get_iterator(self, dataset, training=False):
        """Cut rows as ever."""
        return super().get_iterator(dataset, training)


def stock(cls, **keywords):
    sizes = {**SIZES, "criterion": nn.CrossEntropyLoss, "verbose": 0}
    return cls(MLP, **{**sizes, **keywords}).initialize()


def own(cls=NetClassifier, **keywords):
    return cls(device="cpu", **SIZES, **keywords).initialize()


class Squeezed(MLP):
    """A module of one output."""

    def __init__(self):
        super().__init__(4, 1)


OF_THEIR_OWN = {
    "dataset": lambda: own(dataset=Scaling),
    "dataset of a stock net": lambda: stock(NeuralNetClassifier, dataset=Scaling),
    "collate_fn": lambda: stock(NeuralNetClassifier, iterator_valid__collate_fn=collate),
    "infer": lambda: own(Inferring),
    "evaluation_step": lambda: own(Evaluating),
    "predict_proba": lambda: own(Sharp),
    "further module": lambda: stock(Headed),
    "get_iterator": lambda: own(Iterating),
    "binary": lambda: NeuralNetBinaryClassifier(Squeezed, verbose=0).initialize(),
}


@pytest.mark.parametrize("make", [own, lambda: stock(NeuralNetClassifier)])
def test_known_nets_have_no_way_of_their_own(make):
    assert obstacle_to_lean_prediction(make()) is None
    state = copy_member(make())
    assert state.shell is None
    assert list(state.parts) == ["module_"]


@pytest.mark.parametrize("kind", OF_THEIR_OWN)
def test_nets_of_every_own_way_go_along_with_their_members(kind):
    net = OF_THEIR_OWN[kind]()
    assert obstacle_to_lean_prediction(net) is not None
    expected = net.predict_proba(X)
    state = copy_member(net)
    with torch.no_grad():
        for part in parts_of(net).values():
            for weight in part.parameters():
                weight.zero_()
    member = filled(state.shell, state.parts)
    assert not np.allclose(net.predict_proba(X), expected)
    assert member.predict_proba(X) == pytest.approx(expected, abs=1e-6)


def test_a_method_that_is_set_on_a_net_is_its_own():
    net = own()
    net.infer = lambda x, **_: net.module_(x)
    assert "infer of its own" in obstacle_to_lean_prediction(net)


def test_what_a_net_has_learnt_is_that_of_the_moment():
    net = own(Sharp)
    net.sharpness_ = np.array([3.0])
    expected, state = net.predict_proba(X), copy_member(net)
    net.sharpness_ /= 3
    assert filled(state.shell, state.parts).predict_proba(X) == pytest.approx(expected)


def test_what_a_net_holds_and_cannot_be_copied_stays_that_of_the_net():
    net = own(Sharp)
    net.rows_ = (row for row in X)
    state = copy_member(net)
    assert state.shell.rows_ is net.rows_
    assert filled(state.shell, state.parts).predict_proba(X) == pytest.approx(net.predict_proba(X))


def test_a_module_that_calls_its_net_calls_that_of_the_member():
    net = own(Sharp)
    net.factor_ = torch.tensor(2.0)
    module = net.module_
    module.register_forward_hook(lambda layer, x, output: output * net.factor_)
    expected, state = net.predict_proba(X), copy_member(net)
    net.factor_ = torch.tensor(5.0)
    assert filled(state.shell, state.parts).predict_proba(X) == pytest.approx(expected)


def test_members_take_no_optimizer_history_or_callback_along():
    y = np.arange(20) % 3
    net = own(Sharp, callbacks=[("own", EpochTimer())]).fit(X, y)
    shell = copy_member(net).shell
    assert shell.optimizer_ is None
    assert len(shell.history_) == len(shell.callbacks_) == 0
    assert shell.callbacks is None
    assert len(net.history_) > 0


class Further(NeuralNetClassifier):
    """A stock net with a second module that only its module could use."""

    def initialize_module(self):
        """Make another module too."""
        super().initialize_module()
        self.other_ = nn.Linear(1, 1)
        return self


def test_a_further_module_is_reason_enough_to_take_the_net_along():
    assert "further modules" in obstacle_to_lean_prediction(stock(Further))
