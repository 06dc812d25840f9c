"""Speed and memory of skensemble beside what else one could use, in one run on one machine.

Run ``python benchmarks/speed.py``; ``--quick`` is a smoke run of seconds whose numbers mean
nothing. What is measured, and why so, stands in ``benchmarks/README.md``.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import _cross_fitted
import torch
from _competitors import FITS, Problem, blobs, predictions, tabular
from _fresh import measure_imports, measure_memory, measure_search
from _report import Comparison, compare, environment, in_seconds, markdown, ratios, round_robin
from _report import write as write_report
from threadpoolctl import threadpool_limits

OURS = "skensemble"
OVER_HAND_WRITTEN = 1.15
PREDICTION_OVER_HAND_WRITTEN = 1.05
OTHERS_OVER_OURS = 1.8
MLP_OVER_OURS = 1.4
OVER_NET_AND_COPIES = 1.10
IMPORT_SECONDS = 0.1
CROSS_FITTED_OVER_HAND_WRITTEN = 0.5
CROSS_FITTED_IN_TWO_PROCESSES = 1.5
CROSS_FITTED_OVER_TREES = 5.0

FRESH_REPEATS = 5
"""Most repeats of what starts interpreters anew, which costs seconds and varies little."""

Raw = dict[str, Any]


def main() -> None:
    """Measure everything, print the table, and write it with the raw numbers."""
    arguments = parse_arguments()
    raw: Raw = {}
    comparisons = []
    for comparison in measure(arguments.repeats, arguments.quick, raw):
        comparisons.append(comparison)
        print(f"{comparison.what}: {comparison.name} {comparison.value:.3g}", flush=True)
    settings = {"repeats": arguments.repeats, "quick": arguments.quick}
    print(markdown(settings, environment(), comparisons))
    if arguments.output:
        write_report(arguments.output, settings, raw, comparisons)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, help="rounds that count (15; 1 with --quick)")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where speed.json and speed.md go (results/ beside this file; nowhere with --quick)",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    arguments = parser.parse_args()
    if arguments.repeats is None:
        arguments.repeats = 1 if arguments.quick else 15
    if arguments.repeats < 1:
        parser.error(f"--repeats must be an int >= 1, got {arguments.repeats}.")
    if arguments.output is None and not arguments.quick:
        arguments.output = Path(__file__).parent / "results"
    return arguments


def measure(repeats: int, quick: bool, raw: Raw) -> Iterator[Comparison]:
    """Give one comparison after the other, and leave the raw numbers in `raw`."""
    torch.set_num_threads(1)
    # MLPClassifier's threads are those of NumPy's BLAS.
    with threadpool_limits(1):
        yield from compare_fits("fit blobs", blobs(quick=quick), repeats, raw)
        yield from compare_fits("fit tabular", tabular(quick=quick), repeats, raw)
        yield from compare_predictions(repeats, quick, raw)
        yield from compare_cross_fitting(min(repeats, FRESH_REPEATS), quick, raw)
    yield from compare_memory(min(repeats, FRESH_REPEATS), quick, raw)
    yield from compare_imports(min(repeats, 2 * FRESH_REPEATS), raw)
    yield from compare_search(min(repeats, FRESH_REPEATS), quick, raw)


def compare_fits(what: str, problem: Problem, repeats: int, raw: Raw) -> Iterator[Comparison]:
    """Compare whole fits."""
    tasks = {name: partial(fit, problem) for name, fit in FITS.items()}
    raw[what] = seconds = round_robin(tasks, repeats)
    ours = seconds.pop(OURS)
    yield compare(
        what,
        "ours / hand-written",
        ratios(ours, seconds["hand-written"]),
        ours=in_seconds(ours),
        other=in_seconds(seconds["hand-written"]),
        relation="<=",
        target=OVER_HAND_WRITTEN,
    )
    targets = dict.fromkeys(("skorch", "torchensemble"), OTHERS_OVER_OURS)
    targets["MLPClassifier"] = MLP_OVER_OURS
    for name, target in targets.items():
        yield compare(
            what,
            f"{name} / ours",
            ratios(seconds[name], ours),
            ours=in_seconds(ours),
            other=in_seconds(seconds[name]),
            relation=">=",
            target=target,
        )
    seconds[OURS] = ours


def compare_predictions(repeats: int, quick: bool, raw: Raw) -> Iterator[Comparison]:
    """Compare `predict_proba` with the faster of the hand-written ways."""
    raw["predict_proba"] = seconds = round_robin(predictions(quick=quick), repeats)
    by_hand = [name for name in seconds if name != OURS]
    fastest = min(by_hand, key=lambda name: median(seconds[name]))
    yield compare(
        "predict_proba, 10 members",
        f"ours / {fastest}",
        ratios(seconds[OURS], seconds[fastest]),
        ours=in_seconds(seconds[OURS]),
        other=in_seconds(seconds[fastest]),
        relation="<=",
        target=PREDICTION_OVER_HAND_WRITTEN,
    )


def compare_cross_fitting(repeats: int, quick: bool, raw: Raw) -> Iterator[Comparison]:
    """Compare nets that leave out a fold each with the same training by hand, and with trees."""
    what = f"cross-fitted, {_cross_fitted.N_NETS} nets"
    raw[f"fit {what}"] = seconds = round_robin(_cross_fitted.fits(quick=quick), repeats)
    ours = seconds[OURS]
    yield compare(
        f"fit {what}",
        "ours / hand-written",
        ratios(ours, seconds["hand-written"]),
        ours=in_seconds(ours),
        other=in_seconds(seconds["hand-written"]),
        relation="<=",
        target=CROSS_FITTED_OVER_HAND_WRITTEN,
    )
    yield compare(
        f"fit {what}",
        "n_jobs=1 / n_jobs=2",
        ratios(ours, seconds["n_jobs=2"]),
        ours=in_seconds(ours),
        other=in_seconds(seconds["n_jobs=2"]),
        relation=">=",
        target=CROSS_FITTED_IN_TWO_PROCESSES,
    )
    tasks = _cross_fitted.predictions(quick=quick)
    raw[f"predict_proba {what}"] = seconds = round_robin(tasks, repeats)
    if "LightGBM" in seconds:
        yield compare(
            f"predict_proba {what}",
            "ours / LightGBM",
            ratios(seconds[OURS], seconds["LightGBM"]),
            ours=in_seconds(seconds[OURS]),
            other=in_seconds(seconds["LightGBM"]),
            relation="<=",
            target=CROSS_FITTED_OVER_TREES,
        )


def compare_memory(repeats: int, quick: bool, raw: Raw) -> Iterator[Comparison]:
    """Compare the peak of an ensemble's fit with that of one net and the members to keep."""
    raw["memory"] = memory = measure_memory(repeats, quick=quick)
    copies = memory["copies"] * memory["weights"]
    needed = [net + copies for net in memory["net"]]
    yield compare(
        f"peak memory of fit, M={memory['copies']}",
        "ensemble / (net + M copies of the weights)",
        ratios(memory["ensemble"], needed),
        ours=f"{median(memory['ensemble']) / 1e6:.0f} MB",
        other=f"{median(needed) / 1e6:.0f} MB",
        relation="<=",
        target=OVER_NET_AND_COPIES,
    )


def compare_imports(repeats: int, raw: Raw) -> Iterator[Comparison]:
    """Compare the imports of torch, sklearn and skorch with and without ours after them."""
    raw["imports"] = imports = measure_imports(repeats)
    both = {"ours": in_seconds(imports["with"]), "other": in_seconds(imports["without"])}
    yield compare(
        "import after torch, sklearn, skorch",
        "seconds more",
        [w - wo for w, wo in zip(imports["with"], imports["without"], strict=True)],
        **both,
        relation="<=",
        target=IMPORT_SECONDS,
    )
    yield compare(
        "the same, timed within one process",
        "seconds more",
        imports["more"],
        ours=in_seconds(imports["more"]),
        other="",
        relation="<=",
        target=IMPORT_SECONDS,
    )
    yield compare(
        "matplotlib imported by skensemble",
        "1 for yes",
        [float(imports["matplotlib"])],
        ours="",
        other="",
        relation="<=",
        target=0.0,
    )


def compare_search(repeats: int, quick: bool, raw: Raw) -> Iterator[Comparison]:
    """Compare a grid search with two jobs and with one."""
    raw["search"] = search = measure_search(repeats, quick=quick)
    yield compare(
        "GridSearchCV, 4 candidates x 3 folds",
        "n_jobs=2 / n_jobs=1",
        ratios(search["n_jobs=2"], search["n_jobs=1"]),
        ours=in_seconds(search["n_jobs=2"]),
        other=in_seconds(search["n_jobs=1"]),
        relation="<=",
        target=1.0,
    )


if __name__ == "__main__":
    main()
