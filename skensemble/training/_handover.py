"""The seam where others may take a training over: `skensemble.lockstep` makes many as one.

A `Taker` gets every training that is asked of `train` in its context. It returns the trace that
`train` is to return, or None to let it train. It has then trained the net as `train` would have:
weights, optimizer, orders and generators are left as after a training of its own. Of a net whose
observer has ended the training, this holds for the weights.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple

from skorch import NeuralNet

from skensemble._typing import Moment, Schedule
from skensemble.training._steps import Observer
from skensemble.training._trace import Data, Trace


class Request(NamedTuple):
    """A training that is asked for: the arguments of `train`."""

    net: NeuralNet
    data: Data
    schedule: Schedule
    moment: Moment
    observe: Observer
    n_epochs: int | None = None
    n_steps: int | None = None


Taker = Callable[[Request], Trace | None]

taker: ContextVar[Taker | None] = ContextVar("taker", default=None)
"""Who is asked first; in a new thread, nobody."""
