"""Are we good on tables? Run ``python benchmarks/tables.py --data DIR``.

The ensemble for tables beside trees, CatBoost, scikit-learn's MLP and the plain snapshot ensemble,
each on one thread and in a process of its own. Every run is a line of JSON in the output; runs
that are there already are not made again, so that a study can be broken off and go on. ``--report``
writes the tables and the figure from them; what is compared stands in ``README.md``.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

# Read when the linear algebra libraries load, so it must come before them.
os.environ["OMP_NUM_THREADS"] = "1"

import pandas as pd
from _table_competitors import BY_DEFAULT, METHODS
from _table_figure import draw
from _table_report import CHOSEN_ON, OTHERS, report
from _table_runs import Runs, measure, splits_of, warm_up
from _tables import read_table, training_rows

KEYS = ["table", "size", "seed", "method"]

QUICK = {"tables": ["german", "wine"], "seeds": [0], "size": 300}


def main(argv: Sequence[str] | None = None) -> None:
    """Make the runs that are missing, or write the report of those that are there."""
    arguments = parse_arguments(argv)
    runs = Runs(arguments.output / "tables.jsonl", KEYS)
    if not arguments.report:
        make_runs(arguments, runs)
    if arguments.report or arguments.quick:
        write_report(runs.table(), arguments)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = Path(__file__).parent / "results"
    parser.add_argument("--data", type=Path, help="folder of the csv.xz files and of tables/")
    parser.add_argument("--tables", nargs="+", default=CHOSEN_ON + OTHERS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--size", type=int, default=10_000, help="training rows at most")
    parser.add_argument("--methods", nargs="+", default=BY_DEFAULT, metavar="METHOD")
    parser.add_argument("--shard", default="1/1", help="i/n: the ith of n parts of the tables")
    parser.add_argument("--output", type=Path, default=folder, metavar="DIR")
    parser.add_argument("--report", action="store_true", help="only write the report")
    parser.add_argument("--quick", action="store_true", help="two tables, one split, few rows")
    arguments = parser.parse_args(argv)
    if arguments.quick:
        vars(arguments).update(QUICK)
    arguments.shard = read_shard(parser, arguments.shard)
    check_arguments(parser, arguments)
    return arguments


def read_shard(parser: argparse.ArgumentParser, text: str) -> tuple[int, int]:
    """Read "i/n" as two counts, the first not above the second."""
    part, _, n_parts = text.partition("/")
    if not (part.isdecimal() and n_parts.isdecimal() and 1 <= int(part) <= int(n_parts)):
        parser.error(f"--shard must be i/n with 1 <= i <= n, got {text}.")
    return int(part), int(n_parts)


def check_arguments(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse what cannot be run, before anything is measured."""
    for name in arguments.methods:
        if name not in METHODS:
            parser.error(f"--methods must be among {list(METHODS)}, got {name!r}.")
    if arguments.size < 1:
        parser.error(f"--size must be an int >= 1, got {arguments.size}.")
    if arguments.quick and arguments.output == parser.get_default("output"):
        parser.error("--quick must have an --output of its own.")
    if not arguments.report and (arguments.data is None or not arguments.data.is_dir()):
        parser.error(f"--data must be the folder of the tables, got {arguments.data}.")


def make_runs(arguments: argparse.Namespace, runs: Runs) -> None:
    """Append what is missing, table by table."""
    for name in arguments.methods:
        if not METHODS[name].is_installed:
            print(f"{name} is left out: {METHODS[name].package} is not installed.")
    methods = [name for name in arguments.methods if METHODS[name].is_installed]
    warm_up()
    part, n_parts = arguments.shard
    for table in arguments.tables[part - 1 :: n_parts]:
        for seed in arguments.seeds:
            keys = {"table": table, "size": arguments.size, "seed": seed}
            missing = [name for name in methods if runs.lacks({**keys, "method": name})]
            if missing:
                make_runs_of_split(arguments, runs, keys, missing)


def make_runs_of_split(
    arguments: argparse.Namespace, runs: Runs, keys: dict, methods: list[str]
) -> None:
    """Append the runs of some methods on one split."""
    table = read_table(arguments.data, keys["table"])
    (n_train,) = training_rows(table, [arguments.size])
    splits = splits_of(arguments.data, keys["table"], n_train, keys["seed"])
    for name in methods:
        method = METHODS[name]
        numbers = measure(method, splits[method.rows], table.task, keys["seed"])
        known = {**keys, "method": name, "task": table.task, "n_train": n_train}
        runs.add({**known, **numbers})
        print(*keys.values(), name, numbers, flush=True)


def write_report(runs: pd.DataFrame, arguments: argparse.Namespace) -> None:
    """Write the tables as Markdown and the figure, and print the tables."""
    runs = runs[runs["size"] == arguments.size]
    text = report(runs)
    (arguments.output / "tables.md").write_text(text)
    draw(runs, arguments.output / "tables.svg")
    print(text)


if __name__ == "__main__":
    main()
