"""Trainings of several nets in lock-step, held against the same trainings one by one."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skensemble import DivergenceError, NetRegressor, SnapshotEnsembleRegressor
from skensemble.lockstep import run_together
from skensemble.training import Data, ReadOnly, copying, train
from tests.lockstep.conftest import (
    LABELS,
    TARGETS,
    WEIGHT,
    Convolution,
    Own,
    Scaled,
    X,
    assert_gives_what_separate_fits_give,
    assert_same_ensembles,
    fit_together,
    initialized,
    net,
    snapshots,
    tasks_of,
    weights_of,
)


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-13), ("float32", 2e-6)])
@pytest.mark.parametrize("activation", ["silu", "relu", "gelu", "tanh"])
def test_weights_are_those_of_separate_fits(precision, tolerance, activation):
    module = {"module__hidden_units": (7, 4), "module__activation": activation}
    ensembles = [
        snapshots(net(precision=precision, **module), M=M, alpha_zero=rate, random_state=seed)
        for M, rate, seed in [(2, 0.1, 0), (3, 0.05, 1), (4, 0.2, 0), (2, 0.05, 2)]
    ]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), tolerance)
    assert report.groups == [{"engine": "closed form", "n_nets": 4, "n_fits": 4}]
    assert not report.alone


def test_each_net_has_numbers_of_its_own():
    settings = [
        {"optimizer__momentum": 0.5},
        {"optimizer__weight_decay": 0.1},
        {"optimizer__weight_decay": 0.0, "max_grad_norm": None},
        {"max_grad_norm": 0.05},
    ]
    report = assert_gives_what_separate_fits_give(tasks_of(snapshots(net(**s)) for s in settings))
    assert report.groups[0]["n_nets"] == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer__nesterov": False},
        {"optimizer__nesterov": False, "optimizer__dampening": 0.3},
        {"optimizer__momentum": 0.0},
    ],
)
def test_plain_momentum_and_none(settings):
    pair = [snapshots(net(**settings), random_state=seed) for seed in (0, 1)]
    assert assert_gives_what_separate_fits_give(tasks_of(pair)).groups


def test_many_classes():
    labels = np.arange(65) % 11
    pair = [snapshots(net(), random_state=seed) for seed in (0, 1)]
    assert assert_gives_what_separate_fits_give(tasks_of(pair, labels)).groups


def test_folds_of_unequal_size_are_exact():
    # 64, 63, 62 and 61 rows make four batches each, 65 four too: one row joins the last.
    tasks = [
        partial(snapshots(net(), random_state=k).fit, X[k:], LABELS[k:], sample_weight=weight)
        for k in range(5)
        for weight in (None, WEIGHT[k:])
    ]
    report = assert_gives_what_separate_fits_give(tasks)
    assert report.groups == [{"engine": "closed form", "n_nets": 10, "n_fits": 10}]


def test_dropout_draws_the_masks_of_separate_fits():
    tasks = [
        partial(snapshots(net(module__dropout=0.3), random_state=k).fit, X[k:], LABELS[k:])
        for k in range(4)
    ]
    assert assert_gives_what_separate_fits_give(tasks).groups[0]["n_nets"] == 4


def test_regressors_of_several_targets():
    sizes = {"batch_size": -1, "max_epochs": 24}
    nets = [net(kind=NetRegressor, **own) for own in ({}, {}, sizes, sizes)]
    ensembles = [SnapshotEnsembleRegressor(one, M=2, random_state=0) for one in nets]
    rates = (0.01, 0.02, 0.01, 0.02)
    ensembles = [e.set_params(alpha_zero=rate) for e, rate in zip(ensembles, rates, strict=True)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles, TARGETS))
    assert [group["n_nets"] for group in report.groups] == [2, 2]


def test_any_module_goes_through_torch_func():
    own = net(Convolution, criterion__label_smoothing=0.1, module__n_features=5)
    ensembles = [snapshots(own, alpha_zero=rate) for rate in (0.05, 0.1)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles, sample_weight=WEIGHT))
    assert report.groups == [{"engine": "torch.func", "n_nets": 2, "n_fits": 2}]


def test_modules_that_differ_in_an_attribute_are_other_groups():
    nets = [net(Scaled, module__scale=scale) for scale in (1.0, 3.0)]
    ensembles = [snapshots(one, alpha_zero=rate) for one in nets for rate in (0.05, 0.1)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles))
    assert [group["n_nets"] for group in report.groups] == [2, 2]


def test_a_net_that_diverges_fails_alone():
    ensembles = [snapshots(net(), alpha_zero=rate) for rate in (0.05, 1e200, 0.1)]
    first, bad, last = run_together(tasks_of(ensembles))
    with pytest.raises(DivergenceError) as alone:
        clone(ensembles[1]).fit(X, LABELS)
    assert isinstance(bad.error, DivergenceError)
    assert str(bad.error) == str(alone.value)
    expected = [clone(ensembles[k]).fit(X, LABELS) for k in (0, 2)]
    assert_same_ensembles([first.result, last.result], expected)


class StopAfter:
    """Asks for the end of a training at a moment."""

    def __init__(self, n_moments):
        self.n_moments = n_moments
        self.steps = []

    def __call__(self, step):
        """Count the moments."""
        weight = next(step.module.parameters()).detach().clone()
        self.steps.append((step.t, step.T, step.rate, step.loss, weight))
        return len(self.steps) == self.n_moments


def every_fifth(t, T):
    return t % 5 == 0


def falling(t, T, rate=0.1):
    return rate / t


def fit(observe, n_rows=65, seed=0, rate=0.1, module=None, **net_settings):
    """Train a net, and give what it leaves."""
    one = initialized(module, seed=seed, **net_settings)
    settings = {"schedule": partial(falling, rate=rate), "moment": every_fifth, "observe": observe}
    trace = train(one, Data(X[:n_rows], LABELS[:n_rows]), **settings)
    memory = [one.optimizer_.state[p] for p in one.module_.parameters()]
    return trace, weights_of(one), memory


def assert_same_outcomes(together, alone):
    for (trace, weights, momentum), (expected, weights_alone, momentum_alone) in zip(
        together, alone, strict=True
    ):
        assert trace.stopped_by == expected.stopped_by
        assert trace.n_steps == expected.n_steps
        assert trace.learning_rates.tolist() == expected.learning_rates.tolist()
        assert trace.moments.tolist() == expected.moments.tolist()
        assert trace.loss_curve == pytest.approx(expected.loss_curve, abs=1e-12)
        # Losses are kept in the precision of the net, and alone averaged in float32.
        assert trace.last_loss == pytest.approx(expected.last_loss, rel=1e-6)
        np.testing.assert_allclose(weights, weights_alone, atol=1e-13)
        if trace.stopped_by is None:
            for one, other in zip(momentum, momentum_alone, strict=True):
                torch.testing.assert_close(one, other, rtol=0, atol=1e-13)


def assert_same_steps(together, alone):
    for one, other in zip(together, alone, strict=True):
        for step, expected in zip(one.steps, other.steps, strict=True):
            assert step[:3] == expected[:3]
            assert step[3] == pytest.approx(expected[3], rel=1e-6)
            torch.testing.assert_close(step[4], expected[4], rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    "settings",
    [
        # One net for all, or nets of their own.
        [{}] * 4,
        [{"rate": rate} for rate in (0.05, 0.1, 0.2, 0.3)],
        [{"n_rows": n, "seed": n} for n in (65, 55, 60, 50)],
        [{"optimizer": torch.optim.AdamW, "seed": seed} for seed in range(4)],
    ],
)
def test_an_observer_ends_its_own_training_only(settings):
    numbers = (1, 3, 4, 99)
    together, alone = ([StopAfter(n) for n in numbers] for _ in range(2))
    tasks, expected = (
        [partial(fit, ReadOnly(o), **own) for o, own in zip(observers, settings, strict=True)]
        for observers in (together, alone)
    )
    assert_same_outcomes(fit_together(tasks), [task() for task in expected])
    assert_same_steps(together, alone)


CALLS = []


class Called(Own):
    """A module that notes its calls where no net can see it."""

    def forward(self, x):
        """Note the call."""
        CALLS.append(1)
        return super().forward(x)


def test_a_population_whose_trainings_have_all_ended_trains_no_further():
    CALLS.clear()
    stop = ReadOnly(lambda step: step.t == 5)
    traces = fit_together([partial(fit, stop, seed=k, module=Called) for k in range(2)])
    assert [len(trace.learning_rates) for trace, *_ in traces] == [5, 5]
    # The module is tried out and measured before the five steps.
    assert len(CALLS) == 2 + 5


def test_an_observer_that_fails_ends_its_own_training_only():
    def fail(step):
        raise ValueError("not this one")

    look = StopAfter(99)
    bad, good = run_together(
        [partial(fit, ReadOnly(fail), seed=0), partial(fit, ReadOnly(look), seed=1)]
    )
    assert str(bad.error) == "not this one"
    alone = StopAfter(99)
    assert_same_outcomes([good.result], [fit(ReadOnly(alone), seed=1)])
    assert_same_steps([look], [alone])


class Copies:
    """Keeps copies of the weights, and the losses as they are asked for."""

    def __init__(self, can_wait):
        self.can_wait = can_wait
        self.kept = []

    def __call__(self, state, step):
        """Keep a copy."""
        self.kept.append((step.t, step.rate, step.loss, state))


@pytest.mark.parametrize("can_wait", [(True, True), (True, False), (False, False)])
def test_copies_that_wait_for_the_end_are_those_of_the_moment(can_wait):
    together, alone = ([Copies(wait) for wait in can_wait] for _ in range(2))
    tasks, expected = (
        [partial(fit, copying(copies), seed=k) for k, copies in enumerate(own)]
        for own in (together, alone)
    )
    assert_same_outcomes(fit_together(tasks), [task() for task in expected])
    for one, other in zip(together, alone, strict=True):
        assert [t for t, *_ in one.kept] == [*range(5, 49, 5)]
        for (t, rate, loss, state), (t_alone, rate_alone, loss_alone, state_alone) in zip(
            one.kept, other.kept, strict=True
        ):
            assert (t, rate) == (t_alone, rate_alone)
            assert loss == pytest.approx(loss_alone, rel=1e-6)
            assert state.keys() == state_alone.keys()
            for name in state:
                np.testing.assert_allclose(state[name], state_alone[name], atol=1e-13)


def test_weights_of_classes_train_together():
    nets = [net(class_weight=own) for own in (None, "balanced", {0: 3.0}, {0: 1, 1: 7})]
    ensembles = [snapshots(one, random_state=0) for one in nets]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles, sample_weight=WEIGHT))
    assert report.groups == [{"engine": "closed form", "n_nets": 4, "n_fits": 4}]


def test_rows_of_next_to_no_weight_are_rows():
    """A mask of dropout has a line for each row, and a batch its own number of rows."""
    weight = np.where(np.arange(65) % 3, 1.0, 1e-200)
    nets = [net(module__dropout=0.3, precision=p) for p in ("float32", "float64")]
    ensembles = [snapshots(one, random_state=k) for one in nets for k in (0, 1)]
    report = run_together(tasks_of(ensembles, sample_weight=weight))
    for ensemble, outcome in zip(ensembles, report, strict=True):
        alone = clone(ensemble).fit(X, LABELS, sample_weight=weight)
        expected = alone.predict_proba(X)
        np.testing.assert_allclose(outcome.result.predict_proba(X), expected, atol=1e-5)
