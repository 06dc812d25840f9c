"""skorch nets with scikit-learn's manners, and what they are made of."""

from skensemble.nets._base import Net
from skensemble.nets._classifier import NetClassifier
from skensemble.nets._regressor import NetRegressor

__all__ = ["Net", "NetClassifier", "NetRegressor"]
