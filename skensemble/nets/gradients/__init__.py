"""Gradients of the built-in MLP, and steps of optimizers, without the bookkeeping around them."""

from skensemble.nets.gradients._adam import AdamTensors, fresh_state, is_decoupled
from skensemble.nets.gradients._buffers import buffers_like, cast_into
from skensemble.nets.gradients._clipping import clip_factor, clip_gradients
from skensemble.nets.gradients._columns import FoldedScale
from skensemble.nets.gradients._fused_step import (
    obstacle_to_fused_step,
    obstacle_to_optimizer,
    step_of,
)
from skensemble.nets.gradients._losses import FEW_CLASSES, log_loss, squared_error
from skensemble.nets.gradients._mlp import (
    ClosedForm,
    Nonlinearity,
    closed_form_of,
    computing_layers,
    obstacle_to_closed_form,
    split_scale,
)
from skensemble.nets.gradients._recorded import RecordedCalls, Recorder, noting_waits, recorder_for

__all__ = [
    "FEW_CLASSES",
    "AdamTensors",
    "ClosedForm",
    "FoldedScale",
    "Nonlinearity",
    "RecordedCalls",
    "Recorder",
    "buffers_like",
    "cast_into",
    "clip_factor",
    "clip_gradients",
    "closed_form_of",
    "computing_layers",
    "fresh_state",
    "is_decoupled",
    "log_loss",
    "noting_waits",
    "obstacle_to_closed_form",
    "obstacle_to_fused_step",
    "obstacle_to_optimizer",
    "recorder_for",
    "split_scale",
    "squared_error",
    "step_of",
]
