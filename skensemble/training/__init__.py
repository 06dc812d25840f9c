"""One training of one net: a schedule, its moments, and observers that look on."""

from skensemble.training._batch_norm import refresh_batch_norm
from skensemble.training._course import Course, DivergenceError, Observer, Step, diverged
from skensemble.training._observers import copying
from skensemble.training._train import Data, Trace, join, train, train_to_end

__all__ = [
    "Course",
    "Data",
    "DivergenceError",
    "Observer",
    "Step",
    "Trace",
    "copying",
    "diverged",
    "join",
    "refresh_batch_norm",
    "train",
    "train_to_end",
]
