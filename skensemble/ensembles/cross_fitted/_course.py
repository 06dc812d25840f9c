"""The course of several trainings that are told as one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skensemble.training import Step, Trace


class Course:
    """The course so far of trainings that go on from each other.

    Attributes
    ----------
    trace : Trace
        Of all of them; there is none before the first has ended.
    """

    trace: Any = None

    @property
    def n_steps(self) -> int:
        """Steps that were made."""
        return 0 if self.trace is None else len(self.trace.learning_rates)

    def add(self, further: Trace) -> None:
        """Add the trace of a training that has gone on from the last one."""
        self.trace = further if self.trace is None else followed_by(self.trace, further)


def mean_trace(traces: Sequence[Trace]) -> Trace:
    """Return the trace of nets that were trained in the same way, with the mean of their losses."""
    first = traces[0]
    n_steps = min(len(trace.learning_rates) for trace in traces)
    n_epochs = min(len(trace.loss_curve) for trace in traces)
    curve = np.mean([trace.loss_curve[:n_epochs] for trace in traces], axis=0)
    rows = [
        {**row, "train_loss": float(loss)} if "train_loss" in row else dict(row)
        for row, loss in zip(first.history, curve, strict=False)
    ]
    stops = [trace.stopped_by for trace in traces if trace.stopped_by]
    return replace(
        first,
        learning_rates=first.learning_rates[:n_steps],
        moments=first.moments[first.moments <= n_steps],
        loss_curve=curve,
        last_loss=float(np.mean([trace.last_loss for trace in traces])),
        stopped_by=stops[0] if stops else None,
        history=rows,
    )


def followed_by(trace: Trace, further: Trace) -> Trace:
    """Return the trace of a training and of one that has gone on from it."""
    n_before = len(trace.learning_rates)
    return replace(
        further,
        n_steps=n_before + further.n_steps,
        learning_rates=np.concatenate([trace.learning_rates, further.learning_rates]),
        moments=np.concatenate([trace.moments, n_before + further.moments]),
        loss_curve=np.concatenate([trace.loss_curve, further.loss_curve]),
        history=[*trace.history, *further.history],
    )


def trace_until(step: Step | None, earlier: Trace | None) -> Trace | None:
    """Return the trace of a training that Ctrl-C cut off after a member; None if there was none."""
    n_before = 0 if earlier is None else len(earlier.learning_rates)
    if step is None or step.t <= n_before:
        # No member has come since the earlier trainings.
        return earlier
    cut = Trace(
        n_steps=step.T - n_before,
        learning_rates=np.asarray(step.rates, dtype=float),
        moments=np.asarray([step.t - n_before]),
        loss_curve=np.asarray([]),
        last_loss=step.loss,
        stopped_by=None,
    )
    return cut if earlier is None else followed_by(earlier, cut)
