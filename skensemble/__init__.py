"""Many good networks from the training of one, as scikit-learn estimators."""

from importlib import import_module
from types import ModuleType

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

_LATER = ("datasets", "displays", "weight_space")
"""Public modules that nothing above needs: they are imported when they are asked for."""


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


def __getattr__(name: str) -> ModuleType:
    if name in _LATER:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
