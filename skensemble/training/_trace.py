"""What goes into a training, and what it leaves behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from skorch import NeuralNet
from torch import nn

from skensemble.data import are_pixels
from skensemble.nets import Net, float_dtype
from skensemble.training._steps import Step


class Data(NamedTuple):
    """Validated rows, encoded targets and weights, as a net's training takes them.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, ...)
    y : ndarray of shape (n_samples, ...)
        Codes of classes, or standardised targets.
    sample_weight : ndarray of shape (n_samples,) or None
    given : ndarray of shape (n_samples, ...) or None
        Labels or targets as the user gave them.
    coding : ndarray or TargetScaler or None
        The classes or the scale that `y` is coded by.
    own_weight : ndarray of shape (n_samples,) or None
        Weights as the user gave them, which may count rows; `sample_weight` without it, which
        may have those of classes in it.
    index : ndarray of shape (n_samples,) or None
        Places of the rows among those that were given; None where all have stayed.
    n_given : int
        Rows that were given.
    rows_digest : bytes or None
        Digest of rows and targets, where it is known already.
    """

    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    given: np.ndarray | None = None
    coding: Any = None
    own_weight: np.ndarray | None = None
    index: np.ndarray | None = None
    n_given: int = 0
    rows_digest: bytes | None = None

    @property
    def coded(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """Rows, encoded targets and weights: all that the weights of a net depend on."""
        return self.X, self.y, self.sample_weight

    def targets_for(self, net: NeuralNet) -> np.ndarray:
        """Return the targets that a net takes, one of our own together with their coding.

        Our own nets get the targets as the user gave them, and show them to callbacks so; any
        other skorch net knows nothing but codes.
        """
        if self.coding is None or not isinstance(net, Net):
            return self.y
        net.take_coding(self.coding)
        # Rows that were found to be taken as whole numbers stay so.
        net.rows_dtype_ = float_dtype(net) if are_pixels(self.X) else self.X.dtype.type
        return self.given


@dataclass(frozen=True)
class Trace:
    """What a training leaves behind beside the members.

    Attributes
    ----------
    n_steps : int
        Optimizer steps that were to be made.
    learning_rates : ndarray of shape (n_steps_made,)
        Rate of each step that was made.
    moments : ndarray of int
        Moments that were reached.
    loss_curve : ndarray of shape (n_epochs,)
        Mean training loss of each epoch that was finished.
    last_loss : float
        Mean training loss over the last steps, as many as an epoch has.
    stopped_by : {"ctrl-c", "skorch callback", "observer"} or None
        What ended the training early.
    history : sequence of dict
        What the net's history holds of these epochs, without batches.
    """

    n_steps: int
    learning_rates: np.ndarray
    moments: np.ndarray
    loss_curve: np.ndarray
    last_loss: float
    stopped_by: str | None
    history: Sequence[dict[str, Any]] = ()

    @property
    def was_interrupted(self) -> bool:
        """Whether Ctrl-C cut the training short, so that its weights are not those of its end."""
        return self.stopped_by == "ctrl-c"

    def last_step(self, module: nn.Module) -> Step:
        """Return the last step that was made, for members that are made after the training."""
        rates = self.learning_rates.tolist()
        return Step(len(rates), self.n_steps, rates[-1], module, lambda: self.last_loss, rates)


def join_traces(traces: Sequence[Trace]) -> Trace:
    """Join the traces of trainings without moments that were made one after another."""
    return Trace(
        n_steps=sum(trace.n_steps for trace in traces),
        learning_rates=np.concatenate([trace.learning_rates for trace in traces]),
        moments=np.asarray([], dtype=int),
        loss_curve=np.concatenate([trace.loss_curve for trace in traces]),
        last_loss=traces[-1].last_loss,
        stopped_by=traces[-1].stopped_by,
        history=[row for trace in traces for row in trace.history],
    )
