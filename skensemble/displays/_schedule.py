"""The learning rate over the steps of a training, before it or after it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skensemble._checks import check_int, reject
from skensemble.data import keywords_of
from skensemble.displays._fitted import ensemble_of
from skensemble.displays._style import MEMBER, axes_of, is_wide, put_legend
from skensemble.schedules import NAMED, is_cycle_end, linear_warmup

__all__ = ["ScheduleDisplay"]

MOST_LINES = 12
"""Snapshots that get a line of their own."""


class ScheduleDisplay:
    """Learning rate, and loss where there is one, over optimizer steps, with snapshots marked.

    Parameters
    ----------
    learning_rates : array-like of shape (n_steps,)
        Learning rate of each step.
    member_steps : array-like of shape (n_snapshots,), default=()
        Steps after which a snapshot is taken, from 1.
    loss_curve : array-like of shape (n_epochs,), default=None
        Mean training loss of each epoch.
    mark_name : str, default="snapshot"
        What is taken at `member_steps`.

    Attributes
    ----------
    ax_ : matplotlib Axes or ndarray of them
        That of the rate; with a loss those of both.
    figure_ : matplotlib Figure
        Where they are.
    line_ : matplotlib Line2D
        The learning rate.
    marks_ : matplotlib Line2D
        The snapshots, at the rate with which each was reached.
    loss_line_ : matplotlib Line2D or None
        The loss, at the end of each epoch.

    See Also
    --------
    MemberScoresDisplay : How well each snapshot does, alone and in the mean.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skensemble.displays import ScheduleDisplay
    >>> display = ScheduleDisplay.from_schedule("cosine", 700, M=3, cycle_mult=2.0)
    >>> display.member_steps
    array([100, 300, 700])
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        learning_rates: Any,
        member_steps: Any = (),
        loss_curve: Any = None,
        mark_name: str = "snapshot",
    ) -> None:
        self.learning_rates = learning_rates
        self.member_steps = member_steps
        self.loss_curve = loss_curve
        self.mark_name = mark_name

    @classmethod
    def from_schedule(
        cls,
        schedule: str | Callable[..., float],
        n_steps: int,
        *,
        M: int = 5,
        alpha_zero: float = 0.1,
        warmup: float = 0,
        moment: Callable[..., bool] = is_cycle_end,
        ax: Any = None,
        line_kw: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> "ScheduleDisplay":
        """Draw a schedule, before any training.

        Parameters
        ----------
        schedule : str or callable
            A name in `skensemble.schedules.NAMED`, such as "cosine", "triangular" or "step", or a
            callable that returns the rate of step t of T, from 1, as ``schedule(t, T)``.
        n_steps : int
            Optimizer steps of the whole training: epochs times batches of an epoch.
        M : int, default=5
            Number of cycles.
        alpha_zero : float, default=0.1
            Learning rate at the start of each cycle.
        warmup : int or float, default=0
            First steps, as a number or as a fraction, at rates that rise from 0.
        moment : callable, default=is_cycle_end
            Says as ``moment(t, T)`` whether a snapshot is taken after step t.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        line_kw : dict, default=None
            Keywords of matplotlib's `plot` for the line.
        **parameters : float
            What else the schedule or the moment takes, such as `lr_min`, `cycle_mult` and
            `alpha_mult`. Like `M` and `alpha_zero`, it is given to those that have a keyword of
            the name.

        Returns
        -------
        display : ScheduleDisplay

        Raises
        ------
        InvalidParameterError
            If an argument breaks its rule, or neither schedule nor moment takes a parameter.
        """
        n_steps = check_int("n_steps", n_steps, 1)
        if isinstance(schedule, str) and schedule in NAMED:
            schedule = NAMED[schedule]
        if not callable(schedule):
            raise reject("schedule", f"one of {list(NAMED)} or a callable", schedule)
        for name in parameters:
            if name not in keywords_of(schedule) | keywords_of(moment):
                raise reject("parameters", "taken by the schedule or the moment", name)
        values = {"M": M, "alpha_zero": alpha_zero} | parameters
        schedule = partial(linear_warmup, schedule=_bound(schedule, values), warmup=warmup)
        course = _course(schedule, _bound(moment, values), n_steps)
        return cls(**course).plot(ax, line_kw=line_kw)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        n_steps: int | None = None,
        ax: Any = None,
        line_kw: Mapping[str, Any] | None = None,
    ) -> "ScheduleDisplay":
        """Draw the course of a fit, or what an ensemble that is not fitted would make of it.

        Parameters
        ----------
        estimator : BaseEnsemble
            Also at the end of a pipeline, or as the best of a search. Of those that average
            weights the steps of these weights are marked; a copy by `with_members` has no marks.
        n_steps : int or None, default=None
            Optimizer steps of a training that has not been; None draws the one that was.
        ax : matplotlib Axes, two of them, or None, default=None
            Where to draw the rate, or rate and loss; None makes a figure.
        line_kw : dict, default=None
            Keywords of matplotlib's `plot` for the lines.

        Returns
        -------
        display : ScheduleDisplay

        Raises
        ------
        NotFittedError
            If the ensemble is not fitted, and `n_steps` is None.
        InvalidParameterError
            If `estimator` is no ensemble.
        """
        ensemble = ensemble_of(estimator)
        if n_steps is not None:
            n_steps = check_int("n_steps", n_steps, 1)
            ensemble._check_parameters()
            method = ensemble._schedules()
            course = _course(*method._course_ahead(), n_steps)
            return cls(**course, mark_name=method._kept_name).plot(ax, line_kw=line_kw)
        message = "This %(name)s is not fitted; n_steps draws the schedule of a fit to come."
        check_is_fitted(ensemble, msg=message)
        display = cls(
            learning_rates=ensemble.learning_rates_,
            member_steps=_marked_steps(ensemble),
            loss_curve=ensemble.loss_curve_,
            mark_name=ensemble._schedules()._kept_name,
        )
        return display.plot(ax, line_kw=line_kw)

    def plot(
        self, ax: Any = None, *, line_kw: Mapping[str, Any] | None = None
    ) -> "ScheduleDisplay":
        """Draw the rate, and below it the loss where there is one.

        Parameters
        ----------
        ax : matplotlib Axes, two of them, or None, default=None
            Where to draw: on one the rate alone, on two rate and loss. None makes a figure.
        line_kw : dict, default=None
            Keywords of matplotlib's `plot` for the lines.

        Returns
        -------
        self : ScheduleDisplay
        """
        has_loss = self.loss_curve is not None and (ax is None or not hasattr(ax, "plot"))
        axes = axes_of(ax, self, n_rows=1 + has_loss)
        rates, marks = np.asarray(self.learning_rates), np.asarray(self.member_steps, dtype=int)
        n_steps = len(rates)
        style = {"color": "0.5", "linewidth": 1.5, "zorder": 2} | dict(line_kw or {})
        top = axes[0]
        (self.line_,) = top.plot(np.arange(1, n_steps + 1), rates, **style)
        snapshot = {"color": MEMBER, "marker": "o", "linestyle": "none", "zorder": 3}
        snapshot |= {"label": self.mark_name, "clip_on": False}
        (self.marks_,) = top.plot(marks, rates[marks - 1], **snapshot)
        self.loss_line_ = None
        if has_loss:
            ends = np.arange(1, len(self.loss_curve) + 1) * n_steps / len(self.loss_curve)
            (self.loss_line_,) = axes[1].plot(ends, self.loss_curve, **style)
            axes[1].set(ylabel="training loss")
            if is_wide(self.loss_curve):
                axes[1].set_yscale("log")
        for one in axes:
            one.set_xlim(0, n_steps + 1)
            for step in marks if len(marks) <= MOST_LINES else ():
                one.axvline(step, color=MEMBER, linestyle=":", linewidth=1, zorder=1)
        top.set(ylabel="learning rate")
        axes[-1].set(xlabel="optimizer step")
        if len(marks):
            put_legend(top)
        if rates.min() >= 0:
            top.set_ylim(bottom=0)
        self.ax_ = np.array(axes) if has_loss else top
        self.figure_ = top.get_figure(root=True)
        return self


def _marked_steps(ensemble: Any) -> np.ndarray:
    """Return the steps after which a fitted ensemble has kept weights; none of a copy."""
    if not hasattr(ensemble, "member_steps_"):
        return np.array([], dtype=int)
    method = ensemble._schedules()
    if method._kept_name == "averaged":
        # Their members are of the last step, where the mean is known.
        return _course(*method._course_ahead(), ensemble.n_steps_)["member_steps"]
    return np.unique(ensemble.member_steps_)


def _bound(function: Callable[..., Any], values: Mapping[str, Any]) -> Callable[..., Any]:
    """Bind what a function takes of some values and has not bound itself."""
    taken = keywords_of(function) - set(getattr(function, "keywords", ()))
    return partial(function, **{name: values[name] for name in values if name in taken})


def _course(
    schedule: Callable[[int, int], float], moment: Callable[[int, int], bool], n_steps: int
) -> dict[str, np.ndarray]:
    """Return the rates of all steps, and the steps after which there is a snapshot."""
    steps = range(1, n_steps + 1)
    return {
        "learning_rates": np.array([schedule(t, n_steps) for t in steps]),
        "member_steps": np.array([t for t in steps if moment(t, n_steps)], dtype=int),
    }
