"""What the snapshot ensembles do beyond the contract."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.base import clone
from sklearn.datasets import load_wine, make_blobs, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EarlyStopping
from torch import nn

from skensemble import (
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)
from skensemble.modules import MLP
from skensemble.schedules import cyclic_cosine, cyclic_triangular, step_decay


def test_the_rates_are_those_of_the_cyclic_cosine(make_classifier, iris):
    ensemble = make_classifier(alpha_zero=0.2, lr_min=0.01).fit(*iris)
    T = 20 * 5
    expected = [cyclic_cosine(t, T, M=3, alpha_zero=0.2, lr_min=0.01) for t in range(1, T + 1)]
    assert ensemble.learning_rates_.tolist() == expected


@pytest.mark.parametrize(
    ("parameters", "rate"),
    [
        ({"schedule": "triangular"}, partial(cyclic_triangular, M=3, alpha_zero=0.1)),
        ({"schedule": "step"}, partial(step_decay, alpha_zero=0.1)),
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


def test_a_net_that_died_on_unscaled_inputs_is_told_of():
    X, y = load_wine(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="the same output for all rows"):
        SnapshotEnsembleClassifier(random_state=0).fit(X, y)


def test_a_module_that_ends_in_a_softmax_is_told_of(make_classifier, iris):
    module = nn.Sequential(nn.Linear(4, 3), nn.Softmax(-1))
    with pytest.warns(UserWarning, match="Sequential seems to end in a softmax") as warned:
        make_classifier(estimator=NetClassifier(module, max_epochs=20)).fit(*iris)
    assert warned[0].filename == __file__


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


def test_log_probabilities_are_those_of_the_mean(make_classifier, iris):
    X, y = iris
    ensemble = make_classifier().fit(X, y)
    assert (ensemble.predict_log_proba(X) == np.log(ensemble.predict_proba(X))).all()
    # A probability that is 0 in float32 is minus infinity, without a warning.
    assert np.isneginf(ensemble.predict_log_proba(1e6 * X)).any()


@pytest.mark.parametrize("labels", [["b", "a", "c"], [-5, 100, 7], [True, False, True]])
def test_labels_of_any_kind_come_back(make_classifier, iris, labels):
    X, y = iris
    y = np.array(labels)[y]
    ensemble = make_classifier().fit(X, y)
    assert ensemble.classes_.tolist() == sorted(set(labels))
    assert ensemble.predict(X).dtype == y.dtype
    assert ensemble.score(X, y) > 0.7


def test_a_stock_skorch_net_is_trained_as_it_is(iris):
    X, y = iris
    stock = NeuralNetClassifier(
        partial(MLP, 4, 3), criterion=nn.CrossEntropyLoss, max_epochs=20, verbose=0
    )
    ensemble = SnapshotEnsembleClassifier(stock, M=2, random_state=0).fit(
        X, np.array(list("abc"))[y]
    )
    # skorch holds 30 of 150 rows out: one batch of 120 an epoch.
    assert ensemble.n_steps_ == 20
    assert set(ensemble.predict(X)) == set("abc")
    proba = clone(ensemble).fit(X, np.array(list("abc"))[y]).predict_proba(X)
    assert (proba == ensemble.predict_proba(X)).all()


def test_sizes_are_filled_in_for_a_stock_net_too(iris, diabetes):
    stock = NeuralNetClassifier(
        MLP, criterion=nn.CrossEntropyLoss, max_epochs=20, verbose=0, train_split=None
    )
    assert SnapshotEnsembleClassifier(stock, M=2).fit(*iris).score(*iris) > 0.3
    stock = NeuralNetRegressor(MLP, max_epochs=20, verbose=0, train_split=None)
    assert SnapshotEnsembleRegressor(stock, M=2).fit(*diabetes).score(*diabetes) > 0.3


def test_a_stock_net_whose_module_gives_probabilities(iris):
    X, y = iris
    module = nn.Sequential(nn.Linear(4, 3), nn.Softmax(-1))
    stock = NeuralNetClassifier(module, max_epochs=30, verbose=0, train_split=None)
    ensemble = SnapshotEnsembleClassifier(stock, M=2, random_state=0).fit(X, y)
    assert ensemble.predict_proba(X).sum(1) == pytest.approx(np.ones(150), abs=1e-5)
    assert module[0].weight.grad is None


def test_verbose_prints_a_line_a_member(make_snapshot, data, capsys):
    make_snapshot(verbose=1).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:11] for line in lines] == ["member 1/3:", "member 2/3:", "member 3/3:"]
    assert "training loss 0." in lines[0]


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_verbose_prints_the_validation_score(make_snapshot, data, capsys):
    X, y = data
    ensemble = make_snapshot(verbose=1).fit(X, y, X_val=X, y_val=y)
    line = capsys.readouterr().out.splitlines()[-1]
    assert f"validation score {ensemble.validation_scores_[-1]:.4f}" in line


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_validation_scores_are_those_of_the_ensemble_so_far(make_snapshot, data):
    X, y = data
    ensemble = make_snapshot(m=2).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert ensemble.validation_scores_.shape == (3,)
    assert ensemble.validation_scores_[-1] == pytest.approx(ensemble.score(X[1::2], y[1::2]))
    first = ensemble.set_params(m=3)
    first.members_, first._predictor_.modules = first.members_[:1], first._predictor_.modules[:1]
    assert ensemble.validation_scores_[0] == pytest.approx(first.score(X[1::2], y[1::2]))


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_validation_rows_change_nothing_in_the_training(make_snapshot, data):
    X, y = data
    plain, watched = make_snapshot().fit(X, y), make_snapshot().fit(X, y, X_val=X, y_val=y)
    for one, other in zip(plain.members_, watched.members_, strict=True):
        assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_m_auto_takes_the_number_with_the_least_held_out_loss(make_classifier, iris):
    X, y = iris
    ensemble = make_classifier(m="auto").fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    losses = [
        -np.log(proba[np.arange(75), y[1::2]]).mean()
        for proba in ensemble.staged_predict_proba(X[1::2])
    ]
    assert (ensemble.weights_ > 0).sum() == np.argmin(losses) + 1


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_validation_weights_count(make_classifier, iris):
    X, y = iris
    weight = np.where(y == 0, 1.0, 0.0)
    ensemble = make_classifier().fit(X, y, X_val=X, y_val=y, sample_weight_val=weight)
    assert ensemble.validation_scores_[-1] == ensemble.score(X[y == 0], y[y == 0])


def test_early_cycles_that_spoil_the_average_are_warned_of(make_classifier, iris):
    X, y = iris
    net = NetClassifier(module__hidden_units=(8,), max_epochs=10)
    with pytest.warns(UserWarning, match="the last member alone is clearly better"):
        make_classifier(estimator=net, alpha_zero=0.02).fit(X, y, X_val=X, y_val=y)


def test_short_cycles_are_warned_of(make_classifier, iris):
    net = NetClassifier(max_epochs=5, batch_size=32)
    with pytest.warns(ConvergenceWarning, match=r"A cycle of 8 steps .* \(M=3 cycles in T=25") as w:
        make_classifier(estimator=net).fit(*iris)
    assert w[0].filename == __file__


def test_spread_is_that_of_the_members_in_the_units_of_the_targets(make_regressor, diabetes):
    X, y = diabetes
    ensemble = make_regressor(m=2).fit(X, y)
    mean, std = ensemble.predict(X, return_std=True)
    members = ensemble.member_predict(X)[-2:]
    np.testing.assert_allclose(mean, members.mean(0), rtol=1e-4)
    np.testing.assert_allclose(std, members.std(0), rtol=1e-2, atol=1e-3)
    assert ensemble.predict(X) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize(
    ("scale", "shift"), [(1e-8, 0), (1e8, 0), (1, 1e6), (1, -1e9), (1e12, 1e15)]
)
def test_targets_of_any_size_train(make_regressor, diabetes, scale, shift):
    X, y = diabetes
    expected = make_regressor().fit(X, y).score(X, y)
    moved = scale * y + shift
    ensemble = make_regressor().fit(X, moved)
    assert ensemble.score(X, moved) == pytest.approx(expected, abs=0.01)
    assert ensemble.predict(X, return_std=True)[1].mean() == pytest.approx(
        scale * make_regressor().fit(X, y).predict(X, return_std=True)[1].mean(), rel=0.05
    )


def test_a_first_step_that_would_blow_up_is_tamed():
    X, y = make_regression(200, 30, noise=1, random_state=0)
    ensemble = SnapshotEnsembleRegressor(random_state=0).fit(30 * X, y)
    assert ensemble.score(30 * X, y) > 0.5


def test_several_targets_at_once(make_regressor, diabetes):
    X, y = diabetes
    both = np.c_[y, 1000 - 5 * y]
    ensemble = make_regressor().fit(X, both)
    mean, std = ensemble.predict(X, return_std=True)
    assert mean.shape == std.shape == (442, 2)
    assert ensemble.member_predict(X).shape == (3, 442, 2)
    assert ensemble.score(X, both) > 0.3


def test_a_constant_target_is_predicted(make_regressor, diabetes):
    X, _ = diabetes
    assert make_regressor().fit(X, np.full(442, 7.0)).predict(X) == pytest.approx(7.0, abs=0.5)


def test_the_regressor_beats_a_linear_model(diabetes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2
    ensemble = SnapshotEnsembleRegressor(random_state=0).fit(X[:300], y[:300])
    linear = LinearRegression().fit(X[:300], y[:300])
    assert ensemble.score(X[300:], y[300:]) > linear.score(X[300:], y[300:]) + 0.3


@pytest.mark.filterwarnings("ignore:A cycle of:sklearn.exceptions.ConvergenceWarning")
def test_a_skorch_callback_that_stops_leaves_what_there_is(iris):
    stopping = EarlyStopping("train_loss", patience=1, threshold=10.0)
    net = NetClassifier(max_epochs=40, callbacks=[stopping])
    with pytest.raises(RuntimeError, match="stopped at step 6 of 120, before the first member"):
        SnapshotEnsembleClassifier(net, M=3).fit(*iris)
    with pytest.warns(
        UserWarning, match="stopped by skorch callback at step 6 of 120: the 1 of 20"
    ):
        ensemble = SnapshotEnsembleClassifier(net, M=20, m=5).fit(*iris)
    assert ensemble.weights_.tolist() == [1.0]
    assert stopping.dynamic_threshold_ is None


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
    assert len({id(module) for module in ensemble._predictor_.modules}) == 3


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
