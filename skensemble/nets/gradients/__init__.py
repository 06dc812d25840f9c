"""Gradients of the built-in MLP, and steps of SGD, written out without autograd's bookkeeping."""

from skensemble.nets.gradients._clipping import clip_factor, clip_gradients
from skensemble.nets.gradients._losses import FEW_CLASSES, log_loss, squared_error
from skensemble.nets.gradients._mlp import (
    ClosedForm,
    Nonlinearity,
    buffers_like,
    closed_form_of,
    computing_layers,
    obstacle_to_closed_form,
)
from skensemble.nets.gradients._sgd import (
    is_step_watched,
    obstacle_to_fused_step,
    step_of,
    unknown_settings,
)

__all__ = [
    "FEW_CLASSES",
    "ClosedForm",
    "Nonlinearity",
    "buffers_like",
    "clip_factor",
    "clip_gradients",
    "closed_form_of",
    "computing_layers",
    "is_step_watched",
    "log_loss",
    "obstacle_to_closed_form",
    "obstacle_to_fused_step",
    "squared_error",
    "step_of",
    "unknown_settings",
]
