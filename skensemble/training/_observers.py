"""Observers that several methods share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skensemble._typing import State
from skensemble.members import copy_state
from skensemble.training._steps import Observer, Step


def ignore(step: Step) -> None:
    """Do nothing: the observer of a training whose moments are of no interest."""


@dataclass(frozen=True)
class ReadOnly:
    """An observer that changes neither the net nor its optimizer.

    Attributes
    ----------
    observe : callable
    """

    observe: Observer

    def __call__(self, step: Step) -> Any:
        """Call the observer."""
        return self.observe(step)


def is_read_only(observe: Observer) -> bool:
    """Say whether an observer is known to change nothing."""
    return observe is ignore or isinstance(observe, ReadOnly)


def copying(collect: Callable[[State, Step], bool]) -> Observer:
    """Return an observer that hands a copy of the weights to `collect` at each moment."""
    return ReadOnly(lambda step: collect(copy_state(step.module), step))
