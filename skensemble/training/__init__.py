"""One training of one net: a schedule, its moments, and observers that look on."""

from skensemble.training._batch_norm import refresh_batch_norm
from skensemble.training._course import Course, DivergenceError, Observer, Step, diverged
from skensemble.training._meeting import MEMORY, Report, run_together
from skensemble.training._observers import Looking, copying
from skensemble.training._participants import Participant
from skensemble.training._train import Data, Trace, join, train, train_to_end

__all__ = [
    "MEMORY",
    "Course",
    "Data",
    "DivergenceError",
    "Looking",
    "Observer",
    "Participant",
    "Report",
    "Step",
    "Trace",
    "copying",
    "diverged",
    "join",
    "refresh_batch_norm",
    "run_together",
    "train",
    "train_to_end",
]
