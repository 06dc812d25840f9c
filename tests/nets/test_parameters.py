"""Bad arguments are refused by name, before any row is looked at."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.dataset import ValidSplit
from torch import nn

from skensemble import InvalidParameterError, NetClassifier
from skensemble.nets import check_net_parameters, device_of


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"device": "abacus"}, "device must be 'auto' or a device that torch knows, got 'abacus'"),
        ({"precision": "float16"}, "precision must be one of .*, got 'float16'"),
        ({"optimizer": "adam"}, "optimizer must be a class such as torch.optim.Adam, got 'adam'"),
        ({"train_split": 0.2}, "train_split must be None, False or a split such as .*, got 0.2"),
        ({"max_epochs": -1}, "max_epochs must be an int >= 0, got -1"),
        ({"batch_size": 0}, "batch_size must be an int >= 1, got 0"),
        ({"batch_size": -2}, "batch_size must be an int >= 1, got -2"),
        (
            {"module__hidden_units": None},
            "hidden_units must be an int or a sequence of ints",
        ),
        ({"max_grad_norm": 0}, "max_grad_norm must be a finite number > 0, got 0"),
        ({"fast": "yes"}, "fast must be True or False, got 'yes'"),
        ({"fast": None}, "fast must be True or False, got None"),
    ],
)
def test_bad_arguments_are_named(iris, keywords, message):
    with pytest.raises(InvalidParameterError, match=message):
        NetClassifier(**keywords).fit(*iris)


def test_a_typing_error_in_an_argument_is_found(iris):
    with pytest.raises(ValueError, match="optimizer__momentum"):
        NetClassifier(optimizer_momentum=0.5).fit(*iris)


@pytest.mark.parametrize(
    "keywords",
    [
        {"max_epochs": 1, "batch_size": 1, "max_grad_norm": 1e-9},
        {"batch_size": -1, "train_split": ValidSplit(2), "max_grad_norm": None},
        {"precision": "bf16", "fast": np.bool_(False), "optimizer": torch.optim.Adam},
    ],
)
def test_good_arguments_pass(keywords):
    check_net_parameters(NetClassifier(**keywords))


def test_a_stock_net_is_held_to_what_it_has():
    check_net_parameters(NeuralNetClassifier(nn.Linear))
    with pytest.raises(InvalidParameterError, match="max_epochs must be an int >= 1, got 0"):
        check_net_parameters(NeuralNetClassifier(nn.Linear, max_epochs=0))


@pytest.mark.parametrize("kind", [NetClassifier, NeuralNetClassifier])
def test_the_device_is_that_of_the_net(kind):
    assert device_of(kind(nn.Linear, device="cpu")) == torch.device("cpu")
    assert device_of(kind(nn.Linear, device="meta")) == torch.device("meta")
    with pytest.raises(InvalidParameterError, match=r"device must be .*, got 'abacus'"):
        device_of(kind(nn.Linear, device="abacus"))


def test_auto_is_a_device_that_is_there():
    assert device_of(NetClassifier()).type in ("cpu", "cuda", "mps")
