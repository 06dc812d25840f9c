"""One training in cycles, a member at the end of each, and further cycles after it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from skorch import NeuralNet

from skensemble._typing import Moment, Schedule
from skensemble.data import keywords_of
from skensemble.ensembles._collector import Collect
from skensemble.ensembles._continuation import GoesOn
from skensemble.ensembles._warnings import warn_if_never_warm, warn_if_short
from skensemble.modules import unwrap_compiled
from skensemble.nets import device_of
from skensemble.schedules import (
    NAMED,
    cycle_ends,
    is_cycle_end,
    linear_warmup,
    warmup_steps,
)
from skensemble.seeding import check_rebuildable, fresh_net, spawn_seeds
from skensemble.training import Data, Observer, Step, Trace, copying, train


class TrainsCycles(GoesOn):
    """Mixin: M cycles of one training, whose parameters are those of the snapshot ensembles."""

    cold_restart: bool
    cycle_mult: float
    members_: list[Any]
    n_steps_: int
    schedule: str | Callable[..., float]
    warmup: float

    _warmup_steps_: int = 0
    """Steps of the warm-up, of which further cycles make what the first fit has left."""

    def _n_members(self) -> int:
        return self.M

    def _course_ahead(self) -> tuple[Schedule, Moment]:
        schedule = self._bound_schedule(M=self.M, cycle_mult=self.cycle_mult)
        schedule = partial(linear_warmup, schedule=schedule, warmup=self.warmup)
        return schedule, partial(is_cycle_end, M=self.M, cycle_mult=self.cycle_mult)

    def _fit_members(self, net: NeuralNet, data: Data, collect: Collect, seed: int) -> Trace:
        schedule, moment = self._course_ahead()
        observe = self._observer(net, collect, seed, self.M)
        trace = train(net, data, schedule=schedule, moment=moment, observe=observe)
        self._warmup_steps_ = warmup_steps(trace.n_steps, self.warmup)
        warn_if_never_warm(trace, self._warmup_steps_)
        if self._counts_members_alike:
            warn_if_short(trace, self.M)
        return trace

    def _fit_further(
        self,
        net: NeuralNet,
        data: Data,
        collect: Collect,
        seed: int,
        *,
        n_cycles: int,
        **length: int,
    ) -> Trace:
        n_before = len(self.members_)
        n_all = max(self.M, n_before + n_cycles)
        observe = self._observer(net, collect, seed, n_all)
        if self.cold_restart and n_before:
            self._begin_again(net, spawn_seeds(seed, n_all))
        # All cycles, those of before too, are taken to be as long as these.
        cycles = {"n_before": n_before, "n_cycles": n_cycles, "n_all": n_all}
        among_all = partial(partial, _among_all, **cycles)
        rate = self._bound_schedule(M=n_all, cycle_mult=1.0)
        if n_before:
            warmup = {"warmup": self._warmup_steps_, "n_before": self.n_steps_}
            schedule = partial(linear_warmup, schedule=among_all(function=rate), **warmup)
        else:
            rate = partial(linear_warmup, schedule=rate, warmup=self.warmup)
            schedule = among_all(function=rate)
        moment = among_all(function=partial(is_cycle_end, M=n_all))
        trace = train(net, data, schedule=schedule, moment=moment, observe=observe, **length)
        if not n_before:
            all_steps = n_all * (trace.n_steps // n_cycles)
            self._warmup_steps_ = warmup_steps(all_steps, self.warmup)
        return trace

    def _cycle_steps(self, trace: Trace) -> int:
        n_cycles = max(1, len(trace.moments))
        ends = (0, *cycle_ends(trace.n_steps, self.M, self.cycle_mult)) if trace.n_steps else (0, 0)
        return ends[n_cycles] - ends[n_cycles - 1]

    def _observer(self, net: NeuralNet, collect: Collect, seed: int, n_all: int) -> Observer:
        if not self.cold_restart:
            return copying(collect, net)
        check_rebuildable(net)
        return partial(self._restart, net, copying(collect, net), spawn_seeds(seed, n_all))

    def _restart(self, net: NeuralNet, observe: Observer, seeds: list[int], step: Step) -> bool:
        """Collect the weights, then begin again from others, with an optimizer without memory."""
        should_stop = observe(step)
        if step.t < step.T:
            self._begin_again(net, seeds)
        return should_stop

    def _begin_again(self, net: NeuralNet, seeds: list[int]) -> None:
        fresh = fresh_net(net, seeds[len(self.members_)], device_of(net))
        weights = unwrap_compiled(fresh.module_).state_dict()
        unwrap_compiled(net.module_).load_state_dict(weights)
        net.optimizer_.state.clear()

    def _bound_schedule(self, **cycles: float) -> Callable[..., float]:
        """Bind what the schedule takes of the ensemble's parameters and has not bound itself."""
        schedule = NAMED[self.schedule] if isinstance(self.schedule, str) else self.schedule
        taken = keywords_of(schedule) - set(getattr(schedule, "keywords", ()))
        own = {name: getattr(self, name) for name in ("alpha_zero", "lr_min", "alpha_mult")}
        values = own | cycles
        return partial(schedule, **{name: values[name] for name in values if name in taken})


def _among_all(
    t: int,
    T: int,
    *,
    function: Callable[[int, int], Any],
    n_before: int,
    n_cycles: int,
    n_all: int,
) -> Any:
    """Ask a schedule or a moment of all cycles about step t of T of some of them.

    All cycles have the length of these.
    """
    cycle_steps = T // n_cycles
    return function(n_before * cycle_steps + t, n_all * cycle_steps)
