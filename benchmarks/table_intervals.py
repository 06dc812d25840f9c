"""Do intervals hold what they promise? Run ``python benchmarks/table_intervals.py --data DIR``.

The regressor of tables predicts quantiles of test rows; counted is how many targets lie between
them. Every split of a table is a line of JSON in the output, and not made again where it is there.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import torch
from _report import environment, listed
from _table_report import VERSIONS, markdown
from _table_runs import Runs, splits_of
from _tables import read_table, training_rows

from skensemble import TabularSnapshotRegressor

TABLES = ["wine", "california", "elevators", "abalone", "pol", "diamonds", "pumadyn32nm"]

LEVELS = [0.5, 0.8, 0.9, 0.95]
"""Share of the targets that an interval is to hold, half of the others on either side."""


def main(argv: Sequence[str] | None = None) -> None:
    """Make the runs that are missing, and write the table of those that are there."""
    folder = Path(__file__).parent / "results"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the csv.xz files and of tables/")
    parser.add_argument("--tables", nargs="+", default=TABLES, choices=TABLES)
    parser.add_argument("--size", type=int, default=10_000, help="training rows at most")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--output", type=Path, default=folder, metavar="DIR")
    parser.add_argument("--report", action="store_true", help="only write the table")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    runs = Runs(arguments.output / "table_intervals.jsonl", ["table", "size", "seed"])
    if not arguments.report:
        for name in arguments.tables:
            table = read_table(arguments.data, name)
            (n_train,) = training_rows(table, [arguments.size])
            for seed in arguments.seeds:
                known = {"table": name, "size": arguments.size, "seed": seed}
                if runs.lacks(known):
                    split = splits_of(arguments.data, name, n_train, seed)["frame"]
                    runs.add({**known, **coverage(split, seed)})
    text = report(runs.table())
    (arguments.output / "table_intervals.md").write_text(text)
    print(text)


def coverage(split: Any, seed: int) -> dict[str, float]:
    """Return the share of test targets inside each interval, and how its width varies."""
    model = TabularSnapshotRegressor(random_state=seed).fit(split.X, split.y)
    ends = [(1 - level) / 2 for level in LEVELS] + [(1 + level) / 2 for level in LEVELS]
    low, high = np.split(model.predict_quantiles(split.X_test, ends), 2, axis=1)
    inside = (low <= split.y_test[:, None]) & (split.y_test[:, None] <= high)
    shares = dict(zip(map(str, LEVELS), inside.mean(axis=0).tolist(), strict=True))
    mean, std = model.predict(split.X_test, return_std=True)
    error = np.abs(split.y_test - mean)
    narrow = std <= np.median(std)
    # Errors where the intervals are narrow, over those where they are wide.
    return {**shares, "narrow": float(error[narrow].mean() / error[~narrow].mean())}


def report(runs: pd.DataFrame) -> str:
    """Write the shares as Markdown."""
    names = [*map(str, LEVELS), "narrow"]
    means = runs.groupby("table", sort=False)[names].mean()
    means.loc["mean"] = means.mean()
    rows = [
        [str(name), *(f"{100 * row[level]:.1f}" for level in names[:-1]), f"{row['narrow']:.2f}"]
        for name, row in means.iterrows()
    ]
    header = ["table", *(f"{100 * level:.0f} %" for level in LEVELS), "errors, narrow / wide"]
    about = (
        "Test targets inside `predict_quantiles`, in per cent; and the mean error of the half of\n"
        "the rows whose standard deviation is smaller, over that of the other half."
    )
    machine = f"Machine and versions: {listed(environment(more=VERSIONS))}."
    return "\n\n".join(["# Intervals on tables", machine, about, markdown(header, rows)]) + "\n"


if __name__ == "__main__":
    main()
