"""A net by itself that diverges says so."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from skensemble import DivergenceError, NetClassifier, NetRegressor
from skensemble.nets import divergence_error, loss_seen
from skensemble.nets._divergence import all_finite, is_too_large
from skensemble.training import DivergenceError as SameError

WILD = {"lr": 10.0, "max_grad_norm": None, "max_epochs": 20, "random_state": 0}


@pytest.mark.parametrize("fast", [True, False])
def test_a_net_that_diverges_says_where_and_what_to_try(diabetes, fast):
    with pytest.raises(DivergenceError, match=r"the training loss is .* in epoch \d+, learning ra"):
        NetRegressor(**WILD, fast=fast).fit(*diabetes)
    message = r"learning rate 10\. Scale the inputs .*, lower lr, or set max_grad_norm on the net"
    with pytest.raises(ValueError, match=message):
        NetRegressor(**WILD, fast=fast).partial_fit(*diabetes)


def test_weights_that_end_up_infinite_are_found(diabetes):
    X, y = diabetes
    settings = {**WILD, "lr": 1e38, "max_epochs": 1, "batch_size": -1}
    with pytest.raises(DivergenceError, match=r"the weights are not finite in epoch 1"):
        NetRegressor(**settings, module__hidden_units=(50, 50)).fit(X, y).fit(1e3 * X, y)


def test_a_later_training_that_diverges_is_found_too(diabetes):
    net = NetRegressor(max_epochs=3, random_state=0).fit(*diabetes)
    net.set_params(optimizer__lr=1e6, max_grad_norm=None)
    with pytest.raises(DivergenceError, match=r"in epoch [4-6]"):
        net.partial_fit(*diabetes)


@pytest.mark.parametrize("fast", [True, False])
def test_a_loss_that_never_was_finite_is_warned_of(iris, fast):
    # skorch takes the logarithm of what such a criterion gets.
    net = NetClassifier(nn.Linear(4, 3), criterion=nn.NLLLoss, max_epochs=2, fast=fast)
    message = "The loss is not finite from the first batch on: NLLLoss cannot take what Linear"
    with pytest.warns(UserWarning, match=message) as warned:
        net.fit(*iris)
    assert len(warned) == 1
    assert len(net.history) == 2


def test_weights_that_are_lost_between_epochs_are_no_loss_from_the_first_batch_on(iris):
    class Spoil(Callback):
        def on_epoch_end(self, net, **kwargs):
            with torch.no_grad():
                net.module_[0].weight.fill_(np.inf)

    with pytest.raises(DivergenceError, match="the training loss is nan in epoch 2"):
        NetClassifier(max_epochs=3, callbacks=[Spoil]).fit(*iris)


def test_a_net_of_skorch_goes_on_as_ever(iris):
    X, y = iris
    net = NeuralNetClassifier(
        nn.Linear(4, 3), criterion=nn.CrossEntropyLoss, lr=1e30, verbose=0, train_split=None
    )
    net.fit(X, y)


def test_the_error_is_one_in_all_places():
    assert DivergenceError is SameError
    assert issubclass(DivergenceError, FloatingPointError)
    error = divergence_error("the weights are not finite", "in epoch 2", 0.25, name="lr")
    assert isinstance(error, DivergenceError)
    assert "the weights are not finite in epoch 2, learning rate 0.25. " in str(error)


def test_what_a_loss_was_is_said():
    assert loss_seen(float("nan")) == "the training loss is nan"
    # More than float32 can hold counts as infinite.
    assert loss_seen(-1e39) == "the training loss is -inf"
    assert [is_too_large(x) for x in (0.0, 3e38, -3e38)] == [False] * 3
    assert [is_too_large(x) for x in (1e39, -1e39, np.inf, np.nan)] == [True] * 4


def test_one_bad_value_is_enough():
    fine = [torch.ones(2), torch.ones(2, dtype=torch.int64)]
    assert all_finite(fine)
    assert not all_finite([*fine, torch.tensor([1.0, -np.inf])])
    assert not all_finite([torch.tensor([np.nan]), *fine])
