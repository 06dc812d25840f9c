"""The methods, a small file each: a schedule, a moment and a way to make members."""

from skensemble.ensembles.methods._deep import DeepEnsembleClassifier, DeepEnsembleRegressor
from skensemble.ensembles.methods._fast_geometric import (
    FastGeometricEnsembleClassifier,
    FastGeometricEnsembleRegressor,
)
from skensemble.ensembles.methods._laplace import KFACLaplaceClassifier, KFACLaplaceRegressor
from skensemble.ensembles.methods._mc_dropout import MCDropoutClassifier, MCDropoutRegressor
from skensemble.ensembles.methods._sgld import CyclicalSGLDClassifier, CyclicalSGLDRegressor
from skensemble.ensembles.methods._snapshot import (
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)
from skensemble.ensembles.methods._swa import SWAClassifier, SWARegressor
from skensemble.ensembles.methods._swag import SWAGClassifier, SWAGRegressor
from skensemble.ensembles.methods._variational import VariationalClassifier, VariationalRegressor

__all__ = [
    "CyclicalSGLDClassifier",
    "CyclicalSGLDRegressor",
    "DeepEnsembleClassifier",
    "DeepEnsembleRegressor",
    "FastGeometricEnsembleClassifier",
    "FastGeometricEnsembleRegressor",
    "KFACLaplaceClassifier",
    "KFACLaplaceRegressor",
    "MCDropoutClassifier",
    "MCDropoutRegressor",
    "SWAClassifier",
    "SWAGClassifier",
    "SWAGRegressor",
    "SWARegressor",
    "SnapshotEnsembleClassifier",
    "SnapshotEnsembleRegressor",
    "VariationalClassifier",
    "VariationalRegressor",
]
