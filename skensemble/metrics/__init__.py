"""Scores that scikit-learn does not have: of predictions, of members and of methods."""

from skensemble.metrics import (
    _calibrated_likelihood,
    _calibration,
    _comparison,
    _members,
    _out_of_distribution,
    _regression,
    _risk_coverage,
)
from skensemble.metrics._calibrated_likelihood import *  # noqa: F403  a score names itself once
from skensemble.metrics._calibration import *  # noqa: F403
from skensemble.metrics._comparison import *  # noqa: F403
from skensemble.metrics._members import *  # noqa: F403
from skensemble.metrics._out_of_distribution import *  # noqa: F403
from skensemble.metrics._regression import *  # noqa: F403
from skensemble.metrics._risk_coverage import *  # noqa: F403

__all__ = [
    *_calibration.__all__,
    *_calibrated_likelihood.__all__,
    *_risk_coverage.__all__,
    *_regression.__all__,
    *_members.__all__,
    *_out_of_distribution.__all__,
    *_comparison.__all__,
]
