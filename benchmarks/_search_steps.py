"""What a step of one net costs, the more nets make it together."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import torch
from _competitors import FITS, MOMENTUM, Problem, blobs, build_mlp
from torch import nn

from skensemble import NetClassifier
from skensemble.lockstep import Report, run_together
from skensemble.seeding import initialize_seeded, streams_of
from skensemble.training import Data, ReadOnly, train

EPOCHS = {1: 500, 8: 200, 45: 100, 128: 60, 512: 25}
"""Numbers of nets, and how many epochs of four steps are timed: about as long each."""

QUICK_EPOCHS = {1: 5, 3: 5}
BY_HAND, SKLEARN = "hand-written loop, one by one", "MLPClassifier, one by one"


class OwnMLP(nn.Sequential):
    """The same layers in a class that we know nothing of: it goes through `torch.func`."""

    def __init__(self, n_features: int, n_outputs: int, hidden_units: tuple[int, ...]) -> None:
        super().__init__(*build_mlp(n_features, hidden_units, n_outputs))


WAYS = {"closed form": {"module__activation": "relu"}, "torch.func": {"module": OwnMLP}}
"""Arguments of the nets that go each way."""


def measure_steps(repeats: int, *, quick: bool = False, device: str = "cpu") -> dict[str, Any]:
    """Measure the microseconds of a step of one net, way by way and in turn.

    Returns
    -------
    microseconds : dict of str to dict of int to list of float
        By way and number of nets, one value a round. What trains one net after the other is
        measured with one.
    """
    problem, epochs = blobs(), QUICK_EPOCHS if quick else EPOCHS
    tasks: dict[tuple[str, int], Callable[[], float]] = {}
    for way in WAYS:
        name = way if device == "cpu" else f"{way}, {device}"
        for K, n_epochs in epochs.items():
            timed = replace(problem, max_epochs=n_epochs)
            tasks[name, K] = partial(time_together, timed, way, K, device)
    if device == "cpu":
        for name, fit in ((BY_HAND, "hand-written"), (SKLEARN, "MLPClassifier")):
            tasks[name, 1] = partial(
                time_alone, FITS[fit], replace(problem, max_epochs=5 if quick else 200)
            )
    found: dict[str, Any] = {name: {} for name, _ in tasks}
    for k in range(repeats + 1):
        for (name, K), task in tasks.items():
            microseconds = task()
            # The first round does not count.
            rounds = found[name].setdefault(K, [])
            if k:
                rounds.append(microseconds)
    return found


def time_alone(fit: Callable[[Problem], Any], problem: Problem) -> float:
    """Time a whole fit, whose beginning hardly counts, in microseconds a step."""
    begun = perf_counter()
    fit(problem)
    return 1e6 * (perf_counter() - begun) / problem.n_steps


def time_together(problem: Problem, way: str, K: int, device: str, **settings: Any) -> float:
    """Time the steps of K nets after their first epoch, in microseconds a step and net."""
    settings = WAYS[way] | settings
    first = problem.n_steps // problem.max_epochs
    clock: list[float] = []

    def look(step: Any) -> None:
        if device == "cuda":
            torch.cuda.synchronize()
        clock.append(perf_counter())

    def is_moment(t: int, T: int) -> bool:
        return t in (first, T)

    # The first net's observer holds the clock; the others have none.
    moments = [{"moment": is_moment, "observe": ReadOnly(look)}, *[{}] * (K - 1)]
    tasks = [
        partial(train_net, problem, settings, seed, device, **moments[seed]) for seed in range(K)
    ]
    report = Report()
    for participant in run_together(tasks, report=report):
        if participant.error is not None:
            raise participant.error
    if K > 1 and report.groups != [{"engine": way, "n_nets": K, "n_fits": K}]:
        raise RuntimeError(f"{K} nets must be one population by {way}, got {report}.")
    begun, ended = clock
    return 1e6 * (ended - begun) / (problem.n_steps - first) / K


def train_net(
    problem: Problem, settings: dict[str, Any], seed: int, device: str, **moments: Any
) -> None:
    """Train one net; the trainings of several tasks meet in `run_together`."""
    net = NetClassifier(
        module__n_features=problem.X.shape[1],
        module__n_outputs=int(problem.y.max()) + 1,
        module__hidden_units=problem.hidden_units,
        optimizer__weight_decay=MOMENTUM["weight_decay"],
        max_epochs=problem.max_epochs,
        batch_size=problem.batch_size,
        device=device,
        **settings,
    )
    initialize_seeded(net, streams_of(seed), torch.device(device))
    train(net, Data(problem.X, problem.y), schedule=constant_rate, **moments)


def constant_rate(t: int, T: int) -> float:
    """Give the rate, which costs nothing and is no matter here."""
    return 0.01
