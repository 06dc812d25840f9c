"""What ensembles of regressors give: values, their spread, and losses of held-out rows."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score
from skorch import NeuralNetRegressor
from torch import nn

from skensemble import NetRegressor
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.modules import MeanVarianceMLP
from tests.conftest import SMALL_ENSEMBLES
from tests.ensembles.conftest import assert_refused


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


def test_stages_are_scored_by_r_squared_and_weight(make_regressor, diabetes):
    X, y = diabetes
    weight = np.linspace(0, 1, len(y))
    ensemble = make_regressor().fit(X, y)
    members = ensemble.member_predict(X)
    scores = ensemble.staged_score(X, y, weight)
    for k, score in enumerate(scores, start=1):
        expected = r2_score(y, members[-k:].mean(0), sample_weight=weight)
        # Sums of float32 in another order.
        assert score == pytest.approx(expected, abs=1e-5)
    assert len(scores) == len(members)


def test_several_targets_are_told_of(make_regressor):
    assert make_regressor().__sklearn_tags__().target_tags.multi_output


def test_losses_of_a_regressor_are_the_mean_over_all_columns():
    output, y = np.array([[1.0, 5.0], [2.0, 2.0]]), np.array([[0.0, 2.0], [2.0, 6.0]])
    losses = EnsembleRegressor._row_losses(output, y)
    assert losses.tolist() == [(1 + 9) / 2, (0 + 16) / 2]


def test_validation_targets_of_another_width(make_regressor, diabetes):
    X, y = diabetes
    message = r"y_val must have 1 column\(s\), as in fit, got shape \(442, 2\)"
    validation = {"X_val": X, "y_val": np.c_[y, y]}
    assert_refused(make_regressor, diabetes, message, lambda e: e.fit(X, y, **validation))


COUNTS = {"criterion": nn.PoissonNLLLoss, "max_epochs": 20, "batch_size": 32}


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)).astype(np.float32)
    return X, rng.poisson(np.exp(X[:, 0] + 1)).astype(float)


def test_a_loss_with_a_domain_learns_targets_as_they_are(make_regressor, counts):
    X, y = counts
    net = NetRegressor(target_scale=None, module__hidden_units=(8,), lr=0.02, **COUNTS)
    ensemble = make_regressor(estimator=net, alpha_zero=0.02, m="auto", verbose=0)
    ensemble.fit(X, y, X_val=X, y_val=y)
    assert ensemble.target_scaler_.scale.tolist() == [1.0]
    mean, std = ensemble.predict(X, return_std=True)
    members = ensemble.member_predict(X)[-len(np.flatnonzero(ensemble.weights_)) :]
    assert (members > 0).all()
    # Means and spreads of counts, not of their logarithms.
    np.testing.assert_allclose(mean, members.mean(0), rtol=1e-5)
    np.testing.assert_allclose(std, members.std(0), rtol=1e-3, atol=1e-4)
    assert mean.mean() == pytest.approx(y.mean(), rel=0.1)
    assert [*ensemble.staged_predict(X)][-1].shape == (200,)
    again = pickle.loads(pickle.dumps(ensemble))
    assert (again.predict(X) == ensemble.predict(X)).all()


def test_a_loss_with_a_domain_is_refused_with_standardised_targets(make_regressor, counts):
    message = "target_scale must be None for criterion PoissonNLLLoss, which takes no"
    refused = {"estimator": NetRegressor(**COUNTS)}
    assert_refused(make_regressor, counts, message, lambda e: e.fit(*counts), **refused)


def test_a_stock_net_whose_loss_has_a_domain_learns_targets_as_they_are(make_regressor, counts):
    X, y = counts
    module = nn.Sequential(nn.Linear(2, 1))
    stock = NeuralNetRegressor(module, train_split=None, verbose=0, **COUNTS)
    ensemble = make_regressor(estimator=stock, alpha_zero=0.02).fit(X, y[:, None])
    assert ensemble.target_scaler_.scale.tolist() == [1.0]
    # As from the net itself: logarithms of the means.
    assert np.exp(ensemble.predict(X)).mean() == pytest.approx(y.mean(), rel=0.2)
    plain = NeuralNetRegressor(module, max_epochs=20, train_split=None, verbose=0)
    assert make_regressor(estimator=plain).fit(X, y[:, None]).target_scaler_.scale[0] > 2


HEADS = [n for n in SMALL_ENSEMBLES if n.endswith("Regressor")]
# Their posteriors are those of squared errors.
HEADS = [n for n in HEADS if not n.startswith(("CyclicalSGLD", "KFACLaplace", "Variational"))]


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_mean_and_a_variance_make_noise_and_spread(diabetes, name, n_outputs):
    X, y = diabetes
    y = y if n_outputs == 1 else np.c_[y, 1000 - 3 * y]
    parameters = {
        "module": MeanVarianceMLP,
        "criterion": nn.GaussianNLLLoss,
        "precision": "float64",
    }
    net = NetRegressor(module__dropout=0.1, module__hidden_units=(8,), max_epochs=20, **parameters)
    ensemble = SMALL_ENSEMBLES[name](estimator=net).fit(X, y)
    if "m" in ensemble.get_params() and len(ensemble.members_) > 2:
        ensemble.set_params(m=2)
    outputs = [
        [part.detach().numpy() for part in module(torch.as_tensor(X, dtype=torch.float64))]
        for module in ensemble._predictor_.members
    ]
    unit, weights = ensemble.target_scaler_.scale, ensemble.weights_[:, None, None]
    means = np.stack([mean for mean, _ in outputs]) * unit + ensemble.target_scaler_.mean
    variances = np.stack([np.exp(log_variance) for _, log_variance in outputs]) * unit**2
    mean = (weights * means).sum(0)
    noise = (weights * variances).sum(0) ** 0.5
    spread = (weights * (means - mean) ** 2).sum(0) ** 0.5
    shape = y.shape
    for found, expected in (
        (ensemble.predict(X), mean),
        (ensemble.predict_uncertainty(X).noise, noise),
        (ensemble.predict_uncertainty(X).spread, spread),
        # That of a mixture: E[variance] + E[mean^2] - E[mean]^2.
        (ensemble.predict(X, return_std=True)[1], (noise**2 + spread**2) ** 0.5),
    ):
        np.testing.assert_allclose(found, expected.reshape(shape), rtol=1e-6, atol=1e-9)
    again = pickle.loads(pickle.dumps(ensemble))
    assert (again.predict_uncertainty(X)[0] == ensemble.predict_uncertainty(X)[0]).all()


def test_members_of_one_mean_have_no_noise_to_tell(make_regressor, diabetes):
    X, y = diabetes
    ensemble = make_regressor().fit(X, y)
    noise, spread = ensemble.predict_uncertainty(X)
    assert noise is None
    assert (spread == ensemble.predict(X, return_std=True)[1]).all()


def test_noise_is_found_where_it_is(make_regressor):
    """Standard deviations of 1 and 5 on the two sides of 0."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(1000, 1))
    sigma = np.where(X[:, 0] > 0, 5.0, 1.0)
    y = 100 + sigma * rng.normal(size=1000)
    net = NetRegressor(MeanVarianceMLP, criterion=nn.GaussianNLLLoss, max_epochs=60)
    noise, spread = make_regressor(estimator=net, alpha_zero=0.05).fit(X, y).predict_uncertainty(X)
    far = abs(X[:, 0]) > 0.3
    assert abs(np.log(noise / sigma))[far].mean() < 0.15
    assert (spread < noise).all()
