"""Rounds of measurements, their medians, and the table and the raw numbers that are written."""

import gc
import json
import os
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

PACKAGES = ("skensemble", "torch", "scikit-learn", "skorch", "numpy", "torchensemble")


@dataclass(frozen=True)
class Comparison:
    """One line of the report.

    Attributes
    ----------
    what : str
        What was measured.
    ours, other : str
        Medians with their units.
    name : str
        What `value` is.
    value : float
        Median over the rounds, in seconds or as a ratio.
    quartiles : tuple of two floats
        Of the value over the rounds.
    relation : {"<=", ">=", ""}
        How the value should stand to the target; empty where there is none.
    target : float or None
        Bound of the value.
    """

    what: str
    ours: str
    other: str
    name: str
    value: float
    quartiles: tuple[float, float]
    relation: str = ""
    target: float | None = None

    @property
    def is_reached(self) -> bool | None:
        """Whether the value is on the right side of its target, where there is one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.relation == "<=" else self.value >= self.target


def round_robin(tasks: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Time tasks in turn, A B C A B C ..., after one round that does not count.

    Returns
    -------
    seconds : dict of str to list of float
        One value a round, for each task.
    """
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for k in range(repeats + 1):
        for name, task in tasks.items():
            gc.collect()
            begun = perf_counter()
            task()
            if k:
                seconds[name].append(perf_counter() - begun)
    return seconds


def compare(
    what: str,
    name: str,
    rounds: Sequence[float],
    *,
    ours: str,
    other: str,
    relation: str = "",
    target: float | None = None,
) -> Comparison:
    """Sum up one value of each round; see `Comparison`."""
    low, high = np.quantile(rounds, [0.25, 0.75]).tolist()
    return Comparison(what, ours, other, name, median(rounds), (low, high), relation, target)


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Divide round by round, so that what slows a whole round cancels."""
    return [a / b for a, b in zip(above, below, strict=True)]


def in_seconds(seconds: Sequence[float]) -> str:
    """Write the median of some seconds."""
    return f"{median(seconds):.3g} s"


def environment(*, more: Sequence[str] = ()) -> dict[str, Any]:
    """Describe the machine and the versions, also those of more packages."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "python": platform.python_version(),
        **_versions((*PACKAGES, *more)),
    }


def _versions(names: Sequence[str]) -> dict[str, str]:
    """Give the versions of the packages that are there; not every script needs all of them."""
    found = {}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def markdown(
    settings: dict[str, Any], machine: dict[str, Any], comparisons: Sequence[Comparison]
) -> str:
    """Write the report as a table, with the machine above it."""
    header = ("measured", "ours", "other", "value", "median (quartiles)", "target", "reached")
    rows = [_row(comparison) for comparison in comparisons]
    lines = [
        "# Speed and memory",
        "",
        f"Settings: {listed(settings)}.",
        f"Machine and versions: {listed(machine)}.",
        "",
        *(f"| {' | '.join(row)} |" for row in (header, ("---",) * len(header), *rows)),
        "",
    ]
    return "\n".join(lines)


def write(
    folder: Path,
    settings: dict[str, Any],
    raw: dict[str, Any],
    comparisons: Sequence[Comparison],
) -> None:
    """Write `speed.json`, with the raw numbers of every round, and `speed.md`."""
    machine = environment()
    summary = [{**asdict(c), "is_reached": c.is_reached} for c in comparisons]
    everything = {"settings": settings, "machine": machine, "summary": summary, "raw": raw}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "speed.json").write_text(json.dumps(everything, indent=1) + "\n")
    (folder / "speed.md").write_text(markdown(settings, machine, comparisons))


def _row(c: Comparison) -> tuple[str, ...]:
    low, high = c.quartiles
    value = f"{c.value:.3g} ({low:.3g} to {high:.3g})"
    if c.target is None:
        return c.what, c.ours, c.other, c.name, value, "none", ""
    reached = "yes" if c.is_reached else "**no**"
    return c.what, c.ours, c.other, c.name, value, f"{c.relation} {c.target:.3g}", reached


def listed(values: dict[str, Any]) -> str:
    """Write names and values in one line."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
