"""Weights of rows, seen through what nets learn and what they say of their loss."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Subset

from skensemble import NetClassifier, NetRegressor

SMALL = {
    "module__hidden_units": (8,),
    "max_epochs": 10,
    "batch_size": 32,
    "random_state": 0,
}


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e30, 1e38, 1e300])
@pytest.mark.parametrize("kind", [NetClassifier, NetRegressor])
def test_only_the_size_of_weights_against_each_other_counts(iris, kind, size):
    X, y = iris
    weight = np.linspace(0, 2, 150)
    expected = kind(**SMALL).fit(X, y, sample_weight=weight).predict_proba(X)
    found = kind(**SMALL).fit(X, y, sample_weight=size * weight).predict_proba(X)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_row_counts_by_its_weight_in_a_batch_of_any_size(iris):
    """Of a net with rate 1e-30, the loss is a mean over all rows whatever the batches are."""
    X, y = iris
    weight = np.linspace(0.1, 5, 150)
    settings = {**SMALL, "lr": 1e-30, "max_epochs": 1, "precision": "float64"}
    for batch_size in (1, 7, 64, -1):
        for fast in (True, False):
            net = NetClassifier(**{**settings, "batch_size": batch_size}, fast=fast)
            net.fit(X, y, sample_weight=weight)
            losses = -np.log(net.predict_proba(X)[np.arange(150), y])
            expected = (weight * losses).sum() / weight.sum()
            assert net.history[-1, "train_loss"] == pytest.approx(expected)


def test_held_out_rows_are_weighed_among_themselves(iris):
    X, y = iris
    # Rows of class 2 are held out; their weights are a thousand times those of the others.
    weight = np.where(y == 2, 1e3, 1) * np.linspace(1, 2, 150)

    def halves(dataset, y=None, **_):
        return Subset(dataset, range(100)), Subset(dataset, range(100, 150))

    settings = {**SMALL, "lr": 1e-30, "max_epochs": 1, "precision": "float64"}
    net = NetClassifier(**settings, train_split=halves).fit(X, y, sample_weight=weight)
    losses = -np.log(net.predict_proba(X)[np.arange(150), y])
    for name, rows in (("train", slice(100)), ("valid", slice(100, 150))):
        expected = np.average(losses[rows], weights=weight[rows])
        assert net.history[-1, f"{name}_loss"] == pytest.approx(expected)


class Distance(nn.Module):
    """A loss of a pair of targets."""

    def forward(self, output, y):
        """Return the mean squared distance to the sum of both."""
        return (output - y[0] - y[1]).square().mean()


def test_a_pair_of_targets_is_no_weight():
    net = NetRegressor(nn.Linear(1, 1), criterion=Distance, device="cpu").initialize()
    pair = torch.ones(2, 1), torch.full((2, 1), 2.0)
    assert net.get_loss(torch.zeros(2, 1), pair).item() == (1 + 2) ** 2


CRITERIA = {
    "weights of classes": {"criterion__weight": torch.tensor([1.0, 5.0, 1.0])},
    "an ignored class": {"criterion__ignore_index": 2},
    "smoothing": {"criterion__label_smoothing": 0.1},
    "a sum": {"criterion__reduction": "sum", "lr": 0.002},
    "margins": {"criterion": nn.MultiMarginLoss},
    "likelihood": {"criterion": nn.NLLLoss, "criterion__weight": torch.tensor([1.0, 5.0, 1.0])},
}


@pytest.mark.parametrize("name", CRITERIA)
def test_weights_of_one_give_the_fit_without_weights(iris, name):
    X, y = iris
    module = nn.Sequential(nn.Linear(4, 3), nn.Softmax(-1))
    own = {"module": module} if name == "likelihood" else {}
    net = NetClassifier(**own, **CRITERIA[name], max_epochs=10, batch_size=32, random_state=0)
    expected = net.fit(X, y).predict_proba(X)
    # Sevens are as equal as ones.
    for weight in (np.ones(150), np.full(150, 7e20)):
        found = net.fit(X, y, sample_weight=weight).predict_proba(X)
        np.testing.assert_allclose(found, expected, atol=1e-5)
