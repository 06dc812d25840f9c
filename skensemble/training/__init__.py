"""One training of one net: a schedule, its moments, and observers that look on."""

from skensemble.training._batch_norm import (
    held_layers,
    layers_with_statistics,
    refresh_batch_norm,
    statistics_averaged,
)
from skensemble.training._course import rate_ratios
from skensemble.training._handover import Request, taker
from skensemble.training._history import rows_of, without_batches
from skensemble.training._observers import (
    CopyWeights,
    ReadOnly,
    copying,
    ignore,
    is_read_only,
)
from skensemble.training._steps import (
    DivergenceError,
    Observer,
    RecentLosses,
    Step,
    StepCounter,
    StepPlan,
    diverged,
    finite_mean,
    plan_steps,
)
from skensemble.training._trace import Data, Trace, join_traces
from skensemble.training._train import train, train_to_end

__all__ = [
    "CopyWeights",
    "Data",
    "DivergenceError",
    "Observer",
    "ReadOnly",
    "RecentLosses",
    "Request",
    "Step",
    "StepCounter",
    "StepPlan",
    "Trace",
    "copying",
    "diverged",
    "finite_mean",
    "held_layers",
    "ignore",
    "is_read_only",
    "join_traces",
    "layers_with_statistics",
    "plan_steps",
    "rate_ratios",
    "refresh_batch_norm",
    "rows_of",
    "statistics_averaged",
    "taker",
    "train",
    "train_to_end",
    "without_batches",
]
