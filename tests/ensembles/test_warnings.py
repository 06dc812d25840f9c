"""Warnings of a fit that works and is still not what its user wants."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch import nn

from skensemble import (
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)
from skensemble.ensembles._warnings import (
    warn_if_constant,
    warn_if_draws_are_wide,
    warn_if_early_members_spoil,
    warn_if_few,
    warn_if_overruled,
    warn_if_processes_are_slower,
    warn_if_softmax,
)
from skensemble.members import MemberTemplate, Predictor, copy_state
from skensemble.training import Data, Trace


def is_warned(function, *arguments):
    """Say whether a call warns."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        function(*arguments)
    return bool(warned)


def test_a_net_that_died_on_unscaled_inputs_is_told_of():
    X, y = load_wine(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="the same output for all rows"):
        SnapshotEnsembleClassifier(random_state=0).fit(X, y)


def test_a_module_that_ends_in_a_softmax_is_told_of(make_classifier, iris):
    module = nn.Sequential(nn.Linear(4, 3), nn.Softmax(-1))
    with pytest.warns(UserWarning, match="Sequential seems to end in a softmax") as warned:
        make_classifier(estimator=NetClassifier(module, max_epochs=20)).fit(*iris)
    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([[0.25, 0.75], [1.0, 0.0]], True),
        ([[0.25, 0.75], [1.0, 0.5]], False),
        ([[1.5, -0.5], [1.0, 0.0]], False),
    ],
)
def test_probabilities_are_at_least_0_and_sum_to_1(outputs, expected):
    assert is_warned(warn_if_softmax, nn.Softmax(-1), torch.tensor(outputs)) == expected


def trace(n_moments, stopped_by=None):
    return Trace(10, np.full(10, 0.1), np.arange(1, n_moments + 1), np.ones(2), 1.0, stopped_by)


def test_fewer_weights_than_were_asked_for_are_told_of():
    message = r"n_averaged=5, but only 4 of T=10 steps come after"
    with pytest.warns(ConvergenceWarning, match=message):
        warn_if_few(trace(4), 5)
    assert not is_warned(warn_if_few, trace(5), 5)
    # Of a training that was stopped the user knows already.
    assert not is_warned(warn_if_few, trace(4, "ctrl-c"), 5)


def test_draws_may_lose_twice_what_the_net_does_and_a_tenth_more():
    message = r"a loss of 1\.11, where the net has 0\.5\. Cut it on held-out rows"
    with pytest.warns(ConvergenceWarning, match=message):
        warn_if_draws_are_wide(np.array([0.11, 2.11]), 0.5, "Cut it")
    assert not is_warned(warn_if_draws_are_wide, np.array([0.09, 2.09]), 0.5, "Cut it")


def predictor_of(*biases):
    """Give members with these outputs for each row, beside a slope of 0 or of the first value."""
    predictor = Predictor(torch.device("cpu"), nn.Identity(), None, 1)
    for slope, bias in biases:
        layer = nn.Linear(1, 2)
        nn.init.constant_(layer.weight, slope)
        nn.init.constant_(layer.bias, bias)
        predictor.add(MemberTemplate(layer), copy_state(layer))
    return predictor


X = np.linspace(0, 1, 300, dtype=np.float32)[:, None]
LABELS = np.arange(300) % 2
# The variance of 0, ..., n - 1 is (n**2 - 1) / 12.
TARGETS = (np.arange(300.0)[:, None] - 149.5) / ((300**2 - 1) / 12) ** 0.5


@pytest.mark.parametrize("slope", [0.0, 0.5e-3])
@pytest.mark.parametrize(
    ("criterion", "y"), [(nn.CrossEntropyLoss(), LABELS), (nn.MSELoss(), TARGETS)]
)
def test_outputs_that_are_all_alike_are_told_of(slope, criterion, y):
    predictor = predictor_of((1.0, 0.0), (slope, 1.0))
    with pytest.warns(ConvergenceWarning, match="same output for all rows"):
        warn_if_constant(predictor, Data(X, y), criterion, 1.0, "Lower alpha_zero.")


def test_outputs_that_differ_or_targets_that_do_not_are_not_told_of():
    criterion = nn.CrossEntropyLoss()
    died, alive = predictor_of((0.0, 1.0)), predictor_of((0.0, 1.0), (0.01, 1.0))
    assert not is_warned(warn_if_constant, alive, Data(X, LABELS), criterion, 1.0, "")
    assert not is_warned(warn_if_constant, died, Data(X, np.zeros(300, int)), criterion, 1.0, "")


@pytest.mark.parametrize(
    ("criterion", "data", "least"),
    [
        (nn.CrossEntropyLoss(), Data(X, LABELS), np.log(2)),
        # Classes of weight 1/4 and 3/4.
        (
            nn.CrossEntropyLoss(),
            Data(X, LABELS, 1.0 + 2 * LABELS),
            -(np.log(1 / 4) / 4 + 3 * np.log(3 / 4) / 4),
        ),
        (nn.MSELoss(), Data(X, TARGETS), 1.0),
        # Of two targets, in their own units: variances of 1/100 and 4, of weights that are equal.
        (nn.MSELoss(), Data(X, np.c_[TARGETS / 10, 2 * TARGETS], np.full(300, 7.0)), 4.01 / 2),
        # Three quarters of the weight are on 1.
        (nn.MSELoss(), Data(X, LABELS[:, None], 1.0 + 2 * LABELS), 3 / 4 * 1 / 4),
    ],
)
def test_a_loss_of_half_the_least_of_a_constant_is_none(criterion, data, least):
    died = predictor_of((0.0, 1.0))
    assert not is_warned(warn_if_constant, died, data, criterion, 0.49 * least, "")
    assert is_warned(warn_if_constant, died, data, criterion, 0.51 * least, "")


def test_outputs_are_alike_beside_the_spread_of_the_targets():
    """Slopes of .5e-3 and 5e-3 are nothing and something beside targets that spread by 1."""
    for unit in (1e-6, 1e6):
        for slope, is_told in ((0.5e-3, True), (5e-3, False)):
            predictor = predictor_of((slope * unit, 0.0))
            data = Data(X, unit * TARGETS)
            assert is_warned(warn_if_constant, predictor, data, nn.L1Loss(), 1.0, "") == is_told


@pytest.mark.parametrize("criterion", [nn.CrossEntropyLoss(weight=torch.ones(2)), nn.L1Loss()])
def test_of_another_criterion_the_outputs_are_looked_at_whatever_the_loss(criterion):
    assert is_warned(
        warn_if_constant, predictor_of((0.0, 1.0)), Data(X, LABELS), criterion, 1e-9, ""
    )


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"lr": 0.02}, r"lr=0\.02 of the net has no effect, .* set alpha_zero \(now 0\.5\)"),
        ({"optimizer__lr": 0.02}, r"lr=0\.02 of the net has no effect"),
        ({"callbacks": [LRScheduler]}, "The callback LRScheduler of the net has no effect"),
        ({"callbacks": [("rate", LRScheduler())]}, "The callback LRScheduler of the net has no"),
        ({"warm_start": True}, "warm_start=True of the net has no effect: each fit"),
    ],
)
@pytest.mark.parametrize("net", [NetClassifier, NeuralNetClassifier])
def test_what_an_ensemble_overrules_is_told_of(net, keywords, message):
    ensemble = SnapshotEnsembleClassifier(alpha_zero=0.5)
    with pytest.warns(UserWarning, match=message):
        warn_if_overruled(net(nn.Linear, **keywords), ensemble)


@pytest.mark.parametrize("net", [NetClassifier, NeuralNetClassifier])
def test_defaults_and_the_rate_of_the_schedule_are_not_told_of(net):
    ensemble = SnapshotEnsembleClassifier(alpha_zero=0.5)
    assert not is_warned(warn_if_overruled, net(nn.Linear), ensemble)
    assert not is_warned(warn_if_overruled, net(nn.Linear, lr=0.5), ensemble)
    # Rates of groups are relative to that of the net.
    groups = [("bias", {"lr": 0.01})]
    grouped = net(nn.Linear, lr=0.02, optimizer__param_groups=groups)
    assert not is_warned(warn_if_overruled, grouped, ensemble)


@pytest.mark.parametrize(
    ("optimizer", "alpha_zero", "expected"),
    [
        (torch.optim.AdamW, 0.1, True),
        (torch.optim.Adam, 0.031, True),
        (torch.optim.AdamW, 0.03, False),
        (torch.optim.SGD, 0.1, False),
        (torch.optim.Adagrad, 0.1, False),
    ],
)
def test_a_rate_that_is_high_for_adam_is_told_of(optimizer, alpha_zero, expected):
    ensemble = SnapshotEnsembleClassifier(alpha_zero=alpha_zero)
    adam = NetClassifier(optimizer=optimizer)
    assert is_warned(warn_if_overruled, adam, ensemble) == expected


def test_a_fit_tells_of_what_it_overrules(make_ensemble, data):
    ensemble = make_ensemble()
    ensemble.estimator.set_params(warm_start=True)
    with pytest.warns(UserWarning, match="warm_start=True of the net has no effect"):
        ensemble.fit(*data)


def test_processes_that_take_longer_than_one_are_told_of_with_figures():
    message = r"n_jobs=2 took 3\.4 seconds for 3 trainings of 0\.3 seconds together"
    with pytest.warns(UserWarning, match=message):
        warn_if_processes_are_slower(2, [0.1, 0.1, 0.1], 3.4)
    assert not is_warned(warn_if_processes_are_slower, 1, [0.1, 0.1, 0.1], 3.4)
    assert not is_warned(warn_if_processes_are_slower, None, [0.1, 0.1, 0.1], 3.4)
    # A fifth and a tenth of a second may be chance: 1.2 * 2 + 0.1 = 2.5.
    assert not is_warned(warn_if_processes_are_slower, 2, [1.0, 1.0], 2.49)
    assert is_warned(warn_if_processes_are_slower, 2, [1.0, 1.0], 2.51)


SPOILT = "average of the members fits the training rows clearly worse than the last member alone"


@pytest.mark.parametrize(
    ("load", "ensemble"),
    [
        (load_digits, SnapshotEnsembleClassifier(NetClassifier(max_epochs=2))),
        (load_diabetes, SnapshotEnsembleRegressor(NetRegressor(max_epochs=10), alpha_zero=3e-3)),
    ],
)
def test_an_average_that_early_members_spoil_is_told_of(load, ensemble):
    X, y = load(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match=SPOILT):
        ensemble.set_params(random_state=0).fit(scale(X), y)
    # Without the early members there is nothing to tell of, and validation rows tell it better.
    assert not is_warned(ensemble.set_params(m=1).fit, scale(X), y)
    ensemble.set_params(m=None, validation_fraction=0.2)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        ensemble.fit(scale(X), y)
    assert not any(SPOILT in str(warning.message) for warning in warned)


class Halves:
    """Stands for an ensemble of two members, the last of which hits the targets 1 and -1.

    The first one gives a share of them.
    """

    def __init__(self, share, weights):
        self.members_ = [{}, {}]
        self.weights_ = np.array(weights)
        self._predictor_ = self
        self.share = share

    def outputs(self, X, members):
        """Give what the members predict."""
        return np.stack([self.share * X, X])[list(members)]

    _row_losses = staticmethod(SnapshotEnsembleRegressor._row_losses)


@pytest.mark.parametrize(
    ("share", "weights", "n_epochs", "expected"),
    [
        # The mean loses ((1 - share) / 2)**2, where a constant loses 1: 0.09 and 0.1225.
        (0.4, [0.5, 0.5], 10, False),
        (0.3, [0.5, 0.5], 10, True),
        (0.3, [0.0, 1.0], 10, False),
        # After more epochs the last member may be over-fitted.
        (0.3, [0.5, 0.5], 11, False),
    ],
)
def test_the_average_may_lose_a_tenth_of_a_constant_more(share, weights, n_epochs, expected):
    rows = np.tile([[1.0], [-1.0]], (900, 1))
    trained = replace(trace(2), moments=np.array([10, 20]), loss_curve=np.ones(n_epochs))
    data, ensemble = Data(rows, rows), Halves(share, weights)
    arguments = ensemble, data, nn.MSELoss(), trained
    assert is_warned(warn_if_early_members_spoil, *arguments) == expected
    # Rows that have no weight do not count, and of a loss of another kind nothing is known.
    hit = Data(np.vstack([rows, 0 * rows]), np.vstack([rows, rows]), np.repeat([1.0, 0.0], 1800))
    assert is_warned(warn_if_early_members_spoil, ensemble, hit, *arguments[2:]) == expected
    assert not is_warned(warn_if_early_members_spoil, ensemble, data, nn.HuberLoss(), trained)
    # Draws from one training are none of its moments; of short cycles their length is told.
    for moments in ([20], [9, 20]):
        other = replace(trained, moments=np.array(moments))
        assert not is_warned(warn_if_early_members_spoil, *arguments[:3], other)


@pytest.mark.parametrize(
    "load", [load_iris, load_wine, load_breast_cancer, load_digits, load_diabetes]
)
def test_the_defaults_are_silent_on_toy_data(load):
    X, y = load(return_X_y=True)
    is_diabetes = load is load_diabetes
    kind = SnapshotEnsembleRegressor if is_diabetes else SnapshotEnsembleClassifier
    assert not is_warned(kind(random_state=0).fit, scale(X), y)
