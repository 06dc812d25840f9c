"""Random calls with odd values end well, or in an error of ours."""

import random

import numpy as np
import pytest
import torch
from skorch.callbacks import EarlyStopping, EpochTimer
from skorch.dataset import ValidSplit
from torch import nn
from torch.utils.data import DataLoader

from skensemble import DivergenceError, InvalidParameterError, NetClassifier, NetRegressor
from skensemble import ensembles as methods

N_CALLS = 100
"""Calls of a test."""

ODD = [
    *(None, True, False, 0, 1, -1, 1.5, -0.5, 1e-30, np.inf, np.nan, 1j),
    *("", "x", "auto", b"x", [], [1], [[1]], (0.9, 0.99), {}, {"a": 1}, set(), range(3)),
    *(np.array([1, 2]), np.float32(0.1), np.int64(2), torch.tensor(0.1), torch.float32),
    *(object(), int, slice(1), np.random.default_rng(0), np.random.RandomState(0)),
    *(nn.ReLU, nn.Linear(4, 3), nn.Linear(7, 3), nn.Linear(10, 1), nn.functional.cross_entropy),
    *(nn.CrossEntropyLoss, nn.MSELoss, nn.BCEWithLogitsLoss, nn.NLLLoss, nn.MSELoss()),
    *(torch.optim.SGD, torch.optim.Adam, [EarlyStopping()], [EpochTimer], [3], ["x"]),
    *(ValidSplit, ValidSplit(2), DataLoader, [("*bias", {"lr": 0.1})], "cpu", "cuda", "meta"),
]

OF_A_NET = [
    *("module", "criterion", "optimizer", "lr", "max_epochs", "batch_size", "callbacks"),
    *("iterator_train", "iterator_valid", "dataset", "warm_start", "verbose", "device"),
    *("use_caching", "torch_load_kwargs", "optimizer__momentum", "optimizer__nesterov"),
    *("optimizer__weight_decay", "optimizer__dampening", "optimizer__lr", "optimizer__foreach"),
    *("optimizer__param_groups", "iterator_train__shuffle", "iterator_train__batch_size"),
    *("max_grad_norm", "precision", "fast", "random_state", "module__hidden_units"),
    *("module__dropout", "module__activation", "criterion__weight", "criterion__reduction"),
    *("criterion__label_smoothing", "callbacks__epoch_timer", "callbacks__foo", "dataset__length"),
    *("hidden_units", "module__widht", "colour"),
]


def draw(names, n_names, rng):
    return {name: rng.choice(ODD) for name in rng.sample(names, n_names)}


def odd_net(net, rng):
    small = {"module__hidden_units": (3,), "max_epochs": 2, "device": "cpu"}
    return net(**small | draw(OF_A_NET, rng.choice([0, 1, 1, 2]), rng))


def odd_ensemble(net, ensemble, rng):
    own = sorted(ensemble().get_params(deep=False).keys() - {"estimator", "n_jobs"})
    few = {"M": 2, "samples_per_cycle": 1, "n_averaged": 3}
    few = {name: few[name] for name in own if name in few}
    estimator = odd_net(net, rng) if rng.random() < 0.8 else rng.choice(ODD)
    return ensemble(estimator, **few | draw(own, rng.choice([0, 0, 1]), rng))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("task", ["Classifier", "Regressor"])
@pytest.mark.parametrize("kind", ["net", "ensemble"])
def test_random_calls_end_well_or_in_an_error_of_ours(iris, diabetes, task, kind):
    X, y = iris if task == "Classifier" else diabetes
    X, y = X[::5], y[::5]
    net = NetClassifier if task == "Classifier" else NetRegressor
    names = sorted(name for name in methods.__all__ if name.endswith(task))
    n_good = 0
    for seed in range(N_CALLS):
        rng = random.Random(seed)
        try:
            if kind == "net":
                model = odd_net(net, rng)
            else:
                model = odd_ensemble(net, getattr(methods, rng.choice(names)), rng)
            model.fit(X, y).predict(X[:3])
            n_good += 1
        except (InvalidParameterError, DivergenceError):
            continue
    assert 0 < n_good < N_CALLS
