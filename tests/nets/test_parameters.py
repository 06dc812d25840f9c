"""Bad arguments are refused by name, before any row is looked at."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import EpochTimer
from skorch.dataset import ValidSplit
from torch import nn

from skensemble import InvalidParameterError, NetClassifier
from skensemble.nets import check_net_parameters, device_of

RULES = [
    ("lr", "a finite number >= 0", [[], "x", -1, np.nan, None, torch.ones(2), 1j]),
    ("module", "a torch.nn.Module class", ["step", 3, int, ValidSplit]),
    ("module", "something that gives a torch.nn.Module", [lambda: None]),
    ("criterion", "a torch.nn.Module class", [1.5, "mse", int, []]),
    ("criterion", "something that can be built", [nn.functional.cross_entropy]),
    ("optimizer", "a class such as", [nn.Linear, nn.Linear(4, 3), int, 7]),
    ("optimizer__momentum", "a finite number >= 0", [[1], "x", None, np.inf]),
    ("optimizer__nesterov", "True or False", ["yes", 1, None]),
    ("optimizer__dampening", "a finite number >= 0", [[1]]),
    ("optimizer__foreach", "None, True or False", ["yes"]),
    ("optimizer__param_groups", "a list of pairs", [3, ["*bias"], {"a": 1}]),
    ("criterion__reduction", "one of", ["average", None, 0]),
    ("criterion__ignore_index", "an int", ["x", 1.5]),
    ("criterion__label_smoothing", "a finite number >= 0", ["x", [0.1]]),
    ("iterator_train", "a class such as torch.utils.data.DataLoader", [3, None, nn.ReLU()]),
    ("iterator_valid", "a class such as torch.utils.data.DataLoader", ["x"]),
    ("iterator_train__batch_size", "an int >= 1", [0, 1.5, [3]]),
    ("iterator_train__shuffle", "True or False", ["yes", 2]),
    ("iterator_train__generator", "None or a torch.Generator", [3, np.random.default_rng(0)]),
    ("dataset", "a class such as skorch's Dataset", [3, "x", nn.ReLU(), nn.ReLU]),
    ("dataset__length", "an int >= 1", ["x"]),
    ("train_split", "None, False or a split such as", [ValidSplit, 5, nn.ReLU()]),
    ("callbacks", "None, 'disable' or a list", [7, "all", EpochTimer, {"a": EpochTimer}]),
    ("callbacks", "a list of skorch callbacks, or of pairs", [[3], [("a", 3)], [("a", 1, 2)]]),
    ("callbacks__epoch_timer", "None or a skorch callback", [3, nn.ReLU]),
    ("predict_nonlinearity", "None, 'auto' or a function", [nn.Softmax]),
    ("warm_start", "True or False", ["yes", 1, None]),
    ("compile", "True or False", ["x", 0]),
    ("torch_load_kwargs", "None or a dict", [3]),
    ("verbose", "an int", ["loud", None, 0.5]),
    ("precision", "one of", [[], {}, np.ones(2), 32]),
    ("random_state", r"None, an int in 0\.\.4294967295 or a RandomState", [-1, 2**32, "x", 1.5]),
    ("classes", "None or a list of labels", [3, "x", [["a"], ["b"]]]),
]
"""Names, what they must be, and what they are not."""


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
        ({"predict_nonlinearity": 3}, "predict_nonlinearity has to be a callable"),
        ({"use_caching": [1]}, r"Incorrect value for use_caching used \('\[1\]'\)"),
        ({"fast": None}, "fast must be True or False, got None"),
        *[
            ({name: value}, f"{name} must be {rule}")
            for name, rule, values in RULES
            for value in values
        ],
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
        {"batch_size": np.int64(-1), "use_caching": np.bool_(True), "train_split": False},
        {"lr": torch.tensor(0.1), "callbacks": (), "verbose": True, "classes": np.arange(3)},
        {"callbacks": [EpochTimer, ("a", EpochTimer()), ("b", None)], "random_state": 2**32 - 1},
        {"optimizer": torch.optim.Adam, "optimizer__betas": [0.9, 0.99], "optimizer__fused": None},
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


@pytest.mark.parametrize("betas", [0.9, (0.9,), (0.9, "x")])
def test_a_tuple_of_numbers_is_one(iris, betas):
    net = NetClassifier(optimizer=torch.optim.Adam, optimizer__betas=betas)
    with pytest.raises(InvalidParameterError, match="optimizer__betas must be a"):
        net.fit(*iris)


@pytest.mark.parametrize("name", ["fast", "random_state"])
def test_a_module_where_none_belongs_is_refused(name):
    with pytest.raises(InvalidParameterError, match=f"{name} must be no torch module"):
        NetClassifier(**{name: nn.ReLU()})
