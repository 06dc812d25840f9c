"""What holds for every score: order of rows, weights as repeated rows, scikit-learn's scorers."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import cross_val_score

from skensemble import metrics

N_ROWS = 40
RNG = np.random.default_rng(0)
# Tenths, so that many rows are equally sure.
MEMBERS = RNG.multinomial(10, RNG.dirichlet([1, 1, 1], (3, N_ROWS))) / 10
LABELS = np.array(["ant", "bee", "cat"])[RNG.integers(0, 3, N_ROWS)]
TARGET, MEAN = RNG.normal(size=(2, N_ROWS)).round(1)
STD = RNG.uniform(0.5, 2, N_ROWS).round(1)
WEIGHTS = RNG.integers(0, 4, N_ROWS)
ALL = np.arange(N_ROWS)


def labelled(score, **more):
    more |= {"labels": ["ant", "bee", "cat"]}
    return lambda rows, w: score(LABELS[rows], MEMBERS[0, rows], sample_weight=w, **more)


def of_gaussians(score):
    return lambda rows, w: score(TARGET[rows], MEAN[rows], STD[rows], sample_weight=w)


def of_intervals(rows, w):
    low = MEAN[rows]
    return metrics.interval_coverage(TARGET[rows], low, low + STD[rows], sample_weight=w)


def of_members(score, members=MEMBERS, **more):
    return lambda rows, w: score(members[:, rows], sample_weight=w, **more)


def of_two_sides(score):
    inside, outside = MEMBERS[:2, :, 0]
    return lambda rows, w: score(
        inside[rows], outside[rows], sample_weight_in=w, sample_weight_out=w
    )


EQUAL_MASS = {"n_bins": 4, "strategy": "quantile"}
CASES = {
    "expected_calibration_error": labelled(metrics.expected_calibration_error),
    "the same, equal mass": labelled(metrics.expected_calibration_error, **EQUAL_MASS),
    "the same, class-wise": labelled(metrics.expected_calibration_error, classwise=True),
    "calibration_bins": labelled(metrics.calibration_bins, n_bins=4),
    "the same, quantiles": labelled(metrics.calibration_bins, **EQUAL_MASS),
    "calibrated_log_likelihood": labelled(metrics.calibrated_log_likelihood),
    "risk_coverage_curve": labelled(metrics.risk_coverage_curve),
    "risk_coverage_area": labelled(metrics.risk_coverage_area),
    "accuracy_at_coverage": labelled(metrics.accuracy_at_coverage, coverage=0.55),
    "interval_coverage": of_intervals,
    "interval_calibration_error": of_gaussians(metrics.interval_calibration_error),
    "gaussian_crps": of_gaussians(metrics.gaussian_crps),
    "gaussian_log_likelihood": of_gaussians(metrics.gaussian_log_likelihood),
    "disagreement": of_members(metrics.disagreement),
    "output_correlation": of_members(metrics.output_correlation),
    "the same, of values": of_members(metrics.output_correlation, MEMBERS[:, :, 0]),
    "mutual_information": of_members(metrics.mutual_information, weights=[1, 2, 3]),
    "ood_auroc": of_two_sides(metrics.ood_auroc),
    "ood_fpr95": of_two_sides(metrics.ood_fpr95),
}
NOT_OF_ROWS = {"deep_ensemble_equivalent", "CalibrationBins"}
NOT_FLOATS = {"calibration_bins", "the same, quantiles", "risk_coverage_curve"} | {
    "output_correlation",
    "the same, of values",
}
# Its halves are drawn for the rows as they stand, and hold a repeated row in both.
DRAWN = {"calibrated_log_likelihood"}


def flat(result):
    is_tuple = isinstance(result, tuple)
    return np.concatenate([np.ravel(part) for part in (result if is_tuple else [result])])


def test_every_score_is_tried_here():
    assert {name for name in CASES if "the same" not in name} | NOT_OF_ROWS == set(metrics.__all__)


@pytest.mark.parametrize("name", sorted(CASES.keys() - NOT_FLOATS))
def test_a_score_is_a_float_of_python(name):
    assert type(CASES[name](ALL, None)) is float


@pytest.mark.parametrize("name", sorted(CASES.keys() - DRAWN))
def test_a_weight_of_k_is_a_row_k_times(name):
    weighted = flat(CASES[name](ALL, WEIGHTS))
    np.testing.assert_allclose(weighted, flat(CASES[name](np.repeat(ALL, WEIGHTS), None)))
    # The weights matter.
    assert not np.array_equal(weighted, flat(CASES[name](ALL, None)))


@pytest.mark.parametrize("name", sorted(CASES.keys() - DRAWN))
def test_the_order_of_rows_does_not_matter(name):
    shuffled = np.random.default_rng(1).permutation(N_ROWS)
    given = flat(CASES[name](ALL, WEIGHTS))
    np.testing.assert_allclose(flat(CASES[name](shuffled, WEIGHTS[shuffled])), given)


@pytest.mark.parametrize("name", sorted(CASES.keys()))
def test_rows_of_weight_0_are_as_if_they_were_not_there(name):
    kept = ALL[WEIGHTS > 0]
    given = flat(CASES[name](ALL, WEIGHTS))
    np.testing.assert_allclose(flat(CASES[name](kept, WEIGHTS[kept])), given)


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"calibration_bins", "the same, quantiles"}))
def test_the_scale_of_the_weights_does_not_matter(name):
    given = flat(CASES[name](ALL, WEIGHTS))
    np.testing.assert_allclose(flat(CASES[name](ALL, WEIGHTS / 7)), given)


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_is_given_is_not_changed(name, monkeypatch):
    module = globals()
    for array in ("MEMBERS", "LABELS", "TARGET", "MEAN", "STD", "WEIGHTS"):
        monkeypatch.setitem(module, array, module[array].copy())
        module[array].flags.writeable = False
    CASES[name](slice(None), WEIGHTS)


SCORERS = [
    (metrics.expected_calibration_error, {"n_bins": 5}),
    (metrics.expected_calibration_error, {"n_bins": 5, "strategy": "quantile"}),
    (metrics.expected_calibration_error, {"n_bins": 5, "classwise": True}),
    (metrics.calibrated_log_likelihood, {}),
    (metrics.risk_coverage_area, {}),
    (metrics.accuracy_at_coverage, {"coverage": 0.6}),
]


@pytest.fixture(scope="module", params=[2, 3])
def fitted(request):
    """Fit a model on two or three kinds of iris by name; two overlap."""
    iris = load_iris()
    kept = iris.target >= 3 - request.param
    X, y = iris.data[kept][:, :2], iris.target_names[iris.target][kept]
    return LogisticRegression().fit(X, y), X, y


@pytest.mark.parametrize(("score", "parameters"), SCORERS)
def test_scores_of_probabilities_work_as_scorers(score, parameters, fitted):
    model, X, y = fitted
    weights = np.arange(len(y))
    scorer = make_scorer(score, response_method="predict_proba", **parameters)
    proba = model.predict_proba(X)
    # Of two classes a scorer gets one column, and the other one by rounding.
    assert scorer(model, X, y) == pytest.approx(score(y, proba, **parameters))
    weighted = score(y, proba, sample_weight=weights, **parameters)
    assert scorer(model, X, y, sample_weight=weights) == pytest.approx(weighted)
    lower = make_scorer(
        score, response_method="predict_proba", greater_is_better=False, **parameters
    )
    assert lower(model, X, y) == -scorer(model, X, y)


@pytest.mark.parametrize(("score", "parameters"), SCORERS)
def test_scorers_score_folds(score, parameters, fitted):
    model, X, y = fitted
    scorer = make_scorer(score, response_method="predict_proba", **parameters)
    assert np.isfinite(cross_val_score(model, X, y, scoring=scorer, cv=3)).all()
