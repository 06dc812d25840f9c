"""Ensembles as scikit-learn estimators: one life cycle, one small file a method."""

from skensemble.ensembles._snapshot import SnapshotEnsembleClassifier, SnapshotEnsembleRegressor

__all__ = ["SnapshotEnsembleClassifier", "SnapshotEnsembleRegressor"]
