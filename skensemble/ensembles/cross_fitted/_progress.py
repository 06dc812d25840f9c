"""What the fit of a cross-fitted ensemble reports: a line, or a task, for each cycle."""

from math import nan

from skensemble.ensembles._progress import Progress
from skensemble.training import Step


class CycleProgress(Progress):
    """Reports members that come many at a time: those of all nets at one position.

    Attributes
    ----------
    is_last : bool
        Whether the member that comes now is the last one of its position.
    loss : float
        Out-of-fold loss so far.
    n_reported : int
        Positions that were reported.
    """

    is_last = False
    loss = nan
    n_reported = 0

    def end_member(self, step: Step, loss: float, score: float | None) -> bool:
        """Report the members of a position when the last of them was taken."""
        if not self.is_last:
            return False
        self.n_reported += 1
        return super().end_member(step, loss, score)

    def expect_another(self) -> None:
        """Begin the task of a further position, which was not planned."""
        self.n_members += 1
        self._begin_member()

    def _most(self) -> int:
        return max(self.n_members, self.ensemble.max_cycles or 0)

    def _has_more(self) -> bool:
        return self.n_reported < self.n_members

    def _print(self, step: Step, loss: float, score: float | None) -> None:
        held_out = "" if score is None else f", validation score {score:.4f}"
        unit = "cycle" if hasattr(self.ensemble._make_method(), "cycle_mult") else "position"
        print(
            f"{unit} {self.n_reported}/{self._most()}: step {step.t}/{step.T}, training loss "
            f"{loss:.4f}, out-of-fold loss {self.loss:.4f}{held_out}, {self._seconds():.1f} s"
        )
