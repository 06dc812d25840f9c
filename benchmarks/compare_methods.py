"""Which method when: all of them beside each other, for the same budget of training.

Run ``python benchmarks/compare_methods.py --data letter``, ``digits`` or ``california``;
``--quick`` is a smoke run of seconds whose numbers mean nothing. What is measured, and why so,
stands in ``benchmarks/README.md``.
"""

import argparse
import gc
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
import torch
from _comparison_data import FILES, LOADERS, Problem
from _methods import BASELINE, Method, methods
from _report import environment, listed
from _scores import score, usage
from threadpoolctl import threadpool_limits

MEANS = {"error %": ".2f", "RMSE": ",.0f", "NLL": ".4f", "ECE": ".4f", "calibration": ".4f"}
"""Columns of scores: mean and standard deviation over the seeds, and how they are written."""

COSTS = {
    "training": ".3g",
    "fit s": ".3g",
    "fit ratio": ".2f",
    "predict s": ".2g",
    "passes": ".0f",
    "memory": ".1f",
}
"""Columns of costs: median over the seeds."""

HEADINGS = {
    "error %": "error (%)",
    "calibration": "calibration error",
    "training": "training (nets)",
    "fit s": "fit (s)",
    "fit ratio": "fit (single nets)",
    "predict s": "predict (s)",
    "passes": "forward passes",
    "memory": "memory (nets)",
}

Run = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure all methods seed by seed, print the table, and write it with the raw numbers."""
    arguments = parse_arguments(argv)
    problem = load(arguments)
    settings = {**problem.settings(), "quick": arguments.quick}
    report: dict[str, Any] = {"settings": settings, "machine": environment(), "runs": []}
    torch.set_num_threads(1)
    # NumPy's and SciPy's linear algebra has threads of its own.
    with threadpool_limits(1):
        warm_up(problem)
        for seed in range(arguments.seeds):
            report["runs"] += measure_seed(problem, seed)
            settings["seeds"] = seed + 1
            report["summary"] = summarise(report["runs"])
            # Whatever is interrupted later has these seeds.
            if arguments.output:
                write(arguments.output, report)
    print(f"\n{markdown(report)}")


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=LOADERS, required=True, help="what to learn")
    parser.add_argument(
        "--path", type=Path, default="../shared/data", metavar="DIR", help="folder of the csv.xz"
    )
    parser.add_argument("--seeds", type=int, help="seeds of each method (5; 1 with --quick)")
    parser.add_argument("--epochs", type=int, help="budget of each method (60; 4 with --quick)")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where methods_DATA.json and .md go (results/ beside this file; nowhere with --quick)",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    arguments = parser.parse_args(argv)
    if arguments.seeds is None:
        arguments.seeds = 1 if arguments.quick else 5
    check_arguments(parser, arguments)
    if arguments.output is None and not arguments.quick:
        arguments.output = Path(__file__).parent / "results"
    return arguments


def check_arguments(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse counts below 1 and a folder without the data, before anything is measured."""
    for name in ("seeds", "epochs"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            parser.error(f"--{name} must be an int >= 1, got {value}.")
    file = arguments.path / FILES.get(arguments.data, "")
    if arguments.data in FILES and not file.is_file():
        parser.error(f"--path must be a folder with {file.name} in it, got {arguments.path}.")


def load(arguments: argparse.Namespace) -> Problem:
    """Load the data; a quick run has few epochs, and so few cycles and nets."""
    problem = LOADERS[arguments.data](arguments.path)
    if arguments.quick:
        problem = replace(problem, epochs=4, M=2, k=2)
    problem = replace(problem, epochs=arguments.epochs or problem.epochs)
    if problem.epochs < problem.k:
        sys.exit(f"--epochs must be >= {problem.k}, one for each net, got {problem.epochs}.")
    return problem


def warm_up(problem: Problem) -> None:
    """Fit once without looking at the clock: a first fit imports and allocates more than others."""
    single, *_ = methods(replace(problem, epochs=1))
    single.build(replace(problem, epochs=1), seed=0).fit(problem.train.X, problem.train.y)


def measure_seed(problem: Problem, seed: int) -> Iterator[Run]:
    """Fit and score every method with a seed, and set its costs against those of one net."""
    single: Run = {}
    for method in methods(problem):
        run = measure(method, problem, seed)
        single = single or run
        run["training"] = run["steps"] / single["steps"]
        run["fit ratio"] = run["fit s"] / single["fit s"]
        run["memory"] = run["bytes"] / single["bytes"]
        scores = listed({name: f"{run[name]:.4g}" for name in MEANS if name in run})
        n_warnings = f", {len(run['warnings'])} warnings" if run["warnings"] else ""
        print(
            f"seed {seed}, {method.name}: {scores}, fit {run['fit s']:.3g} s{n_warnings}",
            flush=True,
        )
        yield run


def measure(method: Method, problem: Problem, seed: int) -> Run:
    """Fit a method once; collect its scores, its costs and what it warned of."""
    model = method.build(problem, seed)
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begun = perf_counter()
        model.fit(problem.train.X, problem.train.y)
        seconds = perf_counter() - begun
    return {
        "seed": seed,
        "method": method.name,
        "class": type(model).__name__,
        **score(model, problem),
        "fit s": seconds,
        "steps": int(model.n_steps_),
        **usage(model, problem),
        "warnings": [str(warning.message) for warning in caught],
    }


def summarise(runs: list[Run]) -> dict[str, Run]:
    """Sum up the seeds of each method: means and deviations of scores, medians of costs."""
    summary = {}
    for name, rows in pd.DataFrame(runs).groupby("method", sort=False):
        scores = rows[[column for column in MEANS if column in rows]]
        summary[name] = {
            "mean": scores.mean().to_dict(),
            # Unknown from a single seed.
            "standard deviation": scores.std().to_dict() if len(rows) > 1 else {},
            "median": rows[list(COSTS)].median().to_dict(),
        }
    return summary


def markdown(report: dict[str, Any]) -> str:
    """Write the report as a table, with settings and machine above it and warnings below."""
    summary = report["summary"]
    names = [*summary[BASELINE]["mean"], *COSTS]
    header = ["method", *(HEADINGS.get(name, name) for name in names)]
    rows = [[method, *_cells(values)] for method, values in summary.items()]
    lines = [
        f"# Methods on {report['settings']['data']}",
        "",
        f"Settings: {listed(report['settings'])}.",
        f"Machine and versions: {listed(report['machine'])}.",
        "",
        *(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)),
        "",
        *_warnings(report["runs"]),
    ]
    return "\n".join(lines)


def _cells(values: Run) -> Iterator[str]:
    deviations = values["standard deviation"]
    for name, mean in values["mean"].items():
        deviation = f" ± {deviations[name]:{MEANS[name]}}" if deviations else ""
        yield f"{mean:{MEANS[name]}}{deviation}"
    for name, form in COSTS.items():
        yield f"{values['median'][name]:{form}}"


def _warnings(runs: list[Run]) -> list[str]:
    """Write each method's first warning, and how many there were."""
    texts: dict[str, list[str]] = {}
    for run in runs:
        texts.setdefault(run["method"], []).extend(run["warnings"])
    lines = [f"- {name}, {len(found)} in all: {found[0]}" for name, found in texts.items() if found]
    return ["Warnings of the fits:", "", *lines, ""] if lines else []


def write(folder: Path, report: dict[str, Any]) -> None:
    """Write the raw numbers so far as JSON and their table as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"methods_{report['settings']['data']}"
    (folder / f"{stem}.json").write_text(json.dumps(report, indent=1) + "\n")
    (folder / f"{stem}.md").write_text(markdown(report))


if __name__ == "__main__":
    main()
