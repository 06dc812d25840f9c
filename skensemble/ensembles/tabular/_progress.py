"""What the fit of a table reports: a line, or a task, for each cycle."""

from skensemble.ensembles.cross_fitted._progress import CycleProgress


class TableProgress(CycleProgress):
    """Reports cycles of which the clock may make fewer or more than were planned."""

    def _most(self) -> int:
        return max(self.n_members, self.ensemble._most_cycles())

    def _has_more(self) -> bool:
        plan = getattr(self.ensemble, "_plan_", None)
        return super()._has_more() and plan is not None and bool(plan.next_cycle())
