"""Many good, calibrated networks from the training of one, as scikit-learn estimators."""

from skensemble._version import __version__
from skensemble.ensembles import SnapshotEnsembleClassifier, SnapshotEnsembleRegressor
from skensemble.nets import NetClassifier, NetRegressor

__all__ = [
    "NetClassifier",
    "NetRegressor",
    "SnapshotEnsembleClassifier",
    "SnapshotEnsembleRegressor",
    "__version__",
]
