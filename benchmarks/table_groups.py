"""Which groups of nets on tables? Run ``python benchmarks/table_groups.py --data DIR``.

All groups that were thought of are trained once as one ensemble, for more cycles than are of use,
on the tables for choosing only. What any of them together would have given then follows from
weights that are fitted anew to the predictions of the rows that were left out. Every split of a
table is a line of JSON in the output, and not made again where it is there.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import torch
from _report import environment, listed
from _table_report import CHOSEN_ON, VERSIONS, markdown
from _table_runs import Runs, splits_of
from _tables import read_table, training_rows
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from skensemble import TabularSnapshotClassifier, TabularSnapshotRegressor
from skensemble.averaging import restrict_weights
from skensemble.ensembles.tabular import _groups
from skensemble.ensembles.tabular._groups import Group
from skensemble.ensembles.tabular._plan import FIRST_CYCLE
from skensemble.weighting import log_loss_weights, squared_error_weights

CANDIDATES = {
    "bins 16": Group(n_bins=16, n_atoms=24),
    "bins 8": Group(n_bins=8, n_atoms=24),
    "cosines 24": Group(n_cosines=24),
    "cosines 12": Group(n_cosines=12),
    "cosines 6": Group(n_cosines=6),
    "plain": Group(),
}
"""Groups by name; "bins" have indicators of shared values too."""

CHOSEN = ("cosines 24", "bins 8", "cosines 6", "plain")

BASE = ("bins 16", "cosines 24")
"""Groups, of five cycles each, that all losses and costs are divided by."""

N_CYCLES, N_FOLDS = 6, 4

RULES = {"3 to 6, 1 %": (3, 6, 0.01), "3 to 5, 1 %": (3, 5, 0.01), "5": (5, 5, 0.0)}
"""Least and most cycles of a group, and the gain that lets another one follow."""

STEP_FEATURES = 60
"""Features whose products take as long as all of a step that does not depend on them."""


class Parts(NamedTuple):
    """What each position and group predicts, and what is true.

    Attributes
    ----------
    out_of_fold, test : ndarray of shape (n_parts, n_samples, n_outputs)
    y, y_test : ndarray of shape (n_samples,)
        Encoded.
    positions, groups : ndarray of shape (n_parts,)
    is_classifier : bool
    """

    out_of_fold: np.ndarray
    test: np.ndarray
    y: np.ndarray
    y_test: np.ndarray
    positions: np.ndarray
    groups: np.ndarray
    is_classifier: bool

    def means(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weighted mean of some parts, out of fold and on the test rows."""
        fit = log_loss_weights if self.is_classifier else squared_error_weights
        weights = restrict_weights(fit(self.out_of_fold[chosen], self.y, None))
        return tuple(
            np.tensordot(weights, all_[chosen], 1) for all_ in (self.out_of_fold, self.test)
        )

    def loss(self, chosen: np.ndarray, *, on_test: bool) -> float:
        """Return the log-loss, or the root mean squared error, of the weighted mean of parts."""
        mean, y = self.means(chosen)[on_test], self.y_test if on_test else self.y
        if self.is_classifier:
            return log_loss_at(1.0, mean, y)
        return float(np.sqrt(((mean - y.reshape(mean.shape)) ** 2).mean()))

    def with_temperature(self, chosen: np.ndarray) -> tuple[float, float]:
        """Return the temperature of least log-loss out of fold, and the test loss with it."""
        out_of_fold, test = self.means(chosen)
        bounds = {"bounds": (0.2, 5), "method": "bounded"}
        best = minimize_scalar(log_loss_at, args=(out_of_fold, self.y), **bounds).x
        return float(best), log_loss_at(best, test, self.y_test)


def log_loss_at(temperature: float, proba: np.ndarray, y: np.ndarray) -> float:
    """Return the log-loss of probabilities whose logarithms are divided by a temperature."""
    logs = np.log(np.maximum(proba, 1e-12)) / temperature
    return float((logsumexp(logs, axis=1) - logs[np.arange(len(y)), y]).mean())


def main(argv: Sequence[str] | None = None) -> None:
    """Make the runs that are missing, and write the table of those that are there."""
    folder = Path(__file__).parent / "results"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the csv.xz files and of tables/")
    parser.add_argument("--tables", nargs="+", default=CHOSEN_ON, choices=CHOSEN_ON)
    parser.add_argument("--size", type=int, default=10_000, help="training rows at most")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--output", type=Path, default=folder, metavar="DIR")
    parser.add_argument("--report", action="store_true", help="only write the table")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    runs = Runs(arguments.output / "table_groups.jsonl", ["table", "size", "seed"])
    if not arguments.report:
        make_runs(arguments, runs)
    text = report(runs.table())
    (arguments.output / "table_groups.md").write_text(text)
    print(text)


def make_runs(arguments: argparse.Namespace, runs: Runs) -> None:
    """Append what is missing, split by split."""
    for name in arguments.tables:
        table = read_table(arguments.data, name)
        (n_train,) = training_rows(table, [arguments.size])
        for seed in arguments.seeds:
            known = {"table": name, "size": arguments.size, "seed": seed}
            if runs.lacks(known):
                split = splits_of(arguments.data, name, n_train, seed)["frame"]
                runs.add({**known, **losses_of(parts_of(split, table.task, seed))})
                print(*known.values(), flush=True)


def parts_of(split: Any, task: str, seed: int) -> tuple[Parts, list[int]]:
    """Train all groups; return what each part predicts, and the features of each group."""
    is_classifier = task == "classification"
    kind = TabularSnapshotClassifier if is_classifier else TabularSnapshotRegressor
    seen: dict[str, Any] = {}

    class Watched(kind):  # type: ignore[misc, valid-type]
        """An ensemble that shows its out-of-fold predictions."""

        def _learn_oof(self, out_of_fold: Any, *rest: Any) -> None:
            """Keep them."""
            seen["out of fold"] = out_of_fold
            super()._learn_oof(out_of_fold, *rest)

    # A subclass has no signature of its own that scikit-learn could read.
    Watched.__init__ = kind.__init__
    with patch.object(_groups, "GROUPS", tuple(CANDIDATES.values())):
        n_nets = N_FOLDS * len(CANDIDATES)
        model = Watched(M=N_CYCLES, max_cycles=N_CYCLES, n_nets=n_nets, random_state=seed)
        model.fit(split.X, split.y)
    out_of_fold = seen["out of fold"]
    positions, groups = np.array(out_of_fold.positions), np.array(out_of_fold.groups)
    outputs = model._member_outputs(split.X_test)
    of_part = [
        (model.member_positions_ == position) & (model.member_nets_ // N_FOLDS == group)
        for position, group in zip(positions, groups, strict=True)
    ]
    return Parts(
        np.stack(out_of_fold.outputs),
        np.stack([outputs[own].mean(axis=0) for own in of_part]),
        out_of_fold.y,
        model._encode_targets(split.y_test),
        positions,
        groups,
        is_classifier,
    ), [tables.n_features for tables in model._tables_]


def losses_of(found: tuple[Parts, list[int]]) -> dict[str, Any]:
    """Return test losses and costs of groups together, over those of `BASE`."""
    parts, widths = found
    names = list(CANDIDATES)
    alone = [
        [
            parts.loss((parts.groups == group) & (parts.positions <= last), on_test=False)
            for last in range(N_CYCLES)
        ]
        for group in range(len(names))
    ]

    def outcome(chosen: Sequence[int], rule: tuple[int, int, float]) -> tuple[float, float]:
        """Return the test loss of some groups that grow by a rule, and what they cost."""
        n_cycles = {group: cycles_of(alone[group], *rule) for group in chosen}
        most = np.array([n_cycles.get(group, 0) for group in parts.groups])
        cost = sum(
            FIRST_CYCLE * (2**n - 1) * (widths[g] + STEP_FEATURES) for g, n in n_cycles.items()
        )
        return parts.loss(parts.positions < most, on_test=True), cost

    base_loss, base_cost = outcome([names.index(name) for name in BASE], RULES["5"])
    found_losses = {}
    for chosen in subsets(len(names)):
        for rule in RULES:
            loss, cost = outcome(chosen, RULES[rule])
            key = " + ".join(names[k] for k in chosen) + f" | {rule}"
            found_losses[key] = [round(loss / base_loss, 5), round(cost / base_cost, 4)]
    numbers = {"base": base_loss, "ratios": found_losses}
    if parts.is_classifier:
        chosen = np.isin(parts.groups, [names.index(name) for name in CHOSEN])
        temperature, loss = parts.with_temperature(chosen)
        ratio = loss / parts.loss(chosen, on_test=True)
        numbers |= {"temperature": round(temperature, 3), "temperature ratio": round(ratio, 5)}
    return numbers


def subsets(n: int) -> Iterator[tuple[int, ...]]:
    """Yield all choices of one to four of some things."""
    for size in range(1, 5):
        yield from combinations(range(n), size)


def cycles_of(losses: Sequence[float], least: int, most: int, gain: float) -> int:
    """Return the cycles of a group, whose out-of-fold loss after each is known.

    Examples
    --------
    >>> cycles_of([1.0, 0.9, 0.8, 0.7, 0.699, 0.5], 3, 6, 0.01)
    5
    """
    n = least
    while n < most and (losses[n - 2] - losses[n - 1]) / losses[n - 2] >= gain:
        n += 1
    return n


def report(runs: pd.DataFrame) -> str:
    """Write what no cheaper choice of groups betters, and what was chosen, as Markdown."""
    keys = list(runs["ratios"][0])
    losses = np.array([[run[key][0] for key in keys] for run in runs["ratios"]])
    costs = np.array([[run[key][1] for key in keys] for run in runs["ratios"]]).mean(axis=0)
    quality = np.exp(np.log(losses).mean(axis=0))
    best, rows = np.inf, []
    for k in np.argsort(costs, kind="stable"):
        names, rule = keys[k].split(" | ")
        is_chosen = set(names.split(" + ")) == set(CHOSEN) and rule == next(iter(RULES))
        if quality[k] < best or is_chosen:
            mark = "chosen" if is_chosen else ""
            rows.append([names, rule, f"{quality[k]:.4f}", f"{costs[k]:.2f}", mark])
            best = min(best, quality[k])
    about = (
        f"Test loss over that of {' + '.join(BASE)} with five cycles each, geometric mean over\n"
        f"{len(runs)} splits of the tables for choosing; cost in units of the same, reckoned from\n"
        "steps and features. Listed is what nothing cheaper betters, and what was chosen."
    )
    calibrated = runs.dropna(subset="temperature")
    ratio = np.exp(np.log(calibrated["temperature ratio"]).mean())
    temperatures = (
        f"A temperature fitted out of fold, {calibrated['temperature'].mean():.2f} on average,\n"
        f"makes the test loss of the chosen groups {ratio:.4f} of what it is,\n"
        f"on {len(calibrated)} splits of tables with classes."
    )
    machine = f"Machine and versions: {listed(environment(more=VERSIONS))}."
    table = markdown(["groups", "cycles", "loss", "cost", ""], rows)
    return "\n\n".join(["# Groups of nets on tables", machine, about, table, temperatures]) + "\n"


if __name__ == "__main__":
    main()
