"""What is built of ensembles: nets that leave out a fold each, weighted by what they left out."""

from skensemble.ensembles.cross_fitted._estimators import (
    CrossFittedEnsembleClassifier,
    CrossFittedEnsembleRegressor,
)

__all__ = ["CrossFittedEnsembleClassifier", "CrossFittedEnsembleRegressor"]
