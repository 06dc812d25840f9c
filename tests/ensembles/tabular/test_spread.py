"""Intervals of the regressor: as wide as its errors were on rows that were left out."""

import numpy as np
import pandas as pd
import pytest

from skensemble import InvalidParameterError
from skensemble.ensembles.tabular._intervals import levels_of, variances_of
from tests.ensembles.tabular.conftest import regressor, values_of

LEARNING = {"M": 2, "max_steps": None, "hidden_units": (16,), "alpha_zero": 0.01}


def noisy(n_rows, seed, is_even):
    """Make rows of a sine with noise, which is the same everywhere or grows with another column."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"x": rng.uniform(-2, 2, n_rows), "z": rng.uniform(0, 1, n_rows)})
    size = 0.5 if is_even else 0.1 + X["z"]
    return X, 100 + 10 * (np.sin(2 * X["x"]) + size * rng.normal(size=n_rows))


@pytest.fixture(scope="module", params=[True, False], ids=["even", "uneven"])
def learnt(request):
    """Give a fitted regressor and fresh rows of the same kind."""
    model = regressor(**LEARNING).fit(*noisy(500, 0, request.param))
    return model, *noisy(2000, 1, request.param)


def test_quantiles_have_the_coverage_of_their_levels(learnt):
    model, X, y = learnt
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    found = model.predict_quantiles(X, levels)
    assert found.shape == (2000, 5)
    for k, level in enumerate(levels):
        # Four standard errors of the 500 rows that were learnt from, and of the 2,000 fresh ones.
        error = (level * (1 - level) * (1 / 500 + 1 / 2000)) ** 0.5
        assert (y < found[:, k]).mean() == pytest.approx(level, abs=4 * error)
    assert (np.diff(found, axis=1) >= 0).all()


def test_the_standard_deviation_is_the_size_of_errors(learnt):
    model, X, y = learnt
    mean, std = model.predict(X, return_std=True)
    np.testing.assert_allclose(mean, model.predict(X), rtol=1e-6)
    assert std.shape == (2000,)
    assert (std > 0).all()
    assert np.sqrt(np.mean((y - mean) ** 2 / std**2)) == pytest.approx(1, abs=0.15)


def test_noise_and_spread_are_the_two_parts_of_it(learnt):
    model, X, _ = learnt
    noise, spread = model.predict_uncertainty(X)
    _, std = model.predict(X, return_std=True)
    np.testing.assert_allclose(noise**2 + spread**2, std**2, rtol=1e-4)
    assert (noise == noise[0]).all()
    assert (spread > 0).any()
    assert np.ptp(spread) > 0


def test_a_spread_is_that_of_the_members_of_a_fold(table):
    X, y = table
    model = regressor(M=2, max_steps=None, n_nets=4).fit(X, values_of(X, y))
    members = model.member_predict(X)
    # Nets 0 and 2, at both positions, have left out the first fold.
    of_folds = [members[model.member_nets_ % 2 == fold] for fold in (0, 1)]
    assert [len(own) for own in of_folds] == [4, 4]
    spread = np.sqrt(np.mean([own.var(axis=0) for own in of_folds], axis=0))
    _, slope = model._variance_lines_
    _, found = model.predict_uncertainty(X)
    np.testing.assert_allclose(found, np.sqrt(slope) * spread, rtol=1e-3)
    # Members of no weight count too, and `m` changes nothing of it.
    model.m = 1
    np.testing.assert_array_equal(model.predict_uncertainty(X)[1], found)
    model.m = None


def test_what_is_learnt_is_that_of_the_rows_left_out():
    X, y = noisy(400, 0, False)
    # Rows of more noise weigh more.
    weight = np.where(X["z"] > 0.5, 4.0, 0.5)
    model = regressor(**LEARNING).fit(X, y, sample_weight=weight)
    members, scaler = model.member_predict(X), model.target_scaler_
    # Of each row, the members by which it was left out: one for each position and group.
    outputs = np.stack([members[model.member_nets_ % 2 == f] for f in (0, 1)])
    own = outputs[model.test_fold_, :, np.arange(400)].T
    own = np.stack([scaler.transform(part)[:, 0] for part in own])
    residual = scaler.transform(y.to_numpy())[:, 0] - scaler.transform(model.oof_prediction_)[:, 0]
    spread = own.std(axis=0)
    lines = variances_of(residual[:, None], spread[:, None], weight)
    np.testing.assert_allclose(model._variance_lines_, lines, rtol=1e-2)
    assert lines[1, 0] > 0.1
    deviation = np.sqrt(lines[0] + lines[1] * spread**2)
    levels = levels_of((residual / deviation)[:, None], weight)
    np.testing.assert_allclose(model._error_levels_, levels, atol=0.02)


def test_wider_noise_has_wider_intervals_where_members_disagree():
    model = regressor(**LEARNING | {"n_nets": 8}).fit(*noisy(600, 0, False))
    X, _ = noisy(1000, 1, False)
    _, std = model.predict(X, return_std=True)
    assert std[X["z"] > 0.8].mean() > std[X["z"] < 0.2].mean()


def test_a_single_level_has_no_axis(fitted_regressor, table):
    X, _ = table
    found = fitted_regressor.predict_quantiles(X, 0.9)
    assert found.shape == (240,)
    assert (found == fitted_regressor.predict_quantiles(X, [0.9])[:, 0]).all()
    assert fitted_regressor.predict_quantiles(X).shape == (240, 3)
    both = fitted_regressor.predict_quantiles(X, (0.9, 0.1))
    assert (both[:, 0] == found).all()
    assert (both[:, 1] <= found).all()


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.5, float("nan"), [0.5, 1], "0.5", True])
def test_levels_outside_0_and_1_are_refused(fitted_regressor, table, level):
    with pytest.raises(InvalidParameterError, match="one or more floats above 0 and below 1"):
        fitted_regressor.predict_quantiles(table[0], level)
    for quantiles in ([], [[0.1, 0.9]]):
        with pytest.raises(InvalidParameterError, match=r"quantiles must be one or more.*got \["):
            fitted_regressor.predict_quantiles(table[0], quantiles)


def test_units_are_those_of_the_targets(table, fitted_regressor):
    X, y = table
    other = regressor().fit(X, 1000 * values_of(X, y))
    for found, own in zip(
        (*other.predict(X, return_std=True), *other.predict_uncertainty(X)),
        (*fitted_regressor.predict(X, return_std=True), *fitted_regressor.predict_uncertainty(X)),
        strict=True,
    ):
        np.testing.assert_allclose(found, 1000 * own, rtol=1e-2)


def test_several_targets_have_intervals_of_their_own(table):
    X, y = table
    t = np.c_[values_of(X, y), 10 * y]
    model = regressor().fit(X, t)
    _, std = model.predict(X, return_std=True)
    noise, spread = model.predict_uncertainty(X)
    assert std.shape == noise.shape == spread.shape == (240, 2)
    np.testing.assert_allclose(noise**2 + spread**2, std**2, rtol=1e-3)
    found = model.predict_quantiles(X, [0.1, 0.5, 0.9])
    assert found.shape == (240, 2, 3)
    assert model.predict_quantiles(X, 0.5).shape == (240, 2)
    for k in (0, 1):
        covered = (t[:, k] > found[:, k, 0]) & (t[:, k] < found[:, k, 2])
        assert 0.65 < covered.mean() < 0.95


def test_rows_of_weight_0_say_nothing_of_errors(table):
    X, y = table
    t = values_of(X, y).astype(float)
    weight = np.ones(240)
    weight[::4] = 0
    odd = t.copy()
    odd[::4] += 1e6
    found = [
        model.predict_quantiles(X, [0.05, 0.95])
        for model in (
            regressor().fit(X, odd, sample_weight=weight),
            regressor().fit(X[weight > 0], t[weight > 0], sample_weight=weight[weight > 0]),
        )
    ]
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_a_constant_target_has_no_spread():
    X = pd.DataFrame({"x": np.arange(60.0)})
    model = regressor(alpha_zero=1e-4).fit(X, np.full(60, 7.0))
    mean, std = model.predict(X, return_std=True)
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()
    assert np.isfinite(model.predict_quantiles(X)).all()
