"""Which method when: all of them beside each other, for the same budget of training.

Run ``python benchmarks/compare_methods.py --data letter letter_no_decay california digits``.
Each run is a line of JSON in the output; runs that are there are not made again, so a study can be
broken off and go on. ``--report`` writes the tables from them; ``--quick`` is a smoke run of
seconds whose numbers mean nothing. What is measured, and why so, stands in ``README.md``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from _comparison_data import FILES, LOADERS
from _comparison_report import markdown
from _comparison_runs import Study, append, make_runs, missing, read_runs
from _comparison_summary import summary
from _methods import TABULAR


def main(argv: Sequence[str] | None = None) -> None:
    """Make the runs that are missing, and write the tables of those that are there."""
    arguments = parse_arguments(argv)
    studies = [
        Study(data, arguments.path, arguments.epochs, arguments.quick) for data in arguments.data
    ]
    runs = {s: read_runs(arguments.output, s) if arguments.output else [] for s in studies}
    lists = [missing(s, runs[s], arguments.seeds, arguments.methods) for s in studies]
    # Seed by seed, so that what is broken off has all data; the longest fits come last.
    tasks = [task for tasks in lists for task in tasks]
    tasks.sort(key=lambda task: (task[2] == TABULAR, task[1]))
    tasks = [] if arguments.report else tasks
    for study, run in make_runs(tasks, arguments.jobs):
        runs[study].append(run)
        print(
            f"{study.data}, seed {run['seed']}, {run['method']}: {run['fit s']:.3g} s", flush=True
        )
        if arguments.output:
            append(arguments.output, study, run)
    for study in studies:
        if not runs[study]:
            continue
        order = list(study.methods())
        runs[study].sort(key=lambda run, order=order: order.index(run["method"]))
        table = markdown(runs[study], order)
        print(f"\n{table}")
        if arguments.output:
            (arguments.output / f"methods_{study.data}.md").write_text(table)
    if len(studies) > 1:
        table = summary({study.data: found for study, found in runs.items()})
        print(f"\n{table}")
        if arguments.output:
            (arguments.output / "methods.md").write_text(table)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=LOADERS, nargs="+", required=True, help="what to learn")
    parser.add_argument(
        "--path", type=Path, default="../shared/data", metavar="DIR", help="folder of the csv.xz"
    )
    parser.add_argument("--methods", nargs="+", metavar="ROW", help="only these rows")
    parser.add_argument("--seeds", type=int, help="seeds of each method (3; 1 with --quick)")
    parser.add_argument("--epochs", type=int, help="budget of each method (60; 4 with --quick)")
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where methods_DATA.* go (results/ beside this file; nowhere with --quick)",
    )
    parser.add_argument("--report", action="store_true", help="only write the tables")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    arguments = parser.parse_args(argv)
    if arguments.seeds is None:
        arguments.seeds = 1 if arguments.quick else 3
    check_arguments(parser, arguments)
    if arguments.output is None and not arguments.quick:
        arguments.output = Path(__file__).parent / "results"
    return arguments


def check_arguments(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse counts below 1 and a folder without the data, before anything is measured."""
    for name in ("seeds", "epochs", "jobs"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            parser.error(f"--{name} must be an int >= 1, got {value}.")
    for file in {FILES[data] for data in arguments.data if data in FILES}:
        if not (arguments.path / file).is_file():
            parser.error(f"--path must be a folder with {file} in it, got {arguments.path}.")


if __name__ == "__main__":
    main()
