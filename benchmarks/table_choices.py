"""Which settings on tables? Run ``python benchmarks/table_choices.py --data DIR``.

The settings in `SETTINGS` of the ensemble for tables, beside the trees that stop early, on the
tables for choosing only. Every run is a line of JSON in the output; runs that are there already
are not made again. ``--report`` writes the table from them.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
from _report import environment, listed
from _table_competitors import HISTOGRAM_STOPPED, LIGHTGBM_STOPPED, METHODS, OURS, Method
from _table_report import CHOSEN_ON, VERSIONS, markdown
from _table_runs import Runs, measure, splits_of, warm_up
from _tables import read_table, training_rows

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "four nets": {"n_nets": 4},
    "eight nets": {"n_nets": 8},
    "five cycles": {"M": 5, "max_cycles": 5},
    "five at most": {"max_cycles": 5},
    "half the rate": {"alpha_zero": 0.0025},
    "twice the rate": {"alpha_zero": 0.01},
    "narrow": {"hidden_units": (32, 32)},
    "wide": {"hidden_units": (128, 128)},
}
"""What is tried, by name: arguments of the constructor that differ from the defaults."""

TREES = [HISTOGRAM_STOPPED, LIGHTGBM_STOPPED]
"""What settings are set against: the one that has the lower test loss on a split."""

KEYS = ["table", "n_train", "seed", "setting"]


def main(argv: Sequence[str] | None = None) -> None:
    """Make the runs that are missing, or write the table of those that are there."""
    arguments = parse_arguments(argv)
    runs = Runs(arguments.output / "table_choices.jsonl", KEYS)
    if not arguments.report:
        make_runs(arguments, runs)
    text = report(runs.table())
    (arguments.output / "table_choices.md").write_text(text)
    print(text)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = Path(__file__).parent / "results"
    parser.add_argument("--data", type=Path, help="folder of the csv.xz files and of tables/")
    parser.add_argument("--tables", nargs="+", default=CHOSEN_ON, choices=CHOSEN_ON)
    parser.add_argument("--sizes", nargs="+", type=int, default=[1000, 10_000])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), metavar="NAME")
    parser.add_argument("--output", type=Path, default=folder, metavar="DIR")
    parser.add_argument("--report", action="store_true", help="only write the table")
    arguments = parser.parse_args(argv)
    for name in arguments.settings:
        if name not in SETTINGS:
            parser.error(f"--settings must be among {list(SETTINGS)}, got {name!r}.")
    if not arguments.report and (arguments.data is None or not arguments.data.is_dir()):
        parser.error(f"--data must be the folder of the tables, got {arguments.data}.")
    return arguments


def method_of(setting: str) -> Method:
    """Give the method of a setting, or of a tree by its name."""
    if setting in TREES:
        return METHODS[setting]
    ours = METHODS[OURS]
    return replace(ours, build=partial(ours.build, **SETTINGS[setting]))


def make_runs(arguments: argparse.Namespace, runs: Runs) -> None:
    """Append what is missing, split by split."""
    warm_up()
    for name in arguments.tables:
        table = read_table(arguments.data, name)
        for n_train in training_rows(table, arguments.sizes):
            for seed in arguments.seeds:
                known = {"table": name, "n_train": n_train, "seed": seed}
                wanted = [{**known, "setting": s} for s in (*TREES, *arguments.settings)]
                missing = [run for run in wanted if runs.lacks(run)]
                splits = splits_of(arguments.data, name, n_train, seed) if missing else {}
                for run in missing:
                    method = method_of(run["setting"])
                    numbers = measure(method, splits[method.rows], table.task, seed)
                    runs.add({**run, "task": table.task, **numbers})
                    print(*run.values(), numbers, flush=True)


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Sum up each setting over the splits that it has, a row each.

    Parameters
    ----------
    runs : DataFrame
        A run each row.

    Returns
    -------
    table : DataFrame
        "small" and "large": geometric means of the loss over that of the better tree, over tables
        with up to 1,000 training rows and with more; "all"; the number of "splits"; and "seconds",
        the geometric mean of the processor's for a fit. Of "default", where it is there, "to
        default" gives the ratio of the losses on the splits that both have.
    """
    where = ["table", "n_train", "seed"]
    losses = runs.pivot_table(index=where, columns="setting", values="loss", sort=False)
    seconds = runs.pivot_table(index=where, columns="setting", values="fit s", sort=False)
    better = losses[TREES].min(axis=1, skipna=False)
    is_small = losses.index.get_level_values("n_train") <= 1000
    rows = {}
    for name in [name for name in SETTINGS if name in losses]:
        ratios = losses[name] / better
        row = {
            "small": _geometric_mean(ratios[is_small]),
            "large": _geometric_mean(ratios[~is_small]),
            "all": _geometric_mean(ratios),
            "splits": int(ratios.notna().sum()),
            "seconds": _geometric_mean(seconds[name]),
        }
        if "default" in losses:
            row["to default"] = _geometric_mean(losses[name] / losses["default"])
        rows[name] = row
    return pd.DataFrame(rows).T


def report(runs: pd.DataFrame) -> str:
    """Write the summary as Markdown.

    Parameters
    ----------
    runs : DataFrame

    Returns
    -------
    text : str
    """
    table = summary(runs)
    header = ["setting", "arguments", *table.columns]
    rows = []
    for name, row in table.iterrows():
        changes = ", ".join(f"{key}={value}" for key, value in SETTINGS[str(name)].items())
        cells = [f"{row[c]:.0f}" if c == "splits" else f"{row[c]:.3f}" for c in table.columns]
        rows.append([name, f"`{changes}`" if changes else "", *cells])
    about = (
        "Loss over that of the better of the trees stopped early, geometric means over tables and\n"
        "splits, of up to 1,000 training rows (small) and of more (large); seconds of the\n"
        "processor for a fit, on one thread, geometric means."
    )
    machine = f"Machine and versions: {listed(environment(more=VERSIONS))}."
    parts = ["# Settings on tables", machine, about, markdown(header, rows)]
    return "\n\n".join(parts) + "\n"


def _geometric_mean(values: pd.Series) -> float:
    """Give the geometric mean of those that are there; NaN where none is."""
    return float(np.exp(np.log(values.dropna()).mean()))


if __name__ == "__main__":
    main()
