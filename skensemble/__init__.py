"""Many good networks from the training of one, as scikit-learn estimators."""

from skensemble import ensembles, metrics
from skensemble._checks import InvalidParameterError
from skensemble._version import __version__
from skensemble.ensembles import *  # noqa: F403  a method names itself in one place
from skensemble.model_selection import LockstepGridSearchCV, LockstepRandomizedSearchCV
from skensemble.nets import NetClassifier, NetRegressor
from skensemble.training import DivergenceError

__all__ = [
    "DivergenceError",
    "InvalidParameterError",
    "LockstepGridSearchCV",
    "LockstepRandomizedSearchCV",
    "NetClassifier",
    "NetRegressor",
    "__version__",
    "metrics",
]
__all__ += ensembles.__all__
