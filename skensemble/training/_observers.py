"""Observers that several methods share."""

from collections.abc import Callable

from skensemble._typing import State
from skensemble.members import copy_state
from skensemble.training._course import Observer, Step


def copying(collect: Callable[[State, Step], bool]) -> Observer:
    """Make an observer that hands over a copy of the weights at each moment."""

    def observe(step: Step) -> bool:
        return collect(copy_state(step.module), step)

    return observe
