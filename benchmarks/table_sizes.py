"""Does quality keep up as tables grow? Run ``python benchmarks/table_sizes.py``.

Rows of fifty numbers and two classes are drawn from a function that is known, with smooth parts,
steps and products of columns. The ensemble for tables is set beside the trees that stop early, each
on one thread and in a process of its own. Every run is a line of JSON in the output, and not made
again where it is there.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
from _report import environment, listed
from _table_competitors import CLASSES, HISTOGRAM_STOPPED, LIGHTGBM_STOPPED, METHODS, OURS
from _table_report import VERSIONS, markdown
from _table_runs import Runs, measure, warm_up
from _tables import Split

N_COLUMNS, N_TEST = 50, 100_000


def main(argv: Sequence[str] | None = None) -> None:
    """Make the runs that are missing, and write the table of those that are there."""
    folder = Path(__file__).parent / "results"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    methods = [OURS, LIGHTGBM_STOPPED, HISTOGRAM_STOPPED]
    parser.add_argument("--methods", nargs="+", default=methods, choices=methods)
    parser.add_argument("--output", type=Path, default=folder, metavar="DIR")
    parser.add_argument("--report", action="store_true", help="only write the table")
    arguments = parser.parse_args(argv)
    runs = Runs(arguments.output / "table_sizes.jsonl", ["rows", "seed", "method"])
    if not arguments.report:
        warm_up()
        for n_rows in arguments.sizes:
            for seed in arguments.seeds:
                for name in arguments.methods:
                    known = {"rows": n_rows, "seed": seed, "method": name}
                    if runs.lacks(known):
                        numbers = measure(METHODS[name], draw(n_rows, seed), CLASSES, seed)
                        runs.add({**known, **numbers})
                        print(known, numbers, flush=True)
    text = report(runs.table())
    (arguments.output / "table_sizes.md").write_text(text)
    print(text)


def draw(n_rows: int, seed: int) -> Split:
    """Draw rows to train on, and others to test on."""
    X, y = draw_rows(n_rows, np.random.default_rng([seed, 0]))
    return Split(X, y, *draw_rows(N_TEST, np.random.default_rng([seed, 1])))


def draw_rows(n_rows: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw rows and labels; some columns are rounded, some have long tails, most mean nothing."""
    X = rng.normal(size=(n_rows, N_COLUMNS)).astype(np.float32)
    X[:, 10:20] = np.round(2 * X[:, 10:20])
    X[:, 20:25] = np.exp(X[:, 20:25])
    logit = (
        2 * np.sin(2 * X[:, 0]) * X[:, 1]
        + 1.5 * (X[:, 2] > 0.3) * X[:, 3]
        + 1.5 * np.abs(X[:, 4])
        + X[:, 5] * X[:, 6]
        + 0.7 * X[:, 10] * (X[:, 11] > 0)
        + np.log(X[:, 20]) * X[:, 7]
        + np.maximum(X[:, 8], X[:, 9])
        + 0.5 * X[:, 30] * X[:, 31] * X[:, 32]
        - 2
    )
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(N_COLUMNS)])
    return frame, (rng.random(n_rows) < 1 / (1 + np.exp(-1.5 * logit))).astype(int)


def report(runs: pd.DataFrame) -> str:
    """Write the runs as Markdown."""
    rows = [
        [
            f"{run['rows']:,}",
            str(run["method"]),
            f"{run['loss']:.4f}",
            f"{run['right']:.4f}",
            f"{run['fit wall s']:.0f}",
            f"{run['MB'] / (run['rows'] * N_COLUMNS * 4 / 2**20):.2f}",
            f"{run['predict s']:.2f}",
        ]
        for run in runs.sort_values(["rows", "method"]).to_dict("records")
    ]
    header = ["rows", "method", "log-loss", "accuracy", "fit, s", "memory", "predict, s"]
    about = (
        f"{N_COLUMNS} columns of numbers, two classes, {N_TEST:,} test rows, one thread. Memory\n"
        "is the peak of the fit beyond the rows, in units of the rows as float32."
    )
    machine = f"Machine and versions: {listed(environment(more=VERSIONS))}."
    return "\n\n".join(["# Tables as they grow", machine, about, markdown(header, rows)]) + "\n"


if __name__ == "__main__":
    main()
