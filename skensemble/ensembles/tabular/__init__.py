"""What takes a table as it comes: cross-fitted snapshots of nets that see its columns encoded."""

from skensemble.ensembles.tabular._estimators import (
    TabularSnapshotClassifier,
    TabularSnapshotRegressor,
)

__all__ = ["TabularSnapshotClassifier", "TabularSnapshotRegressor"]
