"""skorch nets with scikit-learn's manners: the net, its loss and its epoch."""

from skensemble.nets._base import Net
from skensemble.nets._class_weight import with_class_weight
from skensemble.nets._classifier import NetClassifier
from skensemble.nets._epoch import StepCallback, mean_batch_loss
from skensemble.nets._fast_report import FastReport
from skensemble.nets._gaussian import is_gaussian
from skensemble.nets._loss import row_losses
from skensemble.nets._parameters import check_net_parameters, device_of
from skensemble.nets._regressor import NetRegressor
from skensemble.nets._target_scale import is_standardized

__all__ = [
    "FastReport",
    "Net",
    "NetClassifier",
    "NetRegressor",
    "StepCallback",
    "check_net_parameters",
    "device_of",
    "is_gaussian",
    "is_standardized",
    "mean_batch_loss",
    "row_losses",
    "with_class_weight",
]
