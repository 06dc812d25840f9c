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


@dataclass(frozen=True)
class CopyWeights:
    """An observer that hands a copy of the weights to `collect` at each moment.

    Attributes
    ----------
    collect : callable
        Gets the copied state and the step; its answer is that of the observer.
    """

    collect: Callable[[State, Step], Any]

    def __call__(self, step: Step) -> Any:
        """Hand over a copy."""
        return self.collect(copy_state(step.module), step)

    @property
    def can_wait(self) -> bool:
        """Whether copies may be handed over when the training is over, as nobody looks on.

        `collect` says so by an attribute of this name.
        """
        return getattr(self.collect, "can_wait", False)


def copying(collect: Callable[[State, Step], bool]) -> CopyWeights:
    """Return an observer that hands a copy of the weights to `collect` at each moment."""
    return CopyWeights(collect)


def is_read_only(observe: Observer) -> bool:
    """Say whether an observer is known to change nothing."""
    return observe is ignore or isinstance(observe, ReadOnly | CopyWeights)
