"""What a fit reports, member by member: to scikit-learn's callbacks, and as printed lines."""

from time import perf_counter
from typing import Any

from skensemble.training import Step


class Progress:
    """Reports a fit whose members come one after another.

    Parameters
    ----------
    ensemble : BaseEnsemble
        The ensemble in `fit`, inside `sklearn.callback.with_callbacks`.
    n_members : int
        Members that there are to be; each that is to come is a task.
    **seen : dict
        `X`, `y` and `metadata` as the user gave them, for the callbacks.
    """

    def __init__(self, ensemble: Any, n_members: int, **seen: Any) -> None:
        self.ensemble = ensemble
        self.n_members = n_members
        self.seen = seen
        # Reporting to nobody takes longer than making a member.
        self.has_listeners = bool(getattr(ensemble, "_skl_callbacks", ()))
        if self.has_listeners:
            n_earlier = len(getattr(ensemble, "members_", ()))
            self.root = ensemble._init_callback_context(max_subtasks=self._most() - n_earlier)
            self.root.call_on_fit_task_begin(estimator=ensemble, **seen)
        self._begin_member()

    @property
    def is_watched(self) -> bool:
        """Whether a line is printed or a callback is called after each member."""
        return bool(self.ensemble.verbose or self.has_listeners)

    def end_member(self, step: Step, loss: float, score: float | None) -> bool:
        """Report a member that was just taken; True asks for the end of the training."""
        if self.ensemble.verbose:
            self._print(step, loss, score)
        if not self.has_listeners:
            self._begin_member()
            return False
        # A copy of the ensemble in its present state: it has all it needs to predict.
        fitted = {"members_": list(self.ensemble.members_)}
        should_stop = self.task.call_on_fit_task_end(
            estimator=self.ensemble, reconstruction_attributes=fitted, **self.seen
        )
        if self._has_more() and not should_stop:
            self._begin_member()
        return should_stop

    def end(self) -> None:
        """Report the end of the fit."""
        if self.has_listeners:
            self.root.call_on_fit_task_end(
                estimator=self.ensemble, reconstruction_attributes={}, **self.seen
            )

    def _most(self) -> int:
        """Return the most members that there may be in the end."""
        return self.n_members

    def _has_more(self) -> bool:
        return len(self.ensemble.members_) < self.n_members

    def _seconds(self) -> float:
        return perf_counter() - self.begun

    def _begin_member(self) -> None:
        self.begun = perf_counter()
        if self.has_listeners:
            self.task = self.root.subcontext(task_name="member")
            self.task.call_on_fit_task_begin(estimator=self.ensemble, **self.seen)

    def _print(self, step: Step, loss: float, score: float | None) -> None:
        k, seconds = len(self.ensemble.members_), self._seconds()
        held_out = "" if score is None else f", validation score {score:.4f}"
        print(
            f"member {k}/{self.n_members}: step {step.t}/{step.T}, "
            f"training loss {loss:.4f}{held_out}, {seconds:.1f} s"
        )
