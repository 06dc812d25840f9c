"""Ensembles as scikit-learn estimators: one life cycle here, the methods in `methods/`."""

from skensemble.ensembles import methods
from skensemble.ensembles.methods import *  # noqa: F403  a method names itself in one place

__all__ = [*methods.__all__]
