"""Observers that several methods share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skorch import NeuralNet

from skensemble._typing import State
from skensemble.members import copy_member, copy_state
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
    """An observer that hands a copy of what makes a net's answer to `collect` at each moment.

    Attributes
    ----------
    collect : callable
        Gets the copied state and the step; its answer is that of the observer.
    net : NeuralNet or None
        The net in training; None copies the module of the step and no more.
    """

    collect: Callable[[State, Step], Any]
    net: NeuralNet | None = None

    def __call__(self, step: Step) -> Any:
        """Hand over a copy."""
        state = copy_state(step.module) if self.net is None else copy_member(self.net)
        return self.collect(state, step)

    @property
    def can_wait(self) -> bool:
        """Whether copies may be handed over when the training is over, as nobody looks on.

        `collect` says so by an attribute of this name.
        """
        return getattr(self.collect, "can_wait", False)


def copying(collect: Callable[[State, Step], bool], net: NeuralNet | None = None) -> CopyWeights:
    """Return an observer that hands a copy of a net's weights to `collect` at each moment."""
    return CopyWeights(collect, net)


def is_read_only(observe: Observer) -> bool:
    """Say whether an observer is known to change nothing."""
    return observe is ignore or isinstance(observe, ReadOnly | CopyWeights)
