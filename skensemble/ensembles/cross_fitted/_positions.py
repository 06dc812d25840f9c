"""Members of several nets, handed on when all nets have reached the same position."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from skensemble._typing import State
from skensemble.ensembles.cross_fitted._nets import NetInTraining, Take
from skensemble.ensembles.cross_fitted._out_of_fold import OutOfFold
from skensemble.ensembles.cross_fitted._progress import CycleProgress
from skensemble.training import Step


class Positions:
    """Takes the members of nets that are trained at the same time or one after another.

    Members go on by position, then by net, once all nets that train have reached the position.

    Parameters
    ----------
    nets : sequence of NetInTraining
        Groups of as many nets as there are folds, one group after another.
    n_folds : int
    collect : Collector
        Of the ensemble of all nets.
    progress : CycleProgress
        What `collect` reports to.
    out_of_fold : OutOfFold
        Gets the members of each position and group before they go on.
    weigh : callable
        Is called with these positions where somebody looks on, so that the ensemble so far can
        predict.

    Attributes
    ----------
    n_whole : int
        Positions that all nets have reached.
    places : list of tuple of int
        Position and net of each member that went on.
    last_step : Step or None
        Of the last member that went on.
    """

    def __init__(
        self,
        nets: Sequence[NetInTraining],
        n_folds: int,
        collect: Any,
        progress: CycleProgress,
        out_of_fold: OutOfFold,
        weigh: Callable[["Positions"], None],
    ) -> None:
        self.nets, self.n_folds, self.weigh = nets, n_folds, weigh
        self.collect, self.progress, self.out_of_fold = collect, progress, out_of_fold
        self.waiting: list[deque[tuple[State, Step]]] = [deque() for _ in nets]
        self.training = list(range(len(nets)))
        self.n_whole = self.n_steps_before = 0
        self.places: list[tuple[int, int]] = []
        self.last_step: Step | None = None
        self.should_stop = False

    def begin(self, groups: Sequence[int], n_steps_before: int = 0) -> list[Take]:
        """Begin to wait for the nets of some groups, and return what each hands its members to.

        Parameters
        ----------
        groups : sequence of int
            Groups that train.
        n_steps_before : int, default=0
            Steps of earlier trainings, which count for a member.
        """
        self.training = [k for k in range(len(self.nets)) if k // self.n_folds in groups]
        self.n_steps_before = n_steps_before
        for queue in self.waiting:
            queue.clear()
        return [partial(self._take, k) for k in self.training]

    def _take(self, k: int, state: State, step: Step) -> bool:
        """Take a member of net k; True asks for the end of its training."""
        n = self.n_steps_before
        self.waiting[k].append((state, replace(step, t=n + step.t, T=n + step.T)))
        while not self.should_stop and all(self.waiting[j] for j in self.training):
            self._hand_on()
        return self.should_stop

    def drop_unfinished(self) -> Step | None:
        """Drop the members of a position that was interrupted; return the last step before it."""
        n_members = sum(position < self.n_whole for position, _ in self.places)
        collect, n_parts = self.collect, len(self.out_of_fold.outputs)
        del self.places[n_members:], collect.steps[n_members:]
        whole = [i for i in range(n_parts) if self.out_of_fold.positions[i] < self.n_whole]
        self.out_of_fold.keep(len(whole))
        return self.last_step if n_members else None

    def _hand_on(self) -> None:
        """Hand on the members of a position."""
        for group in dict.fromkeys(k // self.n_folds for k in self.training):
            own = self.nets[group * self.n_folds : (group + 1) * self.n_folds]
            members = [(net.ensemble._predictor_, self.n_whole) for net in own]
            self.out_of_fold.add(self.n_whole, group, members)
        for k in self.training:
            state, step = self.waiting[k].popleft()
            self.places.append((self.n_whole, k))
            self.progress.is_last = k == self.training[-1]
            if self.progress.is_last and self.progress.is_watched:
                self.progress.loss = self.out_of_fold.loss()
                self.weigh(self)
            self.should_stop = self.collect(state, step, self.nets[k].collect)
        self.last_step = step
        self.n_whole += 1
