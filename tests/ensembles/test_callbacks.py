"""Callbacks of skorch on the net of an ensemble see what they see on the net alone."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import BatchScoring, Callback, EpochScoring
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import SliceDataset, SliceDict, predefined_split
from torch import nn
from torch.utils.data import TensorDataset

from skensemble import (
    DeepEnsembleClassifier,
    InvalidParameterError,
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
    SWAClassifier,
    SWARegressor,
)

SMALL = {"max_epochs": 30, "module__hidden_units": (8,), "random_state": 0, "batch_size": 32}
SCORES = []
"""What `Scores` have noted: the targets, and what the net predicts."""


class Scores(Callback):
    """A callback that notes the accuracy or R squared of each epoch."""

    def __init__(self, scoring):
        self.scoring = scoring

    def on_epoch_end(self, net, **kwargs):
        SCORES.append(net.history[-1, self.scoring])


@pytest.fixture
def scores():
    SCORES.clear()
    return SCORES


def callbacks(kind, scoring, **settings):
    score = kind(scoring, name=scoring, lower_is_better=False, **settings)
    return [("score", score), ("note", Scores(scoring))]


@pytest.mark.parametrize("use_caching", [True, False])
@pytest.mark.parametrize("kind", [EpochScoring, BatchScoring])
@pytest.mark.parametrize("K", [SnapshotEnsembleClassifier, DeepEnsembleClassifier, SWAClassifier])
def test_scores_of_labels_are_those_of_the_net(iris, K, kind, use_caching, scores):
    X, y = iris
    y = np.array(["no", "yes", "maybe"])[y]
    net = NetClassifier(
        **SMALL,
        train_split=ValidSplit(5, stratified=True),
        callbacks=callbacks(kind, "accuracy", use_caching=use_caching),
    )
    ensemble = K(net, random_state=0)
    if K is DeepEnsembleClassifier:
        ensemble.set_params(M=2)
    assert ensemble.fit(X, y).score(X, y) > 0.8
    assert scores[-1] > 0.8
    # The net that was handed over knows nothing.
    assert not hasattr(net, "classes_")


@pytest.mark.parametrize("on_train", [True, False])
@pytest.mark.parametrize("K", [SnapshotEnsembleRegressor, SWARegressor])
def test_scores_of_targets_are_in_their_units(diabetes, K, on_train, scores):
    X, y = diabetes
    net = NetRegressor(
        **SMALL,
        train_split=ValidSplit(5),
        callbacks=callbacks(EpochScoring, "r2", on_train=on_train),
    )
    K(net, random_state=0).fit(X, y)
    assert scores[-1] > 0.3


def test_callbacks_of_a_net_of_skorch_see_codes(iris, scores):
    X, y = iris
    net = NeuralNetClassifier(
        nn.Linear(4, 3),
        criterion=nn.CrossEntropyLoss,
        max_epochs=20,
        batch_size=32,
        verbose=0,
        train_split=ValidSplit(5, stratified=True),
        callbacks=[Scores("valid_acc")],
    )
    SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(X, y + 7)
    # A linear model at work; codes beside labels would give 0.
    assert scores[-1] > 0.6


def test_a_predefined_split_has_labels_as_given(iris):
    X, y = iris
    y = np.array(["no", "yes", "maybe"])[y]
    split = predefined_split(Dataset(X[::3], y[::3]))
    net = NetClassifier(**SMALL, train_split=split)
    assert SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(X, y).score(X, y) > 0.8


def test_a_loader_of_torch_and_its_arguments_are_taken(iris):
    X, y = iris
    net = NetClassifier(**SMALL, iterator_train__drop_last=True)
    ensemble = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(X, y + 7)
    assert len(ensemble.learning_rates_) == 30 * (150 // 32)
    assert ensemble.score(X, y + 7) > 0.8


@pytest.mark.parametrize(
    "wrap",
    [
        lambda X, y: {"x": X},
        lambda X, y: SliceDict(x=X),
        lambda X, y: TensorDataset(torch.tensor(X), torch.tensor(y)),
        lambda X, y: SliceDataset(Dataset(X, y)),
    ],
)
def test_rows_that_are_no_array_are_refused_by_name(iris, wrap):
    X, y = iris
    rows, ensemble = wrap(X, y), SnapshotEnsembleClassifier(NetClassifier(**SMALL), M=2)
    message = f"must be one array of rows, got a {type(rows).__name__}"
    with pytest.raises(InvalidParameterError, match=message):
        ensemble.fit(rows, y)
    ensemble.fit(X, y)
    for predict in (ensemble.predict, ensemble.predict_proba, ensemble.member_predict_proba):
        with pytest.raises(InvalidParameterError, match=message):
            predict(rows)
    with pytest.raises(InvalidParameterError, match="X_val " + message):
        ensemble.fit(X, y, X_val=rows, y_val=y)


def test_the_dataset_of_skorch_is_its_rows(iris):
    X, y = iris
    net = NetClassifier(**SMALL)
    expected = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(X, y).predict_proba(X)
    ensemble = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(Dataset(X, y), None)
    assert (ensemble.predict_proba(Dataset(X)) == expected).all()
