"""Bad input is named, and leaves a fitted ensemble as it was."""

import signal

import numpy as np
import pytest
import torch
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from skensemble import NetClassifier, NetRegressor
from skensemble.modules import MLP
from tests.conftest import SMALL_ENSEMBLES


class TooWide(MLP):
    """A module with one output too many."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs + 1)


class Flat(MLP):
    """A regression module that forgets the axis of the targets."""

    def forward(self, x):
        """Give values of shape (n_samples,)."""
        return super().forward(x)[:, 0]


class PressCtrlC(Callback):
    """Presses Ctrl-C after an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        """Raise the signal of Ctrl-C."""
        if len(net.history) == self.epoch:
            signal.raise_signal(signal.SIGINT)


def bad_rows(data, value):
    X = data[0].copy()
    X[3, 1] = value
    return X


PARAMETERS = [
    ({"M": 0}, r"M must be an int >= 1, got 0\."),
    ({"M": 2.5}, r"M must be an int >= 1, got 2\.5\."),
    ({"m": 0}, r"m must be an int in 1\.\.[13], None or 'auto', got 0\."),
    ({"m": 4}, r"m must be an int in 1\.\.[13], None or 'auto', got 4\."),
    ({"m": "best"}, r"m must be an int in 1\.\.[13], None or 'auto', got 'best'\."),
    ({"m": "auto"}, r"m must be an int or None for a fit without X_val and y_val, got 'auto'\."),
    ({"alpha_zero": 0}, r"alpha_zero must be a finite number > 0, got 0\."),
    ({"alpha_zero": np.nan}, r"alpha_zero must be a finite number > 0, got nan\."),
    ({"estimator": LogisticRegression()}, r"estimator must be a skorch .*, got LogisticRegression"),
    ({"estimator": "mlp"}, r"estimator must be a skorch .* or None, got 'mlp'\."),
    ({"verbose": "loud"}, r"verbose must be an int >= 0, got 'loud'\."),
]
"""Of every ensemble that has the parameter."""

SNAPSHOT_PARAMETERS = [
    ({"M": 10_000}, r"M must be at most the number of optimizer steps, T=\d+, got 10000\."),
    ({"alpha_zero": -0.1}, r"alpha_zero must be a finite number > 0, got -0\.1\."),
    ({"alpha_zero": np.inf}, r"alpha_zero must be a finite number > 0, got inf\."),
    ({"lr_min": 0.2}, r"lr_min must be a finite number >= 0 and <= 0\.1, got 0\.2\."),
    ({"schedule": "cosin"}, r"schedule must be one of \['cosine', .* or a callable, got 'cosin'\."),
    ({"cycle_mult": 0}, r"cycle_mult must be a finite number > 0, got 0\."),
    ({"alpha_mult": -1}, r"alpha_mult must be a finite number > 0, got -1\."),
    ({"cold_restart": "yes"}, r"cold_restart must be True or False, got 'yes'\."),
    ({"estimator": nn.Linear(4, 3)}, r"estimator must be a skorch .*, got Linear\("),
]

OWN_PARAMETERS = [
    ("DeepEnsemble", {"n_jobs": 0}, r"n_jobs must be None or an int other than 0, got 0\."),
    ("DeepEnsemble", {"n_jobs": True}, r"n_jobs must be None or an int other than 0, got True\."),
    ("DeepEnsemble", {"n_jobs": 1.5}, r"n_jobs must be None or an int other than 0, got 1\.5\."),
    ("FastGeometricEnsemble", {"alpha_1": 0}, r"alpha_1 must be a finite number > 0, got 0\."),
    ("FastGeometricEnsemble", {"alpha_2": 0.1}, r"alpha_2 must be .* <= 0\.05, got 0\.1\."),
    ("FastGeometricEnsemble", {"pretrain_fraction": -1}, r"pretrain_fraction must be .*, got -1\."),
    ("FastGeometricEnsemble", {"M": 90}, r"must leave enough steps to hold the 179 half cycles"),
    ("FastGeometricEnsemble", {"pretrain_fraction": 1}, r"pretrain_fraction must .* < 1, got 1\."),
    ("SWA", {"swa_lr": 0}, r"swa_lr must be a finite number > 0, got 0\."),
    ("SWA", {"n_averaged": 0}, r"n_averaged must be an int >= 1, got 0\."),
    ("SWAG", {"n_averaged": 1}, r"n_averaged must be an int >= 2, got 1\."),
    ("SWAG", {"max_rank": -1}, r"max_rank must be an int >= 0, got -1\."),
    (
        "SWAG",
        {"covariance_scale": -0.5},
        r"covariance_scale must be a finite number >= 0, got -0\.5\.",
    ),
    ("CyclicalSGLD", {"samples_per_cycle": 0}, r"samples_per_cycle must be an int >= 1, got 0\."),
    (
        "CyclicalSGLD",
        {"samples_per_cycle": 99},
        r"samples_per_cycle must be at most the \d+ steps of a cycle",
    ),
    (
        "CyclicalSGLD",
        {"sampling_fraction": 0},
        r"sampling_fraction must be .* > 0 and <= 1, got 0\.",
    ),
    ("CyclicalSGLD", {"temperature": -1}, r"temperature must be a finite number >= 0, got -1\."),
    ("KFACLaplace", {"std_scale": -1}, r"std_scale must be a finite number >= 0, got -1\."),
    ("KFACLaplace", {"prior_variance": 0}, r"prior_variance must be a finite number > 0, got 0\."),
    ("Variational", {"beta": 0}, r"beta must be a finite number > 0, got 0\."),
    ("Variational", {"std_lr": -1}, r"std_lr must be a finite number >= 0, got -1\."),
    ("Variational", {"tail_lr": 0}, r"tail_lr must be a finite number > 0, got 0\."),
    ("Variational", {"pretrain_fraction": 0}, r"pretrain_fraction must .* > 0 and < 1, got 0\."),
]

NET_PARAMETERS = [
    (
        {"module": TooWide},
        r"module whose output has shape \(2, \d\) .* got shape \(2, \d\) from TooW",
    ),
    ({"device": "abacus"}, r"device must be 'auto' or a device that torch knows, got 'abacus'\."),
    ({"precision": "half"}, r"precision must be one of .*, got 'half'\."),
    ({"max_epochs": 0}, r"max_epochs must be an int >= 1, got 0\."),
    ({"batch_size": 0}, r"batch_size must be an int >= 1, got 0\."),
]


def assert_refused(make_ensemble, data, message, fit, **parameters):
    """Hold that a bad fit says so, fresh or fitted, and that a fitted ensemble stays as it was."""
    X, y = data
    with pytest.raises((ValueError, TypeError), match=message):
        fit(make_ensemble(**parameters))
    ensemble = make_ensemble().fit(X, y)
    before, expected = vars(ensemble).copy(), ensemble.predict(X)
    kept = {name: getattr(ensemble, name) for name in parameters}
    with pytest.raises((ValueError, TypeError), match=message):
        fit(ensemble.set_params(**parameters))
    after = vars(ensemble.set_params(**kept))
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)
    assert (ensemble.predict(X) == expected).all()


@pytest.mark.parametrize(("parameters", "message"), PARAMETERS)
def test_bad_parameters(make_ensemble, data, parameters, message):
    if not parameters.keys() <= make_ensemble().get_params(deep=False).keys():
        pytest.skip("the ensemble has no such parameter")
    assert_refused(make_ensemble, data, message, lambda e: e.fit(*data), **parameters)


@pytest.mark.parametrize(("parameters", "message"), SNAPSHOT_PARAMETERS)
def test_bad_parameters_of_a_snapshot_ensemble(make_snapshot, data, parameters, message):
    assert_refused(make_snapshot, data, message, lambda e: e.fit(*data), **parameters)


@pytest.mark.parametrize(("method", "parameters", "message"), OWN_PARAMETERS)
def test_bad_parameters_of_other_methods(iris, method, parameters, message):
    make = SMALL_ENSEMBLES[f"{method}Classifier"]
    assert_refused(make, iris, message, lambda e: e.fit(*iris), **parameters)


@pytest.mark.parametrize(("parameters", "message"), NET_PARAMETERS)
def test_bad_parameters_of_the_net(make_snapshot, data, parameters, message):
    net = type(make_snapshot().estimator)(**parameters)
    assert_refused(make_snapshot, data, message, lambda e: e.fit(*data), estimator=net)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_where_there_is_none(make_ensemble, data):
    net = type(make_ensemble().estimator)(device="cuda:0")
    message = r"device must be on this machine \(0 device\(s\) of type 'cuda' found\), got 'cuda:0'"
    assert_refused(make_ensemble, data, message, lambda e: e.fit(*data), estimator=net)


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "Input X contains NaN"), (np.inf, "Input X contains infinity")]
)
def test_rows_that_are_not_finite(make_ensemble, data, value, message):
    X = bad_rows(data, value)
    assert_refused(make_ensemble, data, message, lambda e: e.fit(X, data[1]))
    with pytest.raises(ValueError, match=message):
        make_ensemble().fit(*data).predict(X)


def test_rows_of_other_features(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble().fit(X, y)
    expected = rf"X has {X.shape[1] - 1} features, but \w+ is expecting {X.shape[1]} features"
    with pytest.raises(ValueError, match=expected):
        ensemble.predict(X[:, 1:])
    assert_refused(make_ensemble, data, expected, lambda e: e.fit(X, y, X_val=X[:, 1:], y_val=y))


def test_rows_and_targets_of_other_lengths(make_snapshot, data):
    X, y = data
    assert_refused(make_snapshot, data, "inconsistent numbers", lambda e: e.fit(X, y[1:]))
    assert_refused(
        make_snapshot, data, "sample_weight.shape", lambda e: e.fit(X, y, sample_weight=[1.0])
    )


def test_one_class(make_classifier, iris):
    X, y = iris
    message = r"y must hold at least 2 classes, got 1 class"
    assert_refused(make_classifier, iris, message, lambda e: e.fit(X, np.zeros(150)))
    weight = (y == 1).astype(float)
    assert_refused(make_classifier, iris, message, lambda e: e.fit(X, y, sample_weight=weight))


def test_a_validation_class_that_was_not_seen(make_classifier, iris):
    X, y = iris
    message = r"y_val must hold classes seen in y, got \[2\] as well"
    fit = {"X_val": X, "y_val": y}
    assert_refused(make_classifier, iris, message, lambda e: e.fit(X[:100], y[:100], **fit))


@pytest.mark.parametrize("given", ["X_val", "y_val"])
def test_half_of_a_validation_set(make_snapshot, data, given):
    X, y = data
    message = f"must be given with {given}, got None"
    rows = {"X_val": X, "y_val": y}
    assert_refused(make_snapshot, data, message, lambda e: e.fit(X, y, **{given: rows[given]}))


def test_validation_weights_without_rows(make_snapshot, data):
    message = "sample_weight_val must be None without X_val"
    weight = np.ones(3)
    assert_refused(make_snapshot, data, message, lambda e: e.fit(*data, sample_weight_val=weight))


def test_validation_targets_of_another_width(make_regressor, diabetes):
    X, y = diabetes
    message = r"y_val must have 1 column\(s\), as in fit, got shape \(442, 2\)"
    validation = {"X_val": X, "y_val": np.c_[y, y]}
    assert_refused(make_regressor, diabetes, message, lambda e: e.fit(X, y, **validation))


def test_weights_for_a_net_that_cannot_weigh(make_classifier, iris):
    stock = NeuralNetClassifier(MLP, verbose=0)
    message = r"sample_weight must be None for a NeuralNetClassifier \(take NetClassifier\)"
    assert_refused(
        make_classifier,
        iris,
        message,
        lambda e: e.fit(*iris, sample_weight=np.ones(150)),
        estimator=stock,
    )


def test_a_flat_output_where_columns_are_needed(make_regressor, diabetes):
    message = r"output has shape \(2, 1\) for 2 row\(s\), got shape \(2,\) from Flat"
    assert_refused(
        make_regressor, diabetes, message, lambda e: e.fit(*diabetes), estimator=NetRegressor(Flat)
    )


@pytest.mark.parametrize("m", [0, 4, "auto", 1.5])
def test_a_bad_m_after_fit(make_snapshot, data, m):
    ensemble = make_snapshot().fit(*data)
    ensemble.m = m
    with pytest.raises(ValueError, match="m must be an int"):
        ensemble.predict(data[0])
    ensemble.m = 3
    ensemble.predict(data[0])


def test_nested_parameters_need_a_net_that_is_written_out(make_ensemble):
    for estimator in (None, MLP):
        ensemble = make_ensemble(estimator=estimator)
        message = r"estimator__batch_size must belong to a net that is written out, got estimator="
        with pytest.raises(ValueError, match=message):
            ensemble.set_params(estimator__batch_size=8)
    net = make_ensemble().estimator
    ensemble.set_params(estimator=net, estimator__batch_size=8)
    assert ensemble.estimator.batch_size == 8


def test_an_unknown_parameter_is_refused_as_in_scikit_learn(make_ensemble):
    with pytest.raises(ValueError, match="Invalid parameter 'n_cycles'"):
        make_ensemble().set_params(n_cycles=3)


def test_divergence_says_where_and_what_to_try(make_classifier, iris):
    X, y = 1e18 * iris[0].astype(float), iris[1]
    message = r"Training diverged: .* at step \d+, learning rate .*Scale the inputs.*lower alpha_z"
    assert_refused(make_classifier, iris, message, lambda e: e.fit(X, y), alpha_zero=1e10)


def test_a_candidate_that_diverges_scores_error_score_and_the_others_finish(make_classifier, iris):
    search = GridSearchCV(make_classifier(), {"alpha_zero": [1e30, 0.1]}, cv=2, refit=True)
    failed = pytest.warns(FitFailedWarning, match="Training diverged")
    with failed, pytest.warns(UserWarning, match="scores are non-finite"):
        search.fit(*iris)
    scores = search.cv_results_["mean_test_score"]
    assert np.isnan(scores[0])
    assert scores[1] > 0.7
    assert search.best_params_ == {"alpha_zero": 0.1}


def test_ctrl_c_keeps_the_snapshots_taken_so_far(make_snapshot, data):
    X, y = data
    net = type(make_snapshot().estimator)(callbacks=[PressCtrlC(15)], max_epochs=20, batch_size=32)
    with pytest.warns(UserWarning, match=r"stopped by ctrl-c at step \d+ of \d+: the 2 of 3 memb"):
        ensemble = make_snapshot(estimator=net, m=3).fit(X, y)
    assert ensemble.weights_.tolist() == [1 / 2, 1 / 2]
    assert ensemble.n_steps_ == len(ensemble.learning_rates_) == 15 * (len(X) // 32 + 1)
    whole = make_snapshot(estimator=type(net)(max_epochs=20, batch_size=32)).fit(X, y)
    for one, other in zip(ensemble.members_, whole.members_, strict=False):
        assert all((one[name] == other[name]).all() for name in one)


def test_ctrl_c_while_a_member_is_scored_leaves_whole_members(make_snapshot, data, monkeypatch):
    X, y = data
    calls = []

    def press(*args):
        calls.append(args)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return 0.5

    ensemble = make_snapshot()
    monkeypatch.setattr(type(ensemble), "_score_output", staticmethod(press))
    with pytest.warns(UserWarning, match="the 1 of 3 members"):
        ensemble.fit(X, y, X_val=X, y_val=y)
    assert ensemble.validation_scores_.tolist() == [0.5]
    assert ensemble.member_steps_.shape == (1,)
    assert len(ensemble.predict(X)) == len(X)


def test_ctrl_c_before_the_first_snapshot_is_an_interrupt(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble().fit(X, y)
    expected = ensemble.predict(X)
    net = make_ensemble().estimator.set_params(callbacks=[PressCtrlC(2)])
    with pytest.raises(KeyboardInterrupt):
        ensemble.set_params(estimator=net).fit(X, y)
    assert (ensemble.predict(X) == expected).all()


def test_a_negative_weight_is_refused(make_snapshot, data):
    X, y = data
    weight = np.ones(len(X))
    weight[0] = -1
    assert_refused(make_snapshot, data, "Negative values", lambda e: e.fit(X, y, weight))


def test_the_default_net_classifier_is_checked_when_it_is_trained_alone(iris):
    with pytest.raises(ValueError, match="Input X contains NaN"):
        NetClassifier().fit(bad_rows(iris, np.nan), iris[1])


class StopAtOnce(Callback):
    """Ends the training before its first step."""

    def on_epoch_begin(self, net, **kwargs):
        """Ask for the end, as skorch's callbacks do."""
        raise KeyboardInterrupt


def test_a_callback_that_stops_before_the_first_step_is_named(make_ensemble, data):
    net = make_ensemble().estimator.set_params(callbacks=[StopAtOnce()])
    with pytest.raises(RuntimeError, match=r"stopped at step 0 of \d+, before the first member"):
        make_ensemble(estimator=net).fit(*data)
