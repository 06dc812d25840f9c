"""Ensembles as scikit-learn estimators: one life cycle, one small file a method."""

from skensemble.ensembles._deep import DeepEnsembleClassifier, DeepEnsembleRegressor
from skensemble.ensembles._fast_geometric import (
    FastGeometricEnsembleClassifier,
    FastGeometricEnsembleRegressor,
)
from skensemble.ensembles._laplace import KFACLaplaceClassifier, KFACLaplaceRegressor
from skensemble.ensembles._mc_dropout import MCDropoutClassifier, MCDropoutRegressor
from skensemble.ensembles._sgld import CyclicalSGLDClassifier, CyclicalSGLDRegressor
from skensemble.ensembles._snapshot import SnapshotEnsembleClassifier, SnapshotEnsembleRegressor
from skensemble.ensembles._swa import SWAClassifier, SWARegressor
from skensemble.ensembles._swag import SWAGClassifier, SWAGRegressor
from skensemble.ensembles._variational import VariationalClassifier, VariationalRegressor

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
