"""What compare_methods.py measures of a fitted ensemble: its scores and what it costs to use."""

from collections.abc import Iterator
from statistics import fmean, median
from time import perf_counter
from typing import Any

import numpy as np
from _comparison_data import Problem, Rows
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from sklearn.metrics import log_loss, root_mean_squared_error

from skensemble.averaging import uncertainty_parts
from skensemble.metrics import (
    accuracy_at_coverage,
    calibrated_log_likelihood,
    expected_calibration_error,
    gaussian_crps,
    gaussian_log_likelihood,
    interval_calibration_error,
    interval_coverage,
    ood_auroc,
    ood_fpr95,
    risk_coverage_area,
)

COVERAGE = 0.9
"""Share of rows that are answered, and of targets that an interval should hold."""

N_PREDICTIONS = 3
"""Times that all test rows are predicted; the median of the seconds counts."""

Scores = dict[str, float]
Moments = tuple[np.ndarray, np.ndarray]


def score(model: Any, problem: Problem) -> Scores:
    """Score a fitted ensemble on the test rows, and on foreign ones where there are any."""
    if problem.is_classification:
        proba = model.predict_proba(problem.test.X)
        return {
            **score_classes(proba, problem.test.y, model.classes_),
            **score_foreign(model, problem),
        }
    val, test = (
        model.predict(rows.X, return_std=True) for rows in (problem.val, problem.test) if rows
    )
    return score_targets(problem, val, test)


def score_classes(proba: np.ndarray, y: np.ndarray, classes: np.ndarray) -> Scores:
    """Score probabilities: per cent, nats, and areas and distances of probabilities."""
    # Sums of float32 differ from 1 by more than log_loss takes without a warning.
    proba = proba.astype(np.float64)
    proba /= proba.sum(axis=1, keepdims=True)
    labels = {"labels": classes}
    error = expected_calibration_error
    return {
        "error %": float(100 * (classes[proba.argmax(axis=1)] != y).mean()),
        "NLL": float(log_loss(y, proba, **labels)),
        "CLL": calibrated_log_likelihood(y, proba, **labels),
        "ECE": error(y, proba, **labels),
        "ECE, equal mass": error(y, proba, strategy="quantile", **labels),
        "ECE, class-wise": error(y, proba, classwise=True, **labels),
        "risk-coverage": risk_coverage_area(y, proba, **labels),
        "answered %": 100 * accuracy_at_coverage(y, proba, coverage=COVERAGE, **labels),
    }


def score_foreign(model: Any, problem: Problem) -> Scores:
    """Tell foreign rows from test rows by the uncertainty of a fitted ensemble.

    The epistemic part tells nothing where a single member has a weight, and is left out there.
    """
    kinds = ["total", "epistemic"] if np.count_nonzero(model.weights_) > 1 else ["total"]
    known, scores = _parts(model, problem.test.X), {}
    for name, X in problem.foreign.items():
        parts = _parts(model, X)
        for kind in kinds:
            pair = getattr(known, kind), getattr(parts, kind)
            scores[f"AUROC, {name}, {kind}"] = ood_auroc(*pair)
            scores[f"FPR95, {name}, {kind}"] = ood_fpr95(*pair)
    return scores


def _parts(model: Any, X: np.ndarray) -> Any:
    used = model.weights_ > 0
    proba = model.member_predict_proba(X)[used].astype(np.float64)
    return uncertainty_parts(proba / proba.sum(axis=-1, keepdims=True), model.weights_[used])


def score_targets(problem: Problem, val: Moments, test: Moments) -> Scores:
    """Score Gaussians; error, CRPS and noise in units of the target, the log-density in nats.

    Each row's Gaussian has the mean of the members and, as its variance, their spread squared and
    the variance of the noise, one number for all rows that the validation rows decide.

    Parameters
    ----------
    problem : Problem
    val, test : tuple of two ndarrays of shape (n_samples,)
        Mean and spread of the members for the validation and the test rows.
    """
    noise = fit_noise_variance(problem.val, *val)
    y, mean, spread = problem.test.y, *test
    std = np.sqrt(spread.astype(np.float64) ** 2 + noise)
    half = norm.ppf((1 + COVERAGE) / 2) * std
    return {
        "RMSE": float(root_mean_squared_error(y, mean)),
        "CLL": gaussian_log_likelihood(y, mean, std),
        "CRPS": gaussian_crps(y, mean, std),
        "covered %": 100 * interval_coverage(y, mean - half, mean + half),
        "calibration": interval_calibration_error(y, mean, std),
        "noise": float(np.sqrt(noise)),
    }


def fit_noise_variance(rows: Rows | None, mean: np.ndarray, spread: np.ndarray) -> float:
    """Find the constant which, added to the variances, gives the rows the highest density."""
    if rows is None:
        raise ValueError("rows must be those of validation, got None.")
    squares, variances = (rows.y - mean) ** 2, spread.astype(np.float64) ** 2
    # Above the largest squared error every row's density falls with the noise.
    bounds = np.log([1e-6 * squares.mean(), squares.max()])
    found = minimize_scalar(
        lambda log_noise: (
            -gaussian_log_likelihood(rows.y, mean, np.sqrt(variances + np.exp(log_noise)))
        ),
        bounds=bounds,
        method="bounded",
    )
    return float(np.exp(found.x))


def score_sizes(model: Any, problem: Problem) -> list[Scores]:
    """Score the deep ensembles of 1, 2, ... of a deep ensemble's nets.

    A size is the mean over the runs of so many nets in their order, which goes round: each net
    counts alike. Of all nets there is one run.
    """
    if problem.is_classification:
        proba = model.member_predict_proba(problem.test.X).astype(np.float64)
        scored = [
            [
                score_classes(proba[run].mean(axis=0), problem.test.y, model.classes_)
                for run in _runs(len(proba), size)
            ]
            for size in range(1, len(proba) + 1)
        ]
    else:
        val, test = (
            model.member_predict(rows.X).astype(np.float64)
            for rows in (problem.val, problem.test)
            if rows
        )
        scored = [
            [
                score_targets(problem, _moments(val[run]), _moments(test[run]))
                for run in _runs(len(test), size)
            ]
            for size in range(1, len(test) + 1)
        ]
    return [{name: fmean(s[name] for s in scores) for name in scores[0]} for scores in scored]


def _runs(n: int, size: int) -> Iterator[list[int]]:
    for begin in range(n if size < n else 1):
        yield [(begin + i) % n for i in range(size)]


def _moments(values: np.ndarray) -> Moments:
    return values.mean(axis=0), values.std(axis=0)


def usage(model: Any, problem: Problem) -> Scores:
    """Measure what a fitted ensemble costs to use; bytes are those of distinct arrays."""
    arrays = {id(array): array for state in model.members_ for array in state.values()}
    return {
        "predict s": median(_prediction_seconds(model, problem) for _ in range(N_PREDICTIONS)),
        "passes": int(np.count_nonzero(model.weights_)),
        "bytes": sum(array.nbytes for array in arrays.values()),
    }


def _prediction_seconds(model: Any, problem: Problem) -> float:
    begun = perf_counter()
    if problem.is_classification:
        model.predict_proba(problem.test.X)
    else:
        model.predict(problem.test.X, return_std=True)
    return perf_counter() - begun
