"""When do averages of weights fail? Run ``python benchmarks/weight_space.py --data DIR``.

Nets of the letters are trained for as many epochs in several ways. Measured are, on test rows, the
loss at the midpoint of a straight line between neighbours in time against that of its ends; how far
apart they lie, and under which angle a member sees the one before it and the one after it; and the
mean of all members' weights against the mean of their probabilities. Every run is a line of JSON in
the output, and not made again where it is there.
"""

import argparse
import os
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import torch
from _comparison_data import Problem, letter
from _report import environment, listed
from _table_report import markdown
from _table_runs import Runs
from sklearn.base import clone
from sklearn.metrics import log_loss
from torch import nn

from skensemble import (
    DeepEnsembleClassifier,
    FastGeometricEnsembleClassifier,
    SnapshotEnsembleClassifier,
)
from skensemble.schedules import constant_tail
from skensemble.weight_space import angle, average_of, distance, interpolate, with_members

M = 5
"""Members that are compared, the last ones of a training."""

TAIL = partial(constant_tail, tail_lr=0.05, pretrain_fraction=0.5)
"""As in stochastic weight averaging: half of the training at a constant rate."""

WAYS = {
    "snapshots, alpha_zero 0.1": partial(SnapshotEnsembleClassifier, M=M),
    "snapshots, alpha_zero 0.3": partial(SnapshotEnsembleClassifier, M=M, alpha_zero=0.3),
    "fast geometric ensemble": partial(FastGeometricEnsembleClassifier, M=M),
    "tail of constant rate": partial(SnapshotEnsembleClassifier, M=2 * M, schedule=TAIL),
    "independent nets": partial(DeepEnsembleClassifier, M=M),
}
NETS = ["MLP", "MLP with batch normalisation"]


class Normed(nn.Sequential):
    """The net of the comparison, with batch normalisation before each ReLU."""

    def __init__(self) -> None:
        widths = [16, 256, 128]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU()]
        super().__init__(*layers, nn.Linear(widths[-1], 26))


def main(argv: Sequence[str] | None = None) -> None:
    """Make the runs that are missing, and write the table of those that are there."""
    folder = Path(__file__).parent / "results"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of letter.csv.xz")
    parser.add_argument("--epochs", type=int, default=30, help="of each training")
    parser.add_argument("--rows", type=int, default=None, help="training rows at most")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--output", type=Path, default=folder, metavar="DIR")
    parser.add_argument("--report", action="store_true", help="only write the table")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    runs = Runs(arguments.output / "weight_space.jsonl", ["net", "way", "seed"])
    if not arguments.report:
        problem = letter(arguments.data)
        for seed in arguments.seeds:
            for net in NETS:
                for way in WAYS:
                    known = {"net": net, "way": way, "seed": seed}
                    if runs.lacks(known):
                        found = measured(problem, arguments.rows, arguments.epochs, **known)
                        runs.add({**known, **found})
    text = report(runs.table())
    (arguments.output / "weight_space.md").write_text(text)
    print(text)


def measured(
    problem: Problem, n_rows: int | None, epochs: int, *, net: str, way: str, seed: int
) -> dict[str, float]:
    """Train in one way, and measure between its last members."""
    X, y = problem.train.X[:n_rows], problem.train.y[:n_rows]
    estimator = clone(problem.net).set_params(max_epochs=epochs)
    if net != NETS[0]:
        estimator = type(estimator)(
            Normed,
            max_epochs=epochs,
            batch_size=estimator.batch_size,
            optimizer__weight_decay=estimator.optimizer__weight_decay,
        )
    ensemble = WAYS[way](estimator, random_state=seed).fit(X, y)
    members = ensemble.members_[-M:]
    ends = with_members(ensemble, members)
    halfway = [interpolate(a, b, 0.5) for a, b in pairwise(members)]
    between = with_members(ensemble, halfway, X)
    averaged = with_members(ensemble, [average_of(members)], X)
    scores = partial(scores_of, problem=problem)
    end_scores = [scores(proba) for proba in ends.member_predict_proba(problem.test.X)]
    mid_scores = [scores(proba) for proba in between.member_predict_proba(problem.test.X)]
    steps = [distance(a, b) for a, b in pairwise(members)]
    turns = [angle(*three) for three in zip(members, members[1:], members[2:], strict=False)]
    found: dict[str, float] = {
        "distance": float(np.mean(steps)),
        "angle": float(np.mean(turns)),
        "last nll": end_scores[-1][0],
        "last error": end_scores[-1][1],
    }
    for name, values in (("ends", end_scores), ("midpoint", mid_scores)):
        found[f"{name} nll"], found[f"{name} error"] = np.mean(values, axis=0).tolist()
    for name, other in (("weights", averaged), ("probabilities", ends)):
        nll, error = scores(other.predict_proba(problem.test.X))
        found[f"mean of {name} nll"], found[f"mean of {name} error"] = nll, error
    return found


def scores_of(proba: Any, problem: Problem) -> tuple[float, float]:
    """Return the NLL in nats and the error in per cent of probabilities of the test rows."""
    labels = np.unique(problem.train.y)
    error = 100 * (labels[proba.argmax(axis=1)] != problem.test.y).mean()
    return log_loss(problem.test.y, proba, labels=labels), float(error)


def report(runs: pd.DataFrame) -> str:
    """Write the means over the seeds as Markdown."""
    parts = ["# Weight space"]
    parts.append(f"Machine and versions: {listed(environment())}.")
    n_seeds = runs["seed"].nunique()
    seeds = "1 seed" if n_seeds == 1 else f"{n_seeds} seeds"
    parts.append(
        f"Letters, means over {seeds}. Ends and midpoints of lines\n"
        f"between the last {M} members, as NLL in nats and error in per cent of test rows."
    )
    columns = ["ends", "midpoint", "last", "mean of weights", "mean of probabilities"]
    header = ["way", "distance", "angle", *(f"{name}: NLL, error" for name in columns)]
    for net, own in runs.groupby("net", sort=False):
        means = own.drop(columns=["net", "seed"]).groupby("way", sort=False).mean()
        rows = [
            [str(way), f"{row['distance']:.1f}", f"{row['angle']:.0f}°"]
            + [f"{row[f'{name} nll']:.3f}, {row[f'{name} error']:.2f}" for name in columns]
            for way, row in means.iterrows()
        ]
        parts += [f"**{net}**", markdown(header, rows)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
