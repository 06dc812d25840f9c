"""What compare_methods.py measures of a fitted ensemble: its scores and what it costs to use."""

from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from _comparison_data import Problem, Rows
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from sklearn.metrics import log_loss, root_mean_squared_error

from skensemble.metrics import expected_calibration_error

LEVELS = np.arange(1, 10) / 10
"""Shares of the targets that should lie below a quantile."""

N_PREDICTIONS = 3
"""Times that all test rows are predicted; the median of the seconds counts."""


def score(model: Any, problem: Problem) -> dict[str, float]:
    """Score a fitted ensemble on the test rows; lower is better throughout."""
    if problem.is_classification:
        return score_classifier(model, problem.test)
    return score_regressor(model, problem.val, problem.test)


def score_classifier(model: Any, test: Rows) -> dict[str, float]:
    """Give error in per cent, log-loss in nats and expected calibration error."""
    proba = model.predict_proba(test.X).astype(np.float64)
    # Sums of float32 differ from 1 by more than log_loss takes without a warning.
    proba /= proba.sum(axis=1, keepdims=True)
    is_wrong = model.classes_[proba.argmax(axis=1)] != test.y
    labels = {"labels": model.classes_}
    return {
        "error %": float(100 * is_wrong.mean()),
        "NLL": float(log_loss(test.y, proba, **labels)),
        "ECE": expected_calibration_error(test.y, proba, **labels),
    }


def score_regressor(model: Any, val: Rows, test: Rows) -> dict[str, float]:
    """Give RMSE in units of the target, Gaussian log-loss in nats and calibration error.

    Each row's Gaussian has the mean of the members and, as its variance, their spread squared and
    the variance of the noise, one number for all rows that the validation rows decide.
    """
    noise = fit_noise_variance(*_errors_and_variances(model, val))
    errors, variances = _errors_and_variances(model, test)
    std = np.sqrt(variances + noise)
    return {
        "RMSE": float(root_mean_squared_error(errors, np.zeros_like(errors))),
        "NLL": gaussian_nll(errors, variances + noise),
        "calibration": quantile_calibration_error(errors / std),
        "noise": float(np.sqrt(noise)),
    }


def gaussian_nll(errors: np.ndarray, variances: np.ndarray) -> float:
    """Give the mean negative log-density of errors under Gaussians about 0, in nats."""
    return float((np.log(2 * np.pi * variances) / 2 + errors**2 / (2 * variances)).mean())


def fit_noise_variance(errors: np.ndarray, variances: np.ndarray) -> float:
    """Find the constant which, added to the variances, gives the errors the least log-loss."""
    # Above the largest squared error every row's loss rises with the noise.
    bounds = np.log([1e-6 * np.mean(errors**2), np.max(errors**2)])
    found = minimize_scalar(
        lambda log_noise: gaussian_nll(errors, variances + np.exp(log_noise)),
        bounds=bounds,
        method="bounded",
    )
    return float(np.exp(found.x))


def quantile_calibration_error(standardised: np.ndarray) -> float:
    """Give the mean distance between the levels of quantiles and the shares of rows below them.

    A standardised error is that of a target over its Gaussian's standard deviation.
    """
    below = standardised[:, None] <= norm.ppf(LEVELS)
    return float(np.abs(below.mean(axis=0) - LEVELS).mean())


def usage(model: Any, problem: Problem) -> dict[str, float]:
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


def _errors_and_variances(model: Any, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    mean, spread = model.predict(rows.X, return_std=True)
    return rows.y - mean, spread.astype(np.float64) ** 2
