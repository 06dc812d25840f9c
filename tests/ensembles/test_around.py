"""Ensembles within what others put around them: conformal prediction and temperature scaling."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss

from tests.conftest import ALL_SMALL
from tests.ensembles.conftest import halves

KINDS = ["SnapshotEnsemble", "CrossFittedEnsemble"]
FOUR_ERRORS = 4 * (0.16 * (1 / 400 + 1 / 1000)) ** 0.5
"""Four standard errors of a share of 80 %, of 400 rows to conform to and of 1,000 to count."""


def noisy_rows(n_rows, seed):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, (n_rows, 2)).astype(np.float32)
    return X, np.sin(2 * X[:, 0]) + X[:, 1] + rng.normal(size=n_rows) / 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prefit", [True, False])
def test_intervals_of_mapie_hold_their_level(kind, prefit):
    regression = pytest.importorskip("mapie.regression")
    training, (X, y) = noisy_rows(200, 0), noisy_rows(1000, 2)
    model = ALL_SMALL[f"{kind}Regressor"]()
    model = model.fit(*training) if prefit else model
    split = regression.SplitConformalRegressor(model, confidence_level=0.8, prefit=prefit)
    split = split if prefit else split.fit(*training)
    split.conformalize(*noisy_rows(400, 1))
    points, intervals = split.predict_interval(X)
    np.testing.assert_allclose(points, clone(model).fit(*training).predict(X), rtol=1e-5)
    covered = (y > intervals[:, 0, 0]) & (y < intervals[:, 1, 0])
    assert covered.mean() == pytest.approx(0.8, abs=FOUR_ERRORS)


def test_mapie_cross_fits_a_regressor(make_regressor):
    regression = pytest.importorskip("mapie.regression")
    cross = regression.CrossConformalRegressor(make_regressor(), confidence_level=0.8, cv=3)
    cross.fit_conformalize(*noisy_rows(400, 0))
    X, y = noisy_rows(1000, 2)
    _, intervals = cross.predict_interval(X)
    covered = (y > intervals[:, 0, 0]) & (y < intervals[:, 1, 0])
    # Nets that have seen more rows than those that were conformed to err less.
    assert 0.8 - FOUR_ERRORS < covered.mean() < 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_sets_of_mapie_hold_their_level(kind):
    classification = pytest.importorskip("mapie.classification")
    X, y = noisy_rows(1600, 0)
    y = np.array(["low", "middle", "high"])[np.digitize(y, [-1, 1])]
    model = ALL_SMALL[f"{kind}Classifier"]().fit(X[:200], y[:200])
    split = classification.SplitConformalClassifier(model, confidence_level=0.8, prefit=True)
    split.conformalize(X[200:600], y[200:600])
    labels, sets = split.predict_set(X[600:])
    assert (labels == model.predict(X[600:])).all()
    codes = np.searchsorted(model.classes_, y[600:])
    assert sets[np.arange(1000), codes, 0].mean() == pytest.approx(0.8, abs=FOUR_ERRORS)
    assert len(set(sets[:, :, 0].sum(axis=1))) > 1


def cooled(proba, beta):
    """Return probabilities of an inverse temperature; rounding of float32 is none of ours."""
    return softmax(beta * np.log(np.float64(proba)), axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_temperature_of_scikit_learn_is_that_of_the_ensemble(kind, iris):
    (X, y), held_out = halves(*iris)
    # A fifth of these labels is wrong: who is too sure has to cool down.
    X_val, y_val = held_out["X_val"], held_out["y_val"]
    ensemble = ALL_SMALL[f"{kind}Classifier"]().fit(X, y)
    model = CalibratedClassifierCV(FrozenEstimator(ensemble), method="temperature", cv=2)
    proba = model.fit(X_val, y_val).predict_proba(X_val)
    betas = [fold.calibrators[0].beta_ for fold in model.calibrated_classifiers_]
    own = ensemble.predict_proba(X_val)
    expected = np.mean([cooled(own, beta) for beta in betas], axis=0)
    np.testing.assert_allclose(proba, expected, atol=1e-5)
    assert log_loss(y_val, np.float32(proba)) < log_loss(y_val, own)
    assert max(betas) < 1


def test_a_temperature_is_found_in_cross_validation(make_classifier, iris):
    X, y = iris
    whole = CalibratedClassifierCV(make_classifier(), method="temperature", cv=2, ensemble=False)
    proba = whole.fit(X, y).predict_proba(X)
    (calibrated,) = whole.calibrated_classifiers_
    own = make_classifier().fit(X, y).predict_proba(X)
    expected = cooled(own, calibrated.calibrators[0].beta_)
    np.testing.assert_allclose(proba, expected, atol=1e-5)
    assert abs(proba - own).max() > 0.01
