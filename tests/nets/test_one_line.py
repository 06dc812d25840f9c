"""Estimators in one line, alone and within what holds them."""

import inspect
from functools import partial

import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from skensemble import NetClassifier, NetRegressor
from skensemble.nets import one_line, told
from skensemble.schedules import constant_tail


class Own(NetClassifier):
    """A net with a default of its own."""

    def __init__(self, *args, max_epochs=7, colour="red", **kwargs):
        super().__init__(*args, max_epochs=max_epochs, **kwargs)
        self.colour = colour


class Short(NetRegressor):
    """A net that hands nothing on."""

    def __init__(self, width=3):
        super().__init__(module__hidden_units=(width,))
        self.width = width


@pytest.mark.parametrize(
    ("net", "text"),
    [
        (NetClassifier(), "NetClassifier()"),
        (NetRegressor(), "NetRegressor()"),
        (NetClassifier(max_epochs=40, lr=0.5), "NetClassifier(lr=0.5)"),
        (NetClassifier(lr=float("0.1")), "NetClassifier()"),
        (
            NetClassifier(nn.Linear, module__bias=False, max_epochs=3),
            "NetClassifier(module=Linear, max_epochs=3, module__bias=False)",
        ),
        (NetClassifier(nn.Sequential(nn.Linear(4, 3))), "NetClassifier(module=Sequential(...))"),
        (Own(colour="blue"), "Own(colour='blue')"),
        (Own(max_epochs=40), "Own(max_epochs=40)"),
    ],
)
def test_a_net_is_one_line_of_what_is_set(net, text):
    assert repr(net) == str(net) == text


def test_a_net_stays_one_line_after_a_fit(iris):
    net = NetClassifier(max_epochs=2)
    assert repr(net.fit(*iris)) == "NetClassifier(max_epochs=2)"


def test_scikit_learn_writes_it_as_short_in_what_holds_it():
    net = NetClassifier(max_epochs=2)
    assert repr(GridSearchCV(net, {})).startswith(
        "GridSearchCV(estimator=NetClassifier(max_epochs=2)"
    )
    held = " ".join(repr(make_pipeline(StandardScaler(), Own(lr=1.0))).split())
    assert held == "Pipeline(steps=[('standardscaler', StandardScaler()), ('own', Own(lr=1.0))])"


def test_all_parameters_where_scikit_learn_is_told_so():
    with config_context(print_changed_only=False):
        text = repr(NetClassifier())
    assert "\n" not in text
    assert {"max_epochs=40", "criterion=CrossEntropyLoss", "lr=0.1"} <= set(text[14:].split(", "))


def test_the_signature_of_the_class_stays_short():
    assert "callbacks" not in inspect.signature(NetClassifier).parameters
    assert list(inspect.signature(Own).parameters) == ["args", "max_epochs", "colour", "kwargs"]
    constructor = inspect.signature(Own(lr=3).__init__).parameters
    assert constructor["callbacks"].default is None
    assert constructor["max_epochs"].default == 7
    assert constructor["lr"].default == 0.1
    assert list(inspect.signature(Short).parameters) == ["width"]


def test_values_are_told_by_name():
    assert told(partial(constant_tail, tail_lr=0.1)) == "partial(constant_tail, tail_lr=0.1)"
    assert told([nn.ReLU, nn.ReLU(), len]) == "[ReLU, ReLU(...), len]"
    assert told(LogisticRegression(C=2)) == "LogisticRegression(C=2)"
    assert told(list(range(1000))).endswith("...")
    assert len(told("long" * 100)) == 80
    # 80 characters with both quotes.
    assert told("x" * 78) == repr("x" * 78)
    assert told([nn.ReLU] * 5) == "[ReLU, ReLU, ReLU, ReLU, ReLU]"
    assert told(partial(max, 3, key=abs)) == "partial(max, 3, key=abs)"
    assert told(NeuralNetClassifier(nn.Linear, lr=0.5)) == (
        "NeuralNetClassifier(module=Linear, lr=0.5)"
    )
    assert one_line(NeuralNetClassifier(nn.Linear)) == "NeuralNetClassifier(module=Linear)"
