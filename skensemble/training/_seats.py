"""Places in a population: each is for one fit, or for several whose training is the same."""

from copy import deepcopy
from dataclasses import replace
from math import nan
from typing import Any

from torch import nn

from skensemble.members import bare
from skensemble.training._course import Plan, Step
from skensemble.training._participants import Participant, Request


class Seat:
    """A place in a population, for one fit or for several whose training is the same."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        # A fit that is gone may ask for something else already.
        self.requests: dict[Participant, Request] = {}
        self.stopped: dict[Participant, _Stop] = {}
        self.gone: set[Participant] = set()

    def request(self) -> Request:
        """Give the training of the first, with an observer that calls those of all."""
        return replace(self._first(), observe=self.observe)

    def add(self, participant: Participant) -> None:
        """Let a fit have what the others here get."""
        self.requests[participant] = participant.request

    def observe(self, step: Step) -> bool:
        """Call the observers of all fits; True if none goes on."""
        for participant in self._active():
            module = self._hand_over(participant)
            stops = participant.tell(replace(step, module=module))
            if participant.request is not self.requests[participant]:
                # Its task has failed over the step, and may have asked for another training.
                self.gone.add(participant)
            elif stops:
                self.stopped[participant] = _Stop(step, module)
        return not self._active()

    def deliver(self, outcome: Any) -> None:
        """Give each fit its trace, or the error of the training."""
        active = self._active()
        # The first that goes on may change its weights.
        for participant in active:
            self._hand_over(participant)
            self._hand_over_state(participant)
        for participant in active:
            participant.tell(outcome)
        for participant, stop in self.stopped.items():
            net = self.requests[participant].net
            stop.put_back(bare(net.module_))
            n_batches = stop.T // net.max_epochs
            # A stop at the last step of an epoch comes before its end.
            n_epochs = (stop.t - 1) // n_batches
            participant.tell(_cut(outcome, stop.t, n_epochs, stop.loss))

    def _active(self) -> list[Participant]:
        return [p for p in self.requests if p not in self.gone and p not in self.stopped]

    def _first(self) -> Request:
        """Give the training that the population makes."""
        return next(iter(self.requests.values()))

    def _hand_over(self, participant: Participant) -> nn.Module:
        """Copy the weights of the first net to another."""
        first, own = (
            bare(request.net.module_) for request in (self._first(), self.requests[participant])
        )
        if own is not first:
            own.load_state_dict(first.state_dict())
        return own

    def _hand_over_state(self, participant: Participant) -> None:
        """Copy what another training would begin with: momentum, orders and draws."""
        first, own = self._first(), self.requests[participant]
        if own is not first:
            own.net.order_seed_ = first.net.order_seed_
            own.net.optimizer_.load_state_dict(deepcopy(first.net.optimizer_.state_dict()))
            own.generator.set_state(first.generator.get_state())


class _Stop:
    """Where one of several fits has ended a training that goes on for others."""

    def __init__(self, step: Step, module: nn.Module) -> None:
        self.t, self.T = step.t, step.T
        try:
            self.loss = step.loss
        except FloatingPointError:
            self.loss = nan
        self.state = deepcopy(module.state_dict())

    def put_back(self, module: nn.Module) -> None:
        """Give a module the weights that it had at the stop."""
        module.load_state_dict(self.state)


def _cut(trace: Any, t: int, n_epochs: int, loss: float) -> Any:
    """Give the trace of a training that ended at an earlier step."""
    if isinstance(trace, BaseException):
        return trace
    return replace(
        trace,
        learning_rates=trace.learning_rates[:t],
        moments=trace.moments[trace.moments <= t],
        loss_curve=trace.loss_curve[:n_epochs],
        last_loss=loss,
        stopped_by="observer",
    )
