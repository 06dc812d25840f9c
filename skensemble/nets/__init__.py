"""skorch nets with scikit-learn's manners: the net, its loss and its epoch."""

from skensemble.nets._base import Net
from skensemble.nets._classifier import NetClassifier
from skensemble.nets._epoch import StepCallback, mean_batch_loss
from skensemble.nets._fast_report import FastReport
from skensemble.nets._faults import check_trainable, named
from skensemble.nets._loss import normalized, row_losses
from skensemble.nets._names import parts_of, spellings, unknown_names
from skensemble.nets._parameters import check_net_parameters, device_of
from skensemble.nets._regressor import NetRegressor

__all__ = [
    "FastReport",
    "Net",
    "NetClassifier",
    "NetRegressor",
    "StepCallback",
    "check_net_parameters",
    "check_trainable",
    "device_of",
    "mean_batch_loss",
    "named",
    "normalized",
    "parts_of",
    "row_losses",
    "spellings",
    "unknown_names",
]
