"""Searches and repeated fits that train many nets in lock-step."""

from skensemble.model_selection._backend import LockstepBackend
from skensemble.model_selection._search import LockstepGridSearchCV, LockstepRandomizedSearchCV
from skensemble.training import Report

__all__ = ["LockstepBackend", "LockstepGridSearchCV", "LockstepRandomizedSearchCV", "Report"]
