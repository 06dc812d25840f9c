"""Scores of predicted probabilities that scikit-learn does not have."""

from skensemble.metrics._calibration import expected_calibration_error

__all__ = ["expected_calibration_error"]
