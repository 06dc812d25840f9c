"""Scores of predicted probabilities that scikit-learn does not have."""

from skensemble.metrics import _scores
from skensemble.metrics._scores import *  # noqa: F403  a score names itself in one place

__all__ = [*_scores.__all__]
