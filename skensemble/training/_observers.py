"""Observers that several methods share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skensemble._typing import State
from skensemble.members import copy_state
from skensemble.training._course import Observer, Step


def ignore(step: Step) -> None:
    """Look away: the observer of a training whose moments are of no interest."""


@dataclass(frozen=True)
class Looking:
    """An observer that changes neither the net nor its optimizer.

    Attributes
    ----------
    observe : callable
    """

    observe: Observer

    def __call__(self, step: Step) -> Any:
        """Look on."""
        return self.observe(step)


def only_looks(observe: Observer) -> bool:
    """Say whether an observer is known to change nothing."""
    return observe is ignore or isinstance(observe, Looking)


def copying(collect: Callable[[State, Step], bool]) -> Observer:
    """Make an observer that hands over a copy of the weights at each moment."""
    return Looking(lambda step: collect(copy_state(step.module), step))
