"""Bad input is named, and leaves a fitted ensemble as it was."""

import numpy as np
import pytest
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from torch import nn

from skensemble import NetClassifier
from tests.conftest import SMALL_ENSEMBLES
from tests.ensembles.conftest import assert_refused


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
    ({"warmup": -1}, r"warmup must be a number of steps, .* a float >= 0 and <= 1, got -1\."),
    ({"alpha_mult": -1}, r"alpha_mult must be a finite number > 0, got -1\."),
    ({"cold_restart": "yes"}, r"cold_restart must be True or False, got 'yes'\."),
    ({"estimator": nn.Linear}, r"module must be something that can be built, got Linear\(\)"),
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


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "Input X contains NaN"), (np.inf, "Input X contains infinity")]
)
def test_rows_that_are_not_finite(make_ensemble, data, value, message):
    X = bad_rows(data, value)
    assert_refused(make_ensemble, data, message, lambda e: e.fit(X, data[1]))
    with pytest.raises(ValueError, match=message):
        make_ensemble().fit(*data).predict(X)


def test_rows_and_targets_of_other_lengths(make_snapshot, data):
    X, y = data
    assert_refused(make_snapshot, data, "inconsistent numbers", lambda e: e.fit(X, y[1:]))
    assert_refused(
        make_snapshot, data, "sample_weight.shape", lambda e: e.fit(X, y, sample_weight=[1.0])
    )


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


def test_a_negative_weight_is_refused(make_snapshot, data):
    X, y = data
    weight = np.ones(len(X))
    weight[0] = -1
    assert_refused(make_snapshot, data, "Negative values", lambda e: e.fit(X, y, weight))


def test_the_default_net_classifier_is_checked_when_it_is_trained_alone(iris):
    with pytest.raises(ValueError, match="Input X contains NaN"):
        NetClassifier().fit(bad_rows(iris, np.nan), iris[1])
