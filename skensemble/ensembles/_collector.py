"""Taking in members: held to be finite, scored, reported, and cut back after an interrupt."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import cached_property
from typing import Any

import numpy as np
from skorch import NeuralNet

from skensemble._typing import State
from skensemble._warn import warn_user
from skensemble.ensembles._answers import answer_to_keep
from skensemble.ensembles._course import course_of, course_so_far
from skensemble.ensembles._held_out import HeldOut
from skensemble.ensembles._progress import Progress
from skensemble.members import (
    MemberState,
    MemberTemplate,
    copy_member,
    is_finite,
    obstacle_to_lean_prediction,
    parameter_names,
    parts_of,
    share_equal,
    shareable_names,
    with_arrays,
)
from skensemble.training import Step, Trace, diverged

Collect = Callable[[State, Step], bool]
"""Takes in a new member, with the step after which it was made; True asks to stop."""


class Collector:
    """The members that an ensemble has got so far in a fit.

    Parameters
    ----------
    ensemble : BaseEnsemble
        The ensemble in `fit`; gets the members.
    net : NeuralNet
        The net in training.
    progress : Progress
        Is told about each member.
    held_out : HeldOut or None
        Validation rows.
    rows : ndarray or CSR matrix of shape (n_samples, ...), optional
        A few training rows, to which the first member has to give the same answer in the end.
    """

    def __init__(
        self,
        ensemble: Any,
        net: NeuralNet,
        progress: Progress,
        held_out: HeldOut | None,
        rows: Any = None,
    ) -> None:
        self.ensemble = ensemble
        self.net = net
        self.progress = progress
        self.held_out = held_out
        self.rows = rows
        self.steps: list[int] = []
        self.first_answer: np.ndarray | None = None
        self.earlier = course_so_far(ensemble)
        self.n_earlier = len(getattr(ensemble, "members_", ()))

    @property
    def can_wait(self) -> bool:
        """Whether members may be taken in when the training is over: nobody looks on."""
        return not self.progress.is_watched

    def __call__(self, state: State, step: Step, of: "Collector | None" = None) -> bool:
        """Take in a member; True asks for the end of the training.

        It may come from another net than this one's, whose own collector is given then.
        """
        ensemble, loss, of = self.ensemble, step.loss, of or self
        if not is_finite(state, of._parameter_names):
            raise diverged(step.t, step.rate, "the weights are not finite")
        template, state = None, state if isinstance(state, MemberState) else MemberState(state)
        if not state.parts:
            # Arrays alone, from a training of many nets as one: all the rest is that of the net.
            template = of._template
            state = state if template else with_arrays(copy_member(of.net), state)
        if ensemble.members_:
            share_equal(state, ensemble.members_[-1], of._shareable_names)
        ensemble.members_.append(dict(state))
        ensemble._predictor_.add(template, state)
        if len(ensemble._predictor_) == 1 and self.rows is not None:
            self.first_answer = answer_to_keep(ensemble._predictor_, self.rows)
        score = None if self.held_out is None else self._score(self.held_out)
        should_stop = self.progress.end_member(step, loss, score)
        self.steps.append(step.t)
        return should_stop

    def _score(self, held_out: HeldOut) -> float:
        """Score the members so far; they get weights where somebody may look at them."""
        ensemble = self.ensemble
        score = held_out.add(ensemble._predictor_, ensemble._n_last_members())
        # Outputs that have no such weights show in the first member, before all are trained.
        is_first = len(held_out.outputs) == 1
        if ensemble.weights == "validation" and (is_first or self.progress.has_listeners):
            ensemble._learn_weights(held_out.outputs, held_out.y, held_out.sample_weight)
        return score

    @cached_property
    def _parameter_names(self) -> list[str]:
        return parameter_names(self.net.module_)

    @cached_property
    def _shareable_names(self) -> frozenset[str]:
        return shareable_names(parts_of(self.net))

    @cached_property
    def _template(self) -> MemberTemplate | None:
        """What members are built from that come as arrays alone; None if they take their net."""
        if obstacle_to_lean_prediction(self.net) is not None:
            return None
        return MemberTemplate(self.ensemble._member_template(self.net.module_))

    def finish(self, trace: Trace) -> None:
        """Leave on the ensemble what its training has shown.

        Raises
        ------
        KeyboardInterrupt
            If Ctrl-C came before the first member.
        RuntimeError
            If a callback ended the training before its first step.
        """
        self._drop_unfinished()
        made = len(trace.learning_rates)
        where = f"at step {made} of {trace.n_steps}"
        if not self.steps and trace.was_interrupted:
            raise KeyboardInterrupt
        if not self.steps:
            raise RuntimeError(f"Training was stopped {where}, before the first member.")
        vars(self.ensemble).update(course_of(trace, self.steps, self.earlier))
        if self.held_out is not None:
            self._learn_from(self.held_out, warns=not trace.was_interrupted)
        if trace.stopped_by in ("ctrl-c", "skorch callback"):
            # Where warnings are errors, Ctrl-C still goes on as what it is.
            with suppress(UserWarning) if trace.was_interrupted else nullcontext():
                left = self._what_is_left(trace)
                warn_user(f"Training was stopped by {trace.stopped_by} {where}: {left}.")

    def _what_is_left(self, trace: Trace) -> str:
        n_members, n_asked = len(self.ensemble.members_), self.ensemble._n_members_planned_
        if n_members == n_asked:
            return "the members come from a shorter training than was asked for"
        if not (trace.was_interrupted or len(trace.moments)):
            return "the weights there are the only member"
        return f"the {n_members} of {n_asked} members taken so far are kept"

    def _drop_unfinished(self) -> None:
        """Drop a member that Ctrl-C cut short; the step of a member is noted last."""
        n_members, ensemble = self.n_earlier + len(self.steps), self.ensemble
        del ensemble.members_[n_members:], ensemble._predictor_.members[n_members:]
        if self.held_out is not None:
            del self.held_out.outputs[n_members:], self.held_out.scores[n_members:]

    def _learn_from(self, held_out: HeldOut, *, warns: bool) -> None:
        ensemble = self.ensemble
        ensemble.validation_scores_ = np.array(held_out.scores)
        ensemble._best_m_ = held_out.best_m()
        if ensemble.weights == "validation":
            ensemble._learn_weights(held_out.outputs, held_out.y, held_out.sample_weight)
            ensemble.weighted_validation_score_ = held_out.score_of(ensemble._weights())
            return
        warns = warns and ensemble.m != "auto" and ensemble._counts_members_alike
        if warns and held_out.last_member_is_better(ensemble.weights_):
            warn_user(
                "On the validation rows the last member alone is clearly better than the "
                "average: earlier members had too few steps to converge. Train for more epochs, "
                "ask for fewer members, or set m='auto' or weights='validation'."
            )
