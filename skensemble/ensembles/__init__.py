"""Ensembles as scikit-learn estimators: one life cycle here, the methods in `methods/`."""

from skensemble.ensembles import cross_fitted, methods, tabular
from skensemble.ensembles._base import BaseEnsemble as BaseEnsemble  # displays look for it
from skensemble.ensembles.cross_fitted import *  # noqa: F403  what is built of ensembles
from skensemble.ensembles.methods import *  # noqa: F403  a method names itself in one place
from skensemble.ensembles.tabular import *  # noqa: F403  what takes a table as it comes

__all__ = [*methods.__all__, *cross_fitted.__all__, *tabular.__all__]
