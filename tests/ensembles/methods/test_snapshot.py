"""What the snapshot ensembles do beyond the contract."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import make_blobs, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from skensemble import (
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)
from skensemble.modules import MLP
from skensemble.schedules import NAMED, cyclic_cosine, cyclic_triangular, step_decay


def test_the_rates_are_those_of_the_cyclic_cosine(make_classifier, iris):
    ensemble = make_classifier(alpha_zero=0.2, lr_min=0.01).fit(*iris)
    T = 20 * 5
    expected = [cyclic_cosine(t, T, M=3, alpha_zero=0.2, lr_min=0.01) for t in range(1, T + 1)]
    assert ensemble.learning_rates_.tolist() == expected


@pytest.mark.parametrize(
    ("parameters", "rate"),
    [
        (
            {"cycle_mult": 1.5, "alpha_mult": 0.5},
            partial(cyclic_cosine, M=3, alpha_zero=0.1, cycle_mult=1.5, alpha_mult=0.5),
        ),
        ({"schedule": lambda t, T: 0.1 / t}, lambda t, T: 0.1 / t),
        ({"schedule": lambda t, T, alpha_zero: alpha_zero / T}, lambda t, T: 0.1 / T),
        (
            {"schedule": partial(cyclic_cosine, alpha_mult=0.3)},
            partial(cyclic_cosine, M=3, alpha_zero=0.1, alpha_mult=0.3),
        ),
    ],
)
def test_other_schedules_are_one_line(make_classifier, iris, parameters, rate):
    ensemble = make_classifier(**parameters).fit(*iris)
    assert ensemble.learning_rates_.tolist() == [rate(t, 100) for t in range(1, 101)]


@pytest.mark.parametrize("name", NAMED)
def test_every_schedule_has_a_name_that_trains(make_classifier, iris, name):
    ensemble = make_classifier(schedule=name).fit(*iris)
    assert len(ensemble.members_) == 3
    assert ensemble.loss_curve_[-1] < ensemble.loss_curve_[0]
    rates = {
        "cosine": partial(cyclic_cosine, M=3),
        "triangular": partial(cyclic_triangular, M=3),
        "step": step_decay,
    }
    expected = [rates[name](t, 100, alpha_zero=0.1) for t in range(1, 101)]
    assert ensemble.learning_rates_.tolist() == expected


def test_growing_cycles_move_the_snapshots(make_classifier, iris):
    ensemble = make_classifier(M=2, cycle_mult=4).fit(*iris)
    assert ensemble.member_steps_.tolist() == [100 * 1 // 5, 100]


def test_probabilities_are_the_mean_softmax_of_the_last_m(make_classifier, iris):
    X, y = iris
    ensemble = make_classifier(m=2).fit(X, y)
    proba = 0
    for member in ensemble.members_[-2:]:
        hidden = np.maximum(X @ member["0.weight"].T + member["0.bias"], 0)
        logits = torch.tensor(hidden @ member["2.weight"].T + member["2.bias"])
        proba = proba + logits.softmax(-1).numpy() / 2
    np.testing.assert_allclose(ensemble.predict_proba(X), proba, rtol=1e-4, atol=1e-6)


def test_the_ensemble_is_better_calibrated_than_its_last_member():
    X, y = make_blobs(1100, centers=3, n_features=2, cluster_std=2, random_state=2)
    net = NetClassifier(module__hidden_units=(50,), max_epochs=200)
    gains = []
    for seed in range(3):
        ensemble = SnapshotEnsembleClassifier(net, M=5, alpha_zero=0.05, random_state=seed)
        ensemble.fit(X[:100], y[:100])
        last, *_, whole = (
            F.nll_loss(torch.tensor(p).log(), torch.tensor(y[100:])).item()
            for p in ensemble.staged_predict_proba(X[100:])
        )
        gains.append(last - whole)
    assert np.mean(gains) > 0


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_validation_weights_count(make_classifier, iris):
    X, y = iris
    weight = np.where(y != 1, 1.0, 0.0)
    ensemble = make_classifier().fit(X, y, X_val=X, y_val=y, sample_weight_val=weight)
    assert ensemble.validation_scores_[-1] == ensemble.score(X[y != 1], y[y != 1])


def test_short_cycles_are_warned_of(make_classifier, iris):
    net = NetClassifier(max_epochs=5, batch_size=32)
    with pytest.warns(ConvergenceWarning, match=r"A cycle of 8 steps .* \(M=3 cycles in T=25") as w:
        make_classifier(estimator=net).fit(*iris)
    assert w[0].filename == __file__


def test_a_first_step_that_would_blow_up_is_tamed():
    X, y = make_regression(200, 30, noise=1, random_state=0)
    ensemble = SnapshotEnsembleRegressor(random_state=0).fit(30 * X, y)
    assert ensemble.score(30 * X, y) > 0.5


def test_the_regressor_beats_a_linear_model(diabetes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2
    ensemble = SnapshotEnsembleRegressor(random_state=0).fit(X[:300], y[:300])
    linear = LinearRegression().fit(X[:300], y[:300])
    assert ensemble.score(X[300:], y[300:]) > linear.score(X[300:], y[300:]) + 0.3


class Hoarder(MLP):
    """A module that keeps an activation and has an infinite mask among its buffers."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.register_buffer("mask", torch.full((2,), -torch.inf))

    def forward(self, x):
        """Keep the output, part of the graph."""
        self.kept = super().forward(x)
        return self.kept


def test_modules_that_keep_activations_and_infinite_buffers_are_members(make_snapshot, data):
    X, y = data
    net = type(make_snapshot().estimator)(Hoarder, max_epochs=20)
    ensemble = make_snapshot(estimator=net).fit(X, y)
    assert len(ensemble.predict(X)) == len(X)
    assert len({id(module) for module in ensemble._predictor_.members}) == 3


def test_dropout_draws_from_the_seed_and_is_off_in_prediction(make_snapshot, data):
    X, y = data
    net = type(make_snapshot().estimator)(module__dropout=0.5, max_epochs=20)
    first, second = (make_snapshot(estimator=net).fit(X, y) for _ in range(2))
    for one, other in zip(first.members_, second.members_, strict=True):
        assert all((one[name] == other[name]).all() for name in one)
    predict = first.predict
    assert (predict(X) == predict(X)).all()


def test_nets_without_sgd_follow_the_schedule_too(make_classifier, iris):
    net = NetClassifier(optimizer=torch.optim.AdamW, max_epochs=20)
    ensemble = make_classifier(estimator=net, alpha_zero=0.01).fit(*iris)
    assert ensemble.score(*iris) > 0.9


def test_the_default_regressor_net_is_tamed_and_the_classifier_net_is_not():
    assert NetRegressor().max_grad_norm is not None
    assert NetClassifier().max_grad_norm is None
