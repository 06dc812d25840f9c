"""Members: copied states of a net, and the modules in evaluation mode that predict from them."""

from skensemble.members._copying import copy_modules, placed
from skensemble.members._dropout_masks import names_of_masks, with_fixed_dropout, with_masks
from skensemble.members._net_way import (
    copy_member,
    filled,
    obstacle_to_lean_prediction,
    parts_of,
    parts_of_member,
    with_parts,
)
from skensemble.members._predictor import Predictor, as_columns, dtype_to_compute
from skensemble.members._sharing import (
    share_equal,
    shareable_names,
    with_repeats,
    without_repeats,
)
from skensemble.members._states import (
    MAIN,
    MemberState,
    copy_state,
    is_finite,
    name_in_copy,
    named_tensors,
    parameter_names,
    run_uncompiled,
    with_arrays,
)
from skensemble.members._structures import Structures
from skensemble.members._template import MemberTemplate, structure_of
from skensemble.members._transfers import fetched

__all__ = [
    "MAIN",
    "MemberState",
    "MemberTemplate",
    "Predictor",
    "Structures",
    "as_columns",
    "copy_member",
    "copy_modules",
    "copy_state",
    "dtype_to_compute",
    "fetched",
    "filled",
    "is_finite",
    "name_in_copy",
    "named_tensors",
    "names_of_masks",
    "obstacle_to_lean_prediction",
    "parameter_names",
    "parts_of",
    "parts_of_member",
    "placed",
    "run_uncompiled",
    "share_equal",
    "shareable_names",
    "structure_of",
    "with_arrays",
    "with_fixed_dropout",
    "with_masks",
    "with_parts",
    "with_repeats",
    "without_repeats",
]
