"""The course of a fit: steps, rates, losses and history, as an ensemble keeps them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from skorch.history import History

from skensemble.training import Trace

COURSE = frozenset(
    ("n_steps_", "learning_rates_", "member_steps_", "loss_curve_", "history_", "n_iter_")
)
"""Attributes of an ensemble that tell of its training."""


def course_so_far(ensemble: Any) -> dict[str, Any]:
    """Return what earlier trainings have left on an ensemble that goes on from them."""
    return {name: value for name, value in vars(ensemble).items() if name in COURSE}


def course_of(trace: Trace, steps: Sequence[int], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the training of members leaves on an ensemble, by the name of the attribute.

    Parameters
    ----------
    trace : Trace
    steps : sequence of int
        After which the members were taken.
    earlier : mapping
        The same of the trainings that this one goes on from; empty if there are none.

    Returns
    -------
    course : dict
    """
    n_before = earlier.get("n_steps_", 0)
    course = {
        "n_steps_": n_before + len(trace.learning_rates),
        "learning_rates_": _joined(earlier.get("learning_rates_"), trace.learning_rates),
        "member_steps_": _joined(earlier.get("member_steps_"), n_before + np.array(steps)),
        "loss_curve_": _joined(earlier.get("loss_curve_"), trace.loss_curve),
    }
    rows = [*earlier.get("history_", ()), *(dict(row) for row in trace.history)]
    return course | {"history_": History(rows), "n_iter_": len(course["loss_curve_"])}


def _joined(before: np.ndarray | None, after: np.ndarray) -> np.ndarray:
    return after if before is None else np.concatenate([before, after])
