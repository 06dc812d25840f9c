"""Learning rates and moments, per optimizer step.

Steps are counted from 1 to T, the number of optimizer steps of the whole training.
A schedule is a function ``(t, T) -> rate``, a moment a function ``(t, T) -> bool``.
The functions here take further keywords; bind those with `functools.partial`, which
pickles, unlike a closure.
"""

from collections.abc import Callable

from skensemble.schedules._cycles import cycle_ends, is_cycle_end
from skensemble.schedules._cyclic import cyclic_cosine, cyclic_triangular
from skensemble.schedules._decay import plateau_then_linear, step_decay
from skensemble.schedules._sampling import is_in_sampling_part, is_sample
from skensemble.schedules._stages import (
    constant_tail,
    fast_geometric,
    has_pretrained,
    is_low_rate,
    is_tail_point,
    two_cosines,
)
from skensemble.schedules._warmup import linear_warmup, warmup_steps

__all__ = [
    "constant_tail",
    "cycle_ends",
    "cyclic_cosine",
    "cyclic_triangular",
    "fast_geometric",
    "has_pretrained",
    "is_cycle_end",
    "is_in_sampling_part",
    "is_low_rate",
    "is_sample",
    "is_tail_point",
    "linear_warmup",
    "plateau_then_linear",
    "step_decay",
    "two_cosines",
    "warmup_steps",
]

NAMED: dict[str, Callable[..., float]] = {
    "cosine": cyclic_cosine,
    "triangular": cyclic_triangular,
    "step": step_decay,
}
"""Schedules that ensembles know by a name."""
