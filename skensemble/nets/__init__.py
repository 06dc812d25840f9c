"""skorch nets with scikit-learn's manners: the net, its loss and its epoch."""

from skensemble.nets._base import Net
from skensemble.nets._class_weight import with_class_weight
from skensemble.nets._classifier import NetClassifier
from skensemble.nets._divergence import (
    LARGEST_LOSS,
    DivergenceError,
    divergence_error,
    loss_seen,
)
from skensemble.nets._epoch import mean_batch_loss
from skensemble.nets._fast_report import FastReport
from skensemble.nets._faults import check_trainable, named
from skensemble.nets._gaussian import is_gaussian
from skensemble.nets._loss import row_losses
from skensemble.nets._names import parts_of, spellings, unknown_names
from skensemble.nets._one_line import one_line, told
from skensemble.nets._one_output import has_one_output
from skensemble.nets._parameters import check_net_parameters, device_of
from skensemble.nets._probabilities import (
    check_probabilities,
    log_of_probabilities,
    told_of_scores,
)
from skensemble.nets._regressor import NetRegressor
from skensemble.nets._rows_dtype import float_dtype, may_take_whole_numbers, rows_dtype
from skensemble.nets._step_callback import StepCallback
from skensemble.nets._target_scale import is_standardized

__all__ = [
    "LARGEST_LOSS",
    "DivergenceError",
    "FastReport",
    "Net",
    "NetClassifier",
    "NetRegressor",
    "StepCallback",
    "check_net_parameters",
    "check_probabilities",
    "check_trainable",
    "device_of",
    "divergence_error",
    "float_dtype",
    "has_one_output",
    "is_gaussian",
    "is_standardized",
    "log_of_probabilities",
    "loss_seen",
    "may_take_whole_numbers",
    "mean_batch_loss",
    "named",
    "one_line",
    "parts_of",
    "row_losses",
    "rows_dtype",
    "spellings",
    "told",
    "told_of_scores",
    "unknown_names",
    "with_class_weight",
]
