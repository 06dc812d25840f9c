"""Scores of predicted probabilities that scikit-learn does not have."""

from skensemble.metrics import _calibration
from skensemble.metrics._calibration import *  # noqa: F403  a score names itself in one place

__all__ = [*_calibration.__all__]
