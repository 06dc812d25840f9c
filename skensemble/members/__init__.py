"""Members: copied states of a net, and the modules in evaluation mode that predict from them."""

from skensemble.members._predictor import Predictor
from skensemble.members._states import copy_state, is_finite, run_uncompiled
from skensemble.members._template import MemberTemplate, structure_of

__all__ = [
    "MemberTemplate",
    "Predictor",
    "copy_state",
    "is_finite",
    "run_uncompiled",
    "structure_of",
]
