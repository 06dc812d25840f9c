"""Many good, calibrated networks from the training of one, as scikit-learn estimators."""

from skensemble._checks import InvalidParameterError
from skensemble._version import __version__
from skensemble.ensembles import SnapshotEnsembleClassifier, SnapshotEnsembleRegressor
from skensemble.nets import NetClassifier, NetRegressor
from skensemble.training import DivergenceError

__all__ = [
    "DivergenceError",
    "InvalidParameterError",
    "NetClassifier",
    "NetRegressor",
    "SnapshotEnsembleClassifier",
    "SnapshotEnsembleRegressor",
    "__version__",
]
