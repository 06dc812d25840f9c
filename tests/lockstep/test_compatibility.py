"""Which trainings are one population, and which of them are one training.

Each test trains two nets that differ in one thing alone, together and apart: they must come out as
apart, and the report must tell how they were trained.
"""

from functools import partial

import numpy as np
import pytest
import torch

from skensemble import NetClassifier, NetRegressor
from skensemble.lockstep import Report, run_together
from skensemble.modules import MLP
from skensemble.seeding import initialize_seeded, streams_of
from skensemble.training import Data, ReadOnly, train

RNG = np.random.default_rng(0)
X = RNG.normal(size=(37, 5))
LABELS = RNG.integers(0, 3, 37)
TARGETS = RNG.normal(size=(37, 3))
WEIGHT = RNG.uniform(0.5, 2, 37)
SMALL = {"module__hidden_units": (7,), "max_epochs": 6, "batch_size": 8, "device": "cpu"}
SMALL |= {"precision": "float64", "module__n_features": 5, "module__n_outputs": 3}
HALF, ALL = (lambda t, T: t in (T // 2, T)), (lambda t, T: True)


class Own(MLP):
    """A module of the user's own, which goes through `torch.func`."""

    def __init__(self, n_features, n_outputs, hidden_units=(7,), scale=1.0):
        super().__init__(n_features, n_outputs, hidden_units=hidden_units)
        self.scale = scale

    def forward(self, x):
        """Give the scaled output."""
        return self.scale * super().forward(x)


def fit(
    *,
    kind=NetClassifier,
    X=X,
    y=None,
    weight=None,
    seed=0,
    rate=0.1,
    moment=ALL,
    change=lambda net: None,
    n_trainings=1,
    torch_seed=0,
    **settings,
):
    """Train a net; return its weights and the trace of each training."""
    net = kind(**(SMALL | settings))
    initialize_seeded(net, streams_of(seed), torch.device("cpu"))
    change(net)
    torch.manual_seed(torch_seed)
    y = (LABELS if kind is NetClassifier else TARGETS) if y is None else y
    seen, traces = [], []
    for _ in range(n_trainings):
        trace = train(
            net,
            Data(X, y, weight),
            schedule=lambda t, T: rate / t,
            moment=moment,
            observe=ReadOnly(lambda step: seen.append(step.loss)),
        )
        traces.append((trace.moments.tolist(), trace.learning_rates.tolist(), trace.loss_curve))
    weights = np.concatenate([p.detach().numpy().ravel() for p in net.module_.parameters()])
    return weights, seen, traces


def assert_same(found, expected):
    (weights, seen, traces), (weights_apart, seen_apart, traces_apart) = found, expected
    np.testing.assert_allclose(weights, weights_apart, rtol=0, atol=1e-12)
    # Losses at moments are fetched in float32.
    np.testing.assert_allclose(seen, seen_apart, rtol=1e-5)
    for (moments, rates, curve), (moments_apart, rates_apart, curve_apart) in zip(
        traces, traces_apart, strict=True
    ):
        assert moments == moments_apart
        assert rates == rates_apart
        np.testing.assert_allclose(curve, curve_apart, rtol=1e-9)


def train_both(one, other):
    """Train two nets together, hold them against the same apart, and give the report."""
    report = Report()
    ended = run_together([partial(fit, **one), partial(fit, **other)], report=report)
    for participant, settings in zip(ended, (one, other), strict=True):
        if participant.error is not None:
            raise participant.error
        assert_same(participant.result, fit(**settings))
    return report


def trainings(report):
    """Count the trainings that were made, in populations and alone."""
    return sum(group["n_nets"] for group in report.groups) + sum(report.alone.values())


def nudge(value):
    """Give a function that moves the last weight of a net a little."""

    def change(net):
        with torch.no_grad():
            [*net.module_.parameters()][-1][-1] += value

    return change


def with_momentum(value):
    """Give a function that lets a net begin with a momentum."""

    def change(net):
        for parameter in net.optimizer_.param_groups[0]["params"]:
            buffer = torch.full_like(parameter, value)
            net.optimizer_.state[parameter]["momentum_buffer"] = buffer

    return change


def with_order(seed):
    """Give a function that lets a net draw its orders from another seed."""
    return lambda net: setattr(net, "order_seed_", seed)


def moved(X, value):
    X = X.copy()
    X[-1, -1] += value
    return X


def swapped(y):
    return np.r_[y[:-2], y[-1], y[-2]] if y[-1] != y[-2] else np.r_[y[:-1], (y[-1] + 1) % 3]


CHEAP_TO_COPY = {"optimizer__nesterov": False}

# What the first has, and what the second has instead.
TWO_TRAININGS = {
    "weights": ({}, {"change": nudge(1e-9)}),
    "rows": ({}, {"X": moved(X, 1e-9)}),
    "number of rows": ({}, {"X": X[:-1], "y": LABELS[:-1]}),
    "labels": ({}, {"y": swapped(LABELS)}),
    "targets": ({"kind": NetRegressor}, {"y": moved(TARGETS, 1e-9)}),
    "weights of rows": ({"weight": WEIGHT}, {"weight": np.r_[WEIGHT[:-1], 9.0]}),
    "weights of rows or none": ({}, {"weight": WEIGHT}),
    # 33 rows are batches of 8, 8, 8 and 9, or of 9, 9, 9 and 6.
    "batch size": ({"X": X[:33], "y": LABELS[:33]}, {"batch_size": 9}),
    "order": ({}, {"change": with_order(7)}),
    "shuffling": ({}, {"iterator_train__shuffle": False}),
    "rates": ({}, {"rate": 0.2}),
    "moments": ({"moment": HALF}, {"moment": ALL}),
    "momentum": ({}, {"optimizer__momentum": 0.5}),
    "weight decay": ({}, {"optimizer__weight_decay": 0.1}),
    "clipping": ({"max_grad_norm": 0.1}, {"max_grad_norm": 0.2}),
    "clipping or none": ({"max_grad_norm": 0.1}, {"max_grad_norm": None}),
    "velocity": ({"change": with_momentum(0.1)}, {"change": with_momentum(0.2)}),
    "dropout draws": ({"module__dropout": 0.3}, {"torch_seed": 5}),
}


@pytest.mark.parametrize("what", TWO_TRAININGS)
def test_nets_that_differ_in_one_thing_are_two_trainings_of_one_population(what):
    one, instead = TWO_TRAININGS[what]
    report = train_both(one, one | instead)
    assert [(g["n_nets"], g["n_fits"]) for g in report.groups] == [(2, 2)]
    assert not report.alone


# These cannot be one population either.
TWO_POPULATIONS = {
    "architecture": ({}, {"module__hidden_units": (8,)}),
    "depth": ({}, {"module__hidden_units": (7, 7)}),
    "activation": ({}, {"module__activation": "tanh"}),
    "probability of dropout": ({"module__dropout": 0.3}, {"module__dropout": 0.4}),
    "dropout or none": ({"module__dropout": 0.3}, {"module__dropout": 0.0}),
    "axes of rows": ({"module__n_features": 4, "X": X[:, :4]}, {"X": X[:, :4].reshape(-1, 2, 2)}),
    "precision": ({}, {"precision": "float32", "X": X.astype(np.float32)}),
    "epochs": ({}, {"max_epochs": 7}),
    "number of batches": ({}, {"batch_size": 18}),
    "label smoothing": (
        {"criterion__label_smoothing": 0.1},
        {"criterion__label_smoothing": 0.3},
    ),
    "label smoothing or none": (
        {"module": Own, "criterion__label_smoothing": 0.0},
        {"criterion__label_smoothing": 0.3},
    ),
    "criterion": ({"module": Own}, {"kind": NetRegressor}),
    "criterion of the closed form": ({}, {"kind": NetRegressor, "module__activation": "silu"}),
    "Nesterov's momentum": ({}, CHEAP_TO_COPY),
    "momentum or none": (CHEAP_TO_COPY, {"optimizer__momentum": 0.0}),
    "dampening": (CHEAP_TO_COPY, {"optimizer__dampening": 0.5}),
    "velocity or none": ({}, {"change": with_momentum(0.1)}),
    "class of the module": ({"module": Own}, {"module": MLP}),
    "attribute of the module": ({"module": Own}, {"module__scale": 2.0}),
    "last batch of another module": (
        {"module": Own, "X": X[:36], "y": LABELS[:36]},
        {"X": X[:35], "y": LABELS[:35]},
    ),
}


@pytest.mark.parametrize("what", TWO_POPULATIONS)
def test_nets_that_differ_in_one_thing_are_two_populations(what):
    one, instead = TWO_POPULATIONS[what]
    report = train_both(one, one | instead)
    assert not report.groups
    assert trainings(report) == 2


ALIKE = {
    "the closed form": {},
    "torch.func": {"module": Own},
    "dropout": {"module__dropout": 0.3},
    "weights of rows": {"weight": WEIGHT},
    "clipping": {"max_grad_norm": 0.1},
    "a velocity": {"change": with_momentum(0.1)},
}


@pytest.mark.parametrize("what", ALIKE)
def test_nets_that_are_alike_are_one_training(what):
    report = train_both(ALIKE[what], ALIKE[what])
    assert [(g["n_nets"], g["n_fits"]) for g in report.groups] == [(1, 2)]


def test_two_trainings_of_nets_that_are_alike_are_one_each():
    report = train_both({"n_trainings": 2}, {"n_trainings": 2})
    assert [(g["n_nets"], g["n_fits"]) for g in report.groups] == [(1, 2)] * 2


def test_fits_that_share_a_training_do_not_share_its_velocity():
    """What one does with its optimizer afterwards must not show in the other."""

    def fit_and_go_on(rate):
        net = NetClassifier(**SMALL)
        initialize_seeded(net, streams_of(0), torch.device("cpu"))
        # The second training is another for each.
        for own_rate in (0.1, rate):
            train(net, Data(X, LABELS), schedule=lambda t, T, own=own_rate: own)
        return [b["momentum_buffer"].numpy().copy() for b in net.optimizer_.state.values()]

    tasks = [partial(fit_and_go_on, rate) for rate in (0.05, 0.2, 0.0)]
    for participant, task in zip(run_together(tasks), tasks, strict=True):
        assert participant.error is None
        for found, expected in zip(participant.result, task(), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-12)


def test_optimizers_of_fits_that_share_a_training_are_their_own():
    nets = []

    def fit_one():
        net = NetClassifier(**SMALL)
        initialize_seeded(net, streams_of(0), torch.device("cpu"))
        nets.append(net)
        train(net, Data(X, LABELS), schedule=lambda t, T: 0.1)

    run_together([fit_one] * 3)
    pointers = [
        state["momentum_buffer"].data_ptr()
        for net in nets
        for state in net.optimizer_.state.values()
    ]
    assert len(set(pointers)) == 3 * 4
