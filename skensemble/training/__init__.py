"""One training of one net: a schedule, its moments, and observers that look on."""

from skensemble.training._course import Course, DivergenceError, Step, diverged
from skensemble.training._train import Data, Trace, train

__all__ = ["Course", "Data", "DivergenceError", "Step", "Trace", "diverged", "train"]
