"""scikit-learn's own checks of estimators."""

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    parametrize_with_checks,
)

from skensemble.preprocessing import (
    AtomEncoder,
    PiecewiseLinearEncoder,
    RankCosines,
    RankNormalizer,
    RobustClipper,
    TableEncoder,
)

ALL = [
    RobustClipper(),
    RankNormalizer(),
    PiecewiseLinearEncoder(),
    RankCosines(),
    AtomEncoder(),
    TableEncoder(),
    TableEncoder(numbers=("values", "cosines"), n_cosines=3),
]


@parametrize_with_checks(ALL)
def test_scikit_learn_finds_nothing(estimator, check):
    check(estimator)


@pytest.mark.parametrize("encoder", ALL[:-1], ids=lambda encoder: type(encoder).__name__)
def test_columns_in_another_order_are_all_that_scikit_learn_would_refuse(encoder):
    """Columns are found by their names, so this one check fails, at that rule."""
    pytest.importorskip("pandas")
    with pytest.raises(AssertionError, match="transform did not raise"):
        check_dataframe_column_names_consistency(type(encoder).__name__, encoder)
