"""What takes a table as it comes: cross-fitted snapshots of nets that see its columns encoded."""

from skensemble.ensembles.tabular._classifier import TabularSnapshotClassifier
from skensemble.ensembles.tabular._regressor import TabularSnapshotRegressor

__all__ = ["TabularSnapshotClassifier", "TabularSnapshotRegressor"]
