"""Outputs of one column, or of none: two classes told apart by one number, and flat values."""

import numpy as np
import pytest
from skorch.dataset import ValidSplit
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, NetRegressor

SMALL = {"module__hidden_units": (8,), "max_epochs": 6, "batch_size": 32, "random_state": 0}


def one_logit(n_features=4, flat=True):
    return nn.Sequential(nn.Linear(n_features, 1), *([nn.Flatten(0)] if flat else []))


@pytest.mark.parametrize("criterion", [nn.BCEWithLogitsLoss, nn.BCELoss])
@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_one_output_tells_two_classes_apart(iris, criterion, flat, weighted):
    X, y = iris[0][:100], np.array(["no", "yes"])[iris[1][:100]]
    module = one_logit(flat=flat)
    if criterion is nn.BCELoss:
        module.insert(1, nn.Sigmoid())
    net = NetClassifier(module, criterion=criterion, max_epochs=10, random_state=0)
    net.fit(X, y, sample_weight=np.linspace(0.5, 1, 100) if weighted else None)
    assert net.score(X, y) > 0.95
    proba = net.predict_proba(X)
    assert proba.shape == (100, 2)
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-6)
    assert ((proba[:, 1] > 0.5) == (net.predict(X) == "yes")).all()


def test_the_default_module_has_one_output_for_a_loss_of_one(iris):
    X, y = iris
    split = ValidSplit(5, stratified=True)
    net = NetClassifier(**SMALL, criterion=nn.BCEWithLogitsLoss, train_split=split)
    assert net.fit(X, y > 0).module_[-1].out_features == 1
    assert net.history[-1, "valid_acc"] > 0.9
    with pytest.raises(
        InvalidParameterError, match="criterion must be a loss of 3 classes such as"
    ):
        net.fit(X, y)
    wide = NetClassifier(**SMALL, module__n_outputs=2, criterion=nn.BCEWithLogitsLoss)
    with pytest.raises(InvalidParameterError, match="criterion must fit the module's output and"):
        wide.fit(X, y > 0)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("column", [True, False])
def test_a_regressor_may_have_an_output_without_a_column(diabetes, weighted, column):
    X, y = diabetes
    y = y[:, None] if column else y
    weight = np.linspace(0.5, 1, len(y)) if weighted else None
    settings = {"max_epochs": 10, "random_state": 0}
    nets = [NetRegressor(one_logit(10, flat=flat), **settings) for flat in (True, False)]
    flat, wide = (net.fit(X, y, sample_weight=weight).predict(X) for net in nets)
    assert flat.shape == y.shape
    # The same weights to begin with, as both modules are drawn alike.
    assert nets[0].score(X, y) > 0.4
    assert nets[0].score(X, y) == pytest.approx(nets[1].score(X, y), abs=0.02)
    assert wide.shape == y.shape
