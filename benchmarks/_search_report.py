"""The tables of search.py, and the raw numbers beside them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from _report import Comparison, environment, listed, ratios
from _search_steps import BY_HAND

Steps = dict[str, dict[int, list[float]]]
"""Microseconds of a step of one net: by way, by number of nets, one value a round."""


@dataclass(frozen=True)
class Line:
    """A comparison of searches, with how much of the other was measured.

    Attributes
    ----------
    comparison : Comparison
        Seconds of the other are scaled to all fits.
    measured, of : int
        Fits of the other that were made each round, and those of the whole search.
    """

    comparison: Comparison
    measured: int
    of: int


def markdown(settings: dict[str, Any], lines: Sequence[Line], steps: Steps) -> str:
    """Write the report as two tables, with the machine above them."""
    return "\n".join(
        [
            "# Searches in lock-step",
            "",
            f"Settings: {listed(settings)}.",
            f"Machine and versions: {listed(environment())}.",
            "",
            "## Whole searches",
            "",
            *_table(_search_rows(lines)),
            "",
            "## Microseconds of a step of one net",
            "",
            *_table(_step_rows(steps)),
            "",
        ]
    )


def write(
    folder: Path, settings: dict[str, Any], raw: dict[str, Any], lines: Sequence[Line], steps: Steps
) -> None:
    """Write `search.json`, with the raw numbers of every round, and `search.md`."""
    summary = [
        {**asdict(line.comparison), "is_reached": line.comparison.is_reached} for line in lines
    ]
    everything = {
        "settings": settings,
        "machine": environment(),
        "summary": summary,
        "raw": {**raw, "steps": steps},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "search.json").write_text(json.dumps(everything, indent=1) + "\n")
    (folder / "search.md").write_text(markdown(settings, lines, steps))


def steps_table(steps: Steps) -> str:
    """Write the microseconds of steps as a table."""
    return "\n".join(_table(_step_rows(steps)))


def write_steps(folder: Path, device: str, steps: Steps) -> None:
    """Write `steps.json`: the microseconds of every round, and where they were measured."""
    card = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    everything = {"device": card, "machine": environment(), **steps}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "steps.json").write_text(json.dumps(everything, indent=1) + "\n")


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    header, *body = rows
    return [f"| {' | '.join(row)} |" for row in (header, ("---",) * len(header), *body)]


def _search_rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    header = ("search", "ours", "other, for all fits", "measured fits", "value")
    rows = [(*header, "median (quartiles)", "target", "reached")]
    for line in lines:
        c = line.comparison
        value = f"{c.value:.3g} ({c.quartiles[0]:.3g} to {c.quartiles[1]:.3g})"
        target = "none" if c.target is None else f"{c.relation} {c.target:.3g}"
        reached = {None: "", True: "yes", False: "**no**"}[c.is_reached]
        fits = f"{line.measured} of {line.of}"
        rows.append((c.what, c.ours, c.other, fits, c.name, value, target, reached))
    return rows


def _step_rows(steps: Steps) -> list[tuple[str, ...]]:
    """Write a row for each way, and one for each way's ratio to the loop written by hand."""
    numbers = sorted({K for values in steps.values() for K in values})
    rows = [("nets", *(f"{K}" for K in numbers))]
    rows += [(way, *(_cell(values.get(K)) for K in numbers)) for way, values in steps.items()]
    # The loop by hand is measured on the CPU alone.
    by_hand = steps.get(BY_HAND, {}).get(1)
    for way, values in steps.items():
        if by_hand is not None and max(values) > 1:
            cells = (_cell(ratios(by_hand, values[K])) for K in numbers)
            rows.append((f"hand-written loop / {way}", *cells))
    return rows


def _cell(rounds: Sequence[float] | None) -> str:
    """Write the median and the quartiles; what has no value makes its nets one by one."""
    if rounds is None:
        return "the same"
    low, high = np.quantile(rounds, [0.25, 0.75])
    return f"{median(rounds):.3g} ({low:.3g} to {high:.3g})"
