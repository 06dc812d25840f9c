"""The table of the snapshot paper on images: one training against many, at one budget.

Run ``python benchmarks/cifar.py --data cifar10-jpeg.tar.xz`` for what a CPU can do, and with
``--full --device cuda`` for the nets and epochs of the papers. Each training is a line of JSON in
the output; trainings that are there are not made again, so a study can be broken off and go on.
``--report`` writes the tables from them; ``--quick`` is a smoke run of seconds whose numbers mean
nothing. What is measured, and why so, stands in ``README.md``.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from _cifar_problems import FULL, QUICK, SMALL, Problem, cut, trainings
from _cifar_report import markdown
from _cifar_runs import Study
from threadpoolctl import threadpool_limits

from skensemble import datasets

READERS = {"images": "load_image_folder", "cifar10": "load_cifar10", "cifar100": "load_cifar100"}
"""What `--data` may be: names in `skensemble.datasets`."""


def main(argv: Sequence[str] | None = None) -> None:
    """Make the trainings that are missing, and write the tables of those that are there."""
    arguments = parse_arguments(argv)
    studies = [Study(problem, arguments.output) for problem in problems_of(arguments)]
    if not arguments.report:
        make_missing(studies, arguments)
    for study in studies:
        if study.runs:
            study.table.write_text(markdown(study.runs, study.problem))
            print(f"\n{study.table.read_text()}")


def make_missing(studies: Sequence[Study], arguments: argparse.Namespace) -> None:
    """Make the trainings that are missing: all nets of a seed before the next seed."""
    tasks = [
        (seed, study, name)
        for study in studies
        for seed, name in study.missing(arguments.seeds, arguments.trainings)
    ]
    if not tasks:
        return
    if arguments.device == "cpu":
        torch.set_num_threads(1)
    read = getattr(datasets, READERS[arguments.reader])
    data = read(arguments.data, cache=arguments.cache)
    images = {study: cut(data, study.problem) for study in studies}
    # NumPy's and SciPy's linear algebra has threads of its own.
    with threadpool_limits(1):
        for seed, study, name in sorted(tasks, key=lambda task: task[0]):
            run = study.make(seed, name, images[study])
            print(f"{study.problem.net}, seed {seed}, {name}: {_outline(run)}", flush=True)


def _outline(run: dict[str, Any]) -> str:
    mean = run["last"][-1]
    return f"{run['fit s']:.3g} s, error {mean['error %']:.2f} %, NLL {mean['NLL']:.4f}"


def problems_of(arguments: argparse.Namespace) -> list[Problem]:
    """Give the problems that are asked for, on their device."""
    chosen = FULL if arguments.full else (QUICK if arguments.quick else SMALL,)
    if arguments.nets:
        chosen = tuple(problem for problem in chosen if problem.net in arguments.nets)
    place = {"device": arguments.device, "precision": arguments.precision}
    return [replace(problem, **place) for problem in chosen]


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="PATH", help="the images, as --reader has it")
    parser.add_argument("--reader", choices=READERS, default="images", help="what PATH is")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where decoded images are kept")
    parser.add_argument("--full", action="store_true", help="the papers' nets, images and epochs")
    parser.add_argument("--nets", nargs="+", metavar="NET", help="of --full, only these")
    parser.add_argument("--trainings", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--seeds", type=int, help="seeds of each training (3; 1 with --quick)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    parser.add_argument("--precision", default="float32", help="float32, or bf16 on a GPU")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where cifar_* go (results/ beside this file)"
    )
    parser.add_argument("--report", action="store_true", help="only write the tables")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    arguments = parser.parse_args(argv)
    if arguments.seeds is None:
        arguments.seeds = 1 if arguments.quick else 3
    check_arguments(parser, arguments)
    if arguments.output is None:
        arguments.output = Path(__file__).parent / "results"
    return arguments


def check_arguments(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse what cannot be, before anything is read."""
    if arguments.seeds < 1:
        parser.error(f"--seeds must be an int >= 1, got {arguments.seeds}.")
    if arguments.full and arguments.quick:
        parser.error("--full and --quick exclude each other.")
    if arguments.quick and arguments.output is None:
        parser.error("--output must be a folder with --quick: its numbers mean nothing.")
    names = [problem.net for problem in FULL]
    for name in arguments.nets or ():
        if not arguments.full or name not in names:
            parser.error(f"--nets must be some of {names}, with --full, got {name!r}.")
    chosen = FULL if arguments.full else (SMALL,)
    known = list(dict.fromkeys(name for problem in chosen for name in trainings(problem)))
    for name in arguments.trainings or ():
        if name not in known:
            parser.error(f"--trainings must be some of {known}, got {name!r}.")
    if not arguments.report and (arguments.data is None or not arguments.data.exists()):
        parser.error(f"--data must be a file or folder of images, got {arguments.data}.")


if __name__ == "__main__":
    sys.exit(main())
