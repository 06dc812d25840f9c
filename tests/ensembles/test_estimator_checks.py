"""scikit-learn's own checks of estimators, its array API check included."""

import os

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from skensemble import (
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)

pytestmark = [
    pytest.mark.slow,
    # The checks fit on 10 to 300 rows, where cycles are short, and on unscaled targets.
    pytest.mark.filterwarnings("default"),
]


def weight_checks_of_float32(estimator):
    """Checks whose tolerance is fixed at 1e-7, finer than float32."""
    reason = "the tolerance is 1e-7, float32 has 6e-8; it passes in float64"
    if estimator.estimator is not None:
        return {}
    return {
        f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in ("dense", "sparse")
    }


@parametrize_with_checks(
    [
        SnapshotEnsembleClassifier(),
        SnapshotEnsembleRegressor(),
        SnapshotEnsembleClassifier(NetClassifier(precision="float64")),
        SnapshotEnsembleRegressor(NetRegressor(precision="float64")),
    ],
    expected_failed_checks=weight_checks_of_float32,
)
def test_scikit_learn_finds_nothing(estimator, check):
    check(estimator)


@pytest.mark.parametrize("ensemble", [SnapshotEnsembleClassifier, SnapshotEnsembleRegressor])
def test_no_check_is_skipped(ensemble):
    assert os.environ["SCIPY_ARRAY_API"] == "1"
    checks = [check for _, check in estimator_checks_generator(ensemble(), mark=None)]
    names = {getattr(check, "func", check).__name__ for check in checks}
    assert {"check_array_api_input", "check_estimator_sparse_array"} <= names
    assert len(checks) > 55
