"""Searches in lock-step beside the same fits made one by one, in one run on one machine.

Run ``python benchmarks/search.py``; ``--quick`` is a smoke run of seconds whose numbers mean
nothing. What is measured, and why so, stands in ``benchmarks/README.md``.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from _comparison_data import FILES
from _report import compare, in_seconds, ratios, round_robin
from _search_competitors import OURS, Race, blobs_race, letter_race, short_race
from _search_report import Line, Steps, markdown, steps_table, write_steps
from _search_report import write as write_report
from _search_steps import measure_steps
from threadpoolctl import threadpool_limits

TARGETS = {
    "blobs": {
        "hand-written loop": 20.0,
        "GridSearchCV of skorch": 40.0,
        "GridSearchCV of MLPClassifier": 10.0,
    },
    "short blobs": {"GridSearchCV of the ensemble, n_jobs=1": 4.0},
    "letter": {"GridSearchCV of the ensemble, n_jobs=1": 1.0},
}
"""How many times as long the others should take, by race."""

Raw = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure everything, print the tables, and write them with the raw numbers."""
    arguments = parse_arguments(argv)
    raw: Raw = {}
    lines = []
    torch.set_num_threads(1)
    if arguments.only == "steps":
        only_steps(arguments)
        return
    # MLPClassifier's threads are those of NumPy's BLAS.
    with threadpool_limits(1):
        for line in compare_searches(arguments, raw):
            lines.append(line)
            c = line.comparison
            print(f"{c.what}: {c.name} {c.value:.3g}", flush=True)
        steps = measure_all_steps(arguments)
    settings = {
        "repeats": arguments.repeats,
        "quick": arguments.quick,
        "threads": 1,
        "seconds of others": "those measured, times all fits over measured fits",
    }
    print(markdown(settings, lines, steps))
    if arguments.output:
        write_report(arguments.output, settings, raw, lines, steps)


def only_steps(arguments: argparse.Namespace) -> None:
    """Time steps on the device that was asked for alone, and write `steps.json` where asked to."""
    with threadpool_limits(1):
        steps = measure_steps(arguments.repeats, quick=arguments.quick, device=arguments.device)
    print(steps_table(steps))
    if arguments.output:
        write_steps(arguments.output, arguments.device, steps)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, help="rounds that count (3; 1 with --quick)")
    parser.add_argument(
        "--path", type=Path, default="../shared/data", metavar="DIR", help="folder of the csv.xz"
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="where steps are timed too"
    )
    parser.add_argument(
        "--only", choices=("steps",), help="time steps on --device, and nothing else"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where search.json and search.md go (results/ beside this file; nowhere with --quick);"
        " with --only steps where steps.json goes (nowhere)",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    arguments = parser.parse_args(argv)
    if arguments.repeats is None:
        arguments.repeats = 1 if arguments.quick else 3
    if arguments.repeats < 1:
        parser.error(f"--repeats must be an int >= 1, got {arguments.repeats}.")
    if arguments.only:
        if arguments.device == "cuda" and not torch.cuda.is_available():
            parser.error("--device must be cpu: torch sees no CUDA device.")
        return arguments
    if not arguments.quick and not (arguments.path / FILES["letter"]).is_file():
        parser.error(f"--path must be a folder with {FILES['letter']} in it, got {arguments.path}.")
    if arguments.output is None and not arguments.quick:
        arguments.output = Path(__file__).parent / "results"
    return arguments


def compare_searches(arguments: argparse.Namespace, raw: Raw) -> Iterator[Line]:
    """Give one comparison after the other, and leave the raw numbers in `raw`."""
    yield from compare_race(blobs_race(quick=arguments.quick), arguments.repeats, raw)
    yield from compare_race(short_race(quick=arguments.quick), arguments.repeats, raw)
    race = letter_race(arguments.path, quick=arguments.quick)
    yield from compare_race(race, arguments.repeats, raw)


def compare_race(race: Race, repeats: int, raw: Raw) -> Iterator[Line]:
    """Set each other search against ours, for as many fits."""
    seconds = round_robin(race.searches, repeats)
    groups = race.reports[-1].groups
    raw[race.name] = {"seconds": seconds, "measured fits": race.measured, "groups": groups}
    for name in [name for name in seconds if name != OURS]:
        scale = race.n_fits / race.measured[name]
        other = [scale * value for value in seconds[name]]
        target = TARGETS.get(race.name, {}).get(name)
        comparison = compare(
            f"{race.name}, {race.n_fits} fits",
            f"{name} / ours",
            ratios(other, seconds[OURS]),
            ours=in_seconds(seconds[OURS]),
            other=in_seconds(other),
            relation="" if target is None else ">=",
            target=target,
        )
        yield Line(comparison, race.measured[name], race.n_fits)


def measure_all_steps(arguments: argparse.Namespace) -> Steps:
    """Time steps on the CPU, and on another device that was asked for and is there."""
    steps = measure_steps(arguments.repeats, quick=arguments.quick)
    if arguments.device == "cuda" and torch.cuda.is_available():
        steps |= measure_steps(arguments.repeats, quick=arguments.quick, device="cuda")
    elif arguments.device == "cuda":
        print("--device cuda: there is no CUDA device, so its rows are left out.")
    return steps


if __name__ == "__main__":
    main()
