"""Put faults into the package, one at a time, and see whether the mirror test turns red.

Run ``make mutants``, or ``python mutants/run.py --help``. See README.md beside this file.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue

from faults import FAULTS
from operators import mutations
from survivors import REASONS
from worker import Worker

HERE = Path(__file__).parent
ROOT = HERE.parent

SAMPLED = (
    "averaging.py",
    "data/_targets.py",
    "ensembles/_held_out.py",
    "lockstep/_compatibility.py",
    "lockstep/_half_linear.py",
    "lockstep/_loop.py",
    "lockstep/_net_optimizer.py",
    "lockstep/_populations.py",
    "lockstep/_shared_training.py",
    "lockstep/_stacked_adam.py",
    "lockstep/_stacked_batches.py",
    "lockstep/_stacked_clipping.py",
    "lockstep/_stacked_sgd.py",
    "members/_predictor.py",
    "members/_states.py",
    "members/_template.py",
    "nets/_epoch.py",
    "nets/_loss.py",
    "nets/gradients/_adam.py",
    "nets/gradients/_bf16.py",
    "nets/gradients/_clipping.py",
    "nets/gradients/_fused_step.py",
    "nets/gradients/_losses.py",
    "nets/gradients/_mlp.py",
    "nets/gradients/_sgd.py",
    "schedules/_cycles.py",
    "schedules/_cyclic.py",
    "schedules/_decay.py",
    "schedules/_sampling.py",
    "schedules/_stages.py",
    "seeding.py",
    "training/_batch_norm.py",
    "training/_course.py",
    "training/_steps.py",
    "training/_trace.py",
    "training/_train.py",
)
"""Modules whose logic and arithmetic is sampled."""


@dataclass(frozen=True)
class Mutant:
    """A change of one module.

    Attributes
    ----------
    name : str
        The module, the line and column, and what was changed.
    module : str
        Path in the package.
    kind : {"fault", "sampled"}
    source : str
        The whole module with the change.
    """

    name: str
    module: str
    kind: str
    source: str


@dataclass(frozen=True)
class Result:
    """What became of a mutant."""

    name: str
    kind: str
    outcome: str
    seconds: float


def main(argv: Sequence[str] | None = None) -> None:
    """Run the mutants, print who survived, and write the raw result."""
    arguments = parse_arguments(argv)
    mutants = [m for m in all_mutants(arguments) if m.module.startswith(arguments.only)]
    modules = sorted({mutant.module for mutant in mutants})
    print(f"{len(mutants)} mutants of {len(modules)} modules", flush=True)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        free: SimpleQueue[Worker] = SimpleQueue()
        for k in range(arguments.jobs):
            free.put(Worker(ROOT, Path(folder) / str(k)))

        def usual_seconds(module: str) -> float:
            with taken(free) as worker:
                return worker.usual_seconds(mirror_of(module))

        def run(mutant: Mutant) -> Result:
            with taken(free) as worker:
                return run_mutant(worker, mutant, usual[mutant.module])

        # The threads only wait: each mutant runs in a process of its own.
        with ThreadPoolExecutor(arguments.jobs) as pool:
            usual = dict(zip(modules, pool.map(usual_seconds, modules), strict=True))
            results = list(pool.map(run, mutants))
    report(results, time.perf_counter() - begun)
    is_part = arguments.only or arguments.faults or arguments.all or arguments.number != 300
    if not is_part:
        write(results, arguments.seed, time.perf_counter() - begun)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="PATH", help="modules that begin so")
    parser.add_argument("--faults", action="store_true", help="those written by hand alone")
    parser.add_argument("--all", action="store_true", help="every sampled place, not 300 of them")
    parser.add_argument("--number", type=int, default=300, help="size of the sample")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    return parser.parse_args(argv)


def all_mutants(arguments: argparse.Namespace) -> Iterator[Mutant]:
    """Yield the faults, then the sample."""
    for fault in FAULTS:
        source = (ROOT / "skensemble" / fault.module).read_text()
        name = f"{fault.module}: {fault.what}"
        yield Mutant(name, fault.module, "fault", source.replace(fault.old, fault.new))
    if arguments.faults:
        return
    places = [mutant for module in SAMPLED for mutant in places_of(module)]
    number = len(places) if arguments.all else min(arguments.number, len(places))
    yield from random.Random(arguments.seed).sample(places, number)


def places_of(module: str) -> Iterator[Mutant]:
    """Yield all that can be changed in a module."""
    source = (ROOT / "skensemble" / module).read_text()
    for m in mutations(source):
        name = f"{module}:{m.line}:{m.column}: {m.before} -> {m.after}"
        yield Mutant(name, module, "sampled", m.source)


def mirror_of(module: str) -> str:
    """Return the test file of a module."""
    path = Path(module)
    return str(Path("tests") / path.parent / f"test_{path.stem.removeprefix('_')}.py")


@contextmanager
def taken(free: "SimpleQueue[Worker]") -> Iterator[Worker]:
    """Take a worker that is free, and give it back."""
    worker = free.get()
    try:
        yield worker
    finally:
        free.put(worker)


def run_mutant(worker: Worker, mutant: Mutant, usual_seconds: float) -> Result:
    """Run the mirror test on a mutant."""
    begun = time.perf_counter()
    timeout = 20 + 3 * usual_seconds
    with worker.changed(mutant.module, mutant.source):
        status = worker.run_tests(mirror_of(mutant.module), timeout)
    outcome = {0: "survived", None: "killed: ran on and on"}.get(status, "killed")
    if outcome == "survived":
        print(f"SURVIVED {mutant.name}", flush=True)
    return Result(mutant.name, mutant.kind, outcome, round(time.perf_counter() - begun, 2))


def report(results: Sequence[Result], seconds: float) -> None:
    """Print how many were killed, and who was not."""
    for kind in ("fault", "sampled"):
        own = [result for result in results if result.kind == kind]
        killed = sum(result.outcome != "survived" for result in own)
        if own:
            print(f"{kind}: {killed} of {len(own)} killed ({100 * killed / len(own):.1f} %)")
    for result in results:
        if result.outcome == "survived":
            print(f"survived: {result.name}\n    {REASONS.get(result.name, 'no reason is known')}")
    print(f"{seconds / 60:.1f} minutes")


def write(results: Sequence[Result], seed: int, seconds: float) -> None:
    """Write the raw result."""
    killed = sum(result.outcome != "survived" for result in results)
    everything = {
        "seed": seed,
        "minutes": round(seconds / 60, 1),
        "killed": killed,
        "of": len(results),
        "mutants": [asdict(result) for result in sorted(results, key=lambda r: (r.kind, r.name))],
    }
    (HERE / "results.json").write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
