"""Fits that end early: members drawn until Ctrl-C, and a stop before the first member."""

from collections.abc import Iterable
from dataclasses import replace

from skorch import NeuralNet
from torch import nn

from skensemble._interrupts import watched_interrupts
from skensemble._typing import State
from skensemble.ensembles._collector import Collect, Collector
from skensemble.members import copy_member
from skensemble.training import Trace


def collect_draws(
    collect: Collect, draws: Iterable[State], trace: Trace, module: nn.Module
) -> Trace:
    """Hand over members that are made after a training, until one is to be the last.

    Parameters
    ----------
    collect : callable
        Takes in the members.
    draws : iterable of dict
        Their states, each made when it is asked for.
    trace : Trace
        Of the training.
    module : torch.nn.Module
        The net's.

    Returns
    -------
    trace : Trace
        It says whether Ctrl-C was pressed meanwhile: members that came before it stay.
    """
    if trace.was_interrupted:
        # Weights of a training that was cut off are no mean, and no net, to draw around.
        return trace
    with watched_interrupts() as interrupts:
        try:
            for state in draws:
                if collect(state, trace.last_step(module)):
                    break
        except KeyboardInterrupt:
            return replace(trace, stopped_by=interrupts.stopper)
    return trace


def take_weights_at_stop(collect: Collector, net: NeuralNet, trace: Trace) -> None:
    """Take the weights at which a callback has stopped a training as the one member, if none was.

    A training without a step has none.
    """
    is_stopped = trace.stopped_by == "skorch callback" and len(trace.learning_rates)
    if is_stopped and not collect.steps:
        collect(copy_member(net), trace.last_step(net.module_))
