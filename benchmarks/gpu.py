"""What training on a GPU costs, beside plain torch, skorch and torchensemble.

Run ``python benchmarks/gpu.py --data cifar10-jpeg.tar.xz``. Cells run by importance until the time
is up, in a process that is ended if it hangs; raw numbers are written after each. Those that are
there of the same code and card are not measured again.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from _gpu_report import goals
from _gpu_results import Results
from _gpu_table import Cell, table
from _gpu_watch import Worker

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "gpu"
START_SECONDS = 90.0
RESERVE_SECONDS = 3.0
"""To end what hangs, and for the last tables."""

DECODE = """
import sys
from skensemble.datasets import load_image_folder
load_image_folder(sys.argv[1], cache=sys.argv[2])
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what fits into the budget, print it, and write the raw numbers.

    Returns
    -------
    status : int
        1 where there is no such device, else 0.
    """
    until = perf_counter() - RESERVE_SECONDS
    arguments = parse_arguments(argv)
    until += arguments.budget
    # A call that is told to end leaves no process behind.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with tempfile.TemporaryDirectory() as folder:
            worker = Worker(worker_command(arguments), Path(folder))
            try:
                return run(arguments, worker, until)
            finally:
                worker.stop()
    finally:
        signal.signal(signal.SIGTERM, before)


def run(arguments: argparse.Namespace, worker: Worker, until: float) -> int:
    """Run what was asked for, and give the status of the whole."""
    machine = worker.start(min(START_SECONDS, until - perf_counter()))
    if "failed" in machine:
        print(f"Nothing to measure on {arguments.device}: {machine['failed']}.")
        print(machine.get("log", ""), end="")
        return 1
    print(f"{machine['card']}, torch {machine['torch']}", flush=True)
    if arguments.check:
        return 0
    results = Results(arguments.output, machine, quick=arguments.quick)
    for earlier in [] if arguments.again else [RESULTS, arguments.output]:
        if earlier is not None:
            results.take(earlier)
    cells = chosen(arguments)
    decoder = start_decoding(arguments, cells, results)
    try:
        measure(worker, decoder, cells, results, until)
    finally:
        if decoder is not None:
            decoder.kill()
            decoder.wait()
    results.write()
    print_goals(results)
    return 0


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--budget", type=float, default=470, help="seconds, all in all (470)")
    parser.add_argument("--data", type=Path, metavar="TAR", help="images, train/CLASS/NNNN.jpg")
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="of decoded images (one for temporary files)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where gpu.json and gpu.md go; with a GPU results/gpu beside this file",
    )
    parser.add_argument("--only", nargs="+", metavar="TEXT", help="cells with this in their names")
    parser.add_argument("--again", action="store_true", help="measure also what is there")
    parser.add_argument("--check", action="store_true", help="see whether there is a device")
    parser.add_argument("--list", action="store_true", help="print the names of the cells")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    arguments = parser.parse_args(argv)
    if arguments.budget <= RESERVE_SECONDS:
        parser.error(f"--budget must be seconds > {RESERVE_SECONDS:g}, got {arguments.budget:g}.")
    if arguments.data is not None and not arguments.data.exists():
        parser.error(f"--data must be an archive or a folder of images, got {arguments.data}.")
    if not chosen(arguments):
        parser.error(f"--only must be a part of a name of --list, got {arguments.only}.")
    if arguments.list:
        print(*(cell.name for cell in chosen(arguments)), sep="\n")
        parser.exit()
    if arguments.output is None and not arguments.quick and arguments.device != "cpu":
        arguments.output = RESULTS
    if arguments.cache is None:
        arguments.cache = Path(tempfile.gettempdir()) / "skensemble_images"
    return arguments


def chosen(arguments: argparse.Namespace) -> list[Cell]:
    """Give the cells that are asked for."""
    device = arguments.device.split(":")[0]
    cells = table(device, quick=arguments.quick)
    if arguments.only is None:
        return cells
    return [cell for cell in cells if any(text in cell.name for text in arguments.only)]


def worker_command(arguments: argparse.Namespace) -> list[str]:
    """Give the command of the process that cells run in."""
    command = [sys.executable, str(HERE / "_gpu_worker.py"), "--device", arguments.device]
    command += ["--cache", str(arguments.cache)]
    command += ["--quick"] if arguments.quick else []
    return command + (["--data", str(arguments.data)] if arguments.data else [])


def start_decoding(
    arguments: argparse.Namespace, cells: list[Cell], results: Results
) -> subprocess.Popen[bytes] | None:
    """Decode the images while other cells run, if one that needs them is to be measured."""
    wanted = any(cell.needs_images and not results.has(cell.name) for cell in cells)
    if arguments.data is None or not wanted:
        return None
    arguments.cache.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", DECODE, str(arguments.data), str(arguments.cache)]
    )


def measure(
    worker: Worker,
    decoder: subprocess.Popen[bytes] | None,
    cells: list[Cell],
    results: Results,
    until: float,
) -> None:
    """Measure one cell after the other; those that do not fit into what time is left are named."""
    for cell in cells:
        if results.has(cell.name):
            print(f"{cell.name}: there already", flush=True)
            continue
        record = images_missing(cell, decoder, until) if cell.needs_images else None
        left = until - perf_counter()
        if record is None and left < cell.takes:
            record = {"failed": f"no time left: it takes some {cell.takes:g} s of {left:.0f}"}
        if record is None:
            record = worker.ask(cell.task, min(cell.at_most, left))
        results.note(cell.name, record)
        print(f"{cell.name}: {shown(record)}", flush=True)


def images_missing(
    cell: Cell, decoder: subprocess.Popen[bytes] | None, until: float
) -> dict[str, Any] | None:
    """Wait for the images, and say why there are none."""
    if decoder is None:
        return {"failed": "no --data"}
    while decoder.poll() is None and perf_counter() < until - cell.takes:
        sleep(0.05)
    if decoder.poll() is None:
        return {"failed": "no time left: the images are not decoded yet"}
    if decoder.returncode:
        return {"failed": f"the images could not be decoded: status {decoder.returncode}"}
    return None


def shown(record: dict[str, Any]) -> str:
    """Write what came of a cell on a line."""
    text = str(record["found"]) if "found" in record else f"FAILED {record['failed']}"
    return f"{' '.join(text.split())[:300]} ({record.get('seconds', 0):.1f} s)"


def print_goals(results: Results) -> None:
    """Print the ratios that were aimed at."""
    for line in goals(results.cells, quick=results.stamp["quick"]):
        reached = {None: "not measured", True: "reached", False: "NOT REACHED"}[line["reached"]]
        print(f"{line['what']}: {line['value']} (goal {line['goal']}): {reached}")


if __name__ == "__main__":
    sys.exit(main())
