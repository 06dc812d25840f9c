"""Searches and repeated fits that train many nets in lock-step."""

from skensemble.lockstep import Report
from skensemble.model_selection._backend import LockstepBackend
from skensemble.model_selection._search import LockstepGridSearchCV, LockstepRandomizedSearchCV
from skensemble.model_selection._seeds import SeedScores, fit_over_seeds, score_over_seeds

__all__ = [
    "LockstepBackend",
    "LockstepGridSearchCV",
    "LockstepRandomizedSearchCV",
    "Report",
    "SeedScores",
    "fit_over_seeds",
    "score_over_seeds",
]
