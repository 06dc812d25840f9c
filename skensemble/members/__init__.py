"""Members: copied states of a net, and the modules in evaluation mode that predict from them."""

from skensemble.members._copying import copy_modules
from skensemble.members._net_way import copy_member, obstacle_to_lean_prediction
from skensemble.members._predictor import Predictor
from skensemble.members._states import (
    MAIN,
    MemberState,
    copy_state,
    is_finite,
    named_tensors,
    run_uncompiled,
    with_arrays,
)
from skensemble.members._template import MemberTemplate, structure_of

__all__ = [
    "MAIN",
    "MemberState",
    "MemberTemplate",
    "Predictor",
    "copy_member",
    "copy_modules",
    "copy_state",
    "is_finite",
    "named_tensors",
    "obstacle_to_lean_prediction",
    "run_uncompiled",
    "structure_of",
    "with_arrays",
]
