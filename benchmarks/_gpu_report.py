"""The tables of gpu.py: goals, images per second, lock-step, trainings, and what is missing."""

from collections.abc import Sequence
from typing import Any

from _gpu_table import (
    BATCHES,
    BY_HAND,
    CEILINGS,
    GRAPHS,
    LOCKSTEP_EPOCHS,
    NETS,
    OTHERS,
    OURS,
    QUICK_BATCHES,
    QUICK_LOCKSTEP_EPOCHS,
    QUICK_NETS,
    SKORCH,
    WAITS,
    lockstep_name,
    name_of,
)

Cells = dict[str, dict[str, Any]]

AGAINST_HAND, AGAINST_SKORCH, NETS_IN_LOCKSTEP = 0.9, {16: 5.0, 28: 3.0, 10: 1.0}, 2.0
"""Goals: at least, at least by depth, and at most."""


def goals(cells: Cells, *, quick: bool) -> list[dict[str, Any]]:
    """Set what was found against the goals, line by line.

    Returns
    -------
    lines : list of dict
        `what`, `value`, `goal`, `reached`, and the two numbers `above` and `below` with their
        cells; `value` is None where a cell is missing.
    """
    lines = []
    for net, batch in pairs(quick):
        what = f"WRN-{net[0]}-{net[1]}, batch {batch}"
        ours = best(cells, net, batch, OURS)
        by_hand = best(cells, net, batch, BY_HAND)
        skorch = best(cells, net, batch, [SKORCH])
        lines.append(line(f"{what}: ours / best of plain torch", ours, by_hand, AGAINST_HAND))
        lines.append(line(f"{what}: ours / skorch", ours, skorch, AGAINST_SKORCH[net[0]]))
    one, *_, most = QUICK_LOCKSTEP_EPOCHS if quick else LOCKSTEP_EPOCHS
    for graph in GRAPHS:
        names = [lockstep_name(K, graph) for K in (most, one)]
        steps = [(name, value(cells, name, "us a step")) for name in names]
        what = f"a step of {most} nets / of {one}, {graph}"
        lines.append(line(what, *steps, NETS_IN_LOCKSTEP, at_most=True))
    return lines


def line(
    what: str,
    above: tuple[str, float | None],
    below: tuple[str, float | None],
    goal: float,
    *,
    at_most: bool = False,
) -> dict[str, Any]:
    """Set one number against another, and their ratio against a goal."""
    both = above[1] is not None and below[1] is not None
    ratio = above[1] / below[1] if both else None
    reached = None if ratio is None else (ratio <= goal if at_most else ratio >= goal)
    return {
        "what": what,
        "value": None if ratio is None else round(ratio, 3),
        "goal": f"{'<=' if at_most else '>='} {goal:g}",
        "reached": reached,
        "above": above,
        "below": below,
    }


def pairs(quick: bool) -> list[tuple[tuple[int, int], int]]:
    """Give nets and batch sizes."""
    nets, batches = (QUICK_NETS, QUICK_BATCHES) if quick else (NETS, BATCHES)
    return [(net, batch) for net in nets for batch in batches]


def best(cells: Cells, net: Any, batch: int, ways: Any) -> tuple[str, float | None]:
    """Give the fastest of some ways, and its images per second."""
    names = [name_of(net, batch, way) for way in ways]
    rates = [(name, value(cells, name, "images/s")) for name in names]
    measured = [(name, rate) for name, rate in rates if rate is not None]
    return max(measured, key=lambda pair: pair[1]) if measured else (names[0], None)


def value(cells: Cells, name: str, what: str) -> Any:
    """Give a number of a cell, or None."""
    return cells.get(name, {}).get("found", {}).get(what)


def markdown(machine: dict[str, Any], stamp: dict[str, Any], cells: Cells) -> str:
    """Write the tables."""
    quick = stamp["quick"]
    about = ("card", "driver", "CUDA", "torch", "python", "skensemble", "date")
    known = ", ".join(f"{name} {machine[name]}" for name in about if machine.get(name))
    parts = [
        ["# Training on a GPU", ""],
        ["A smoke run: its numbers mean nothing.", ""] if quick else [],
        [f"Machine and versions: {known}. Sources: {stamp['code']}.", ""],
        ["## Goals", "", *_goal_rows(goals(cells, quick=quick)), ""],
        ["## Images per second", "", *_image_rows(cells, quick), ""],
        ["## Microseconds of a step of all nets in lock-step", "", *_lockstep_rows(cells), ""],
        ["## Trainings", "", *_training_rows(cells), ""],
        ["## The device", "", *_device_lines(cells), ""],
        ["## Not measured", "", *_missing(cells), ""],
    ]
    return "\n".join(text for part in parts for text in part)


def _rows(header: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    if not body:
        return ["Not measured."]
    rule = ["---"] * len(header)
    return [f"| {' | '.join(row)} |" for row in (header, rule, *body)]


def _goal_rows(lines: list[dict[str, Any]]) -> list[str]:
    body = []
    for goal in lines:
        (above, high), (below, low) = goal["above"], goal["below"]
        reached = {None: "not measured", True: "yes", False: "**no**"}[goal["reached"]]
        ratio = "" if goal["value"] is None else f"{goal['value']:.3g}"
        numbers = [_number(high), _number(low)]
        of = f"{_way(above)} / {_way(below)}"
        body.append([goal["what"], of, *numbers, ratio, goal["goal"], reached])
    return _rows(["what", "of", "above", "below", "ratio", "goal", "reached"], body)


def _way(name: str) -> str:
    """Cut the net and the batch size from the name of a cell."""
    return name.split(", ", 2)[2] if name.startswith("WRN") else name


def _number(found: float | None) -> str:
    return "" if found is None else f"{found:,.0f}"


def _image_rows(cells: Cells, quick: bool) -> list[str]:
    """Write a row for each way, and a column for each net and batch size."""
    columns = pairs(quick)
    header = ["way", *(f"WRN-{net[0]}-{net[1]}, {batch}" for net, batch in columns)]
    body = []
    for way in (*BY_HAND, *OURS, *OTHERS):
        found = [value(cells, name_of(*pair, way), "images/s") for pair in columns]
        if any(rate is not None for rate in found):
            body.append([way, *map(_number, found)])
    return _rows(header, body)


def _lockstep_rows(cells: Cells) -> list[str]:
    numbers = sorted({*LOCKSTEP_EPOCHS, *QUICK_LOCKSTEP_EPOCHS})
    found = {
        graph: [value(cells, lockstep_name(K, graph), "us a step") for K in numbers]
        for graph in GRAPHS
    }
    shown = [i for i in range(len(numbers)) if any(row[i] is not None for row in found.values())]
    header = ["nets", *(str(numbers[i]) for i in shown)]
    body = [[graph, *(_number(row[i]) for i in shown)] for graph, row in found.items()]
    return _rows(header, body if shown else [])


def _training_rows(cells: Cells) -> list[str]:
    """Write errors, log-losses and seconds of trainings on images and on a table."""
    body = []
    for name, cell in cells.items():
        found = cell.get("found", {})
        if "ensemble" in found:
            body += [
                [f"{name}{who}", f"{found[key]['error %']:.2f} %", f"{found[key]['NLL']:.4f}", *fit]
                for key, who, fit in (
                    ("ensemble", "", [f"{found['fit s']:.1f}"]),
                    ("last member", ", its last member", [""]),
                )[: len(found["last 1 to M"])]
            ]
        elif "fit s" in found:
            body.append([name, "", f"{found['NLL']:.4f}", f"{found['fit s']:.1f}"])
    return _rows(["training", "error", "NLL in nats", "fit in seconds"], body)


def _device_lines(cells: Cells) -> list[str]:
    """Say what the device can do, which lines wait for it, and where a fit on a table goes."""
    listed = [f"{key}: {found:,.4g}" for key, found in _found(cells, CEILINGS).items()]
    waits = _found(cells, WAITS)
    if waits:
        lines = [f"`{name}` {n}" for name, n in waits["waits"].items()]
        steps = f"{waits['steps']} steps, {waits['epochs']} epochs"
        listed.append(f"lines that wait in {steps}: {', '.join(lines) or 'none'}")
    for name, cell in cells.items():
        found = cell.get("found", cell.get("so_far", {}))
        if isinstance(found, dict) and "innermost" in found:
            top = list(found["innermost"].items())[:8]
            lines = ", ".join(f"`{where}` {100 * n / found['looks']:.0f} %" for where, n in top)
            listed.append(f"{name}, of {found['looks']} looks: {lines}")
    return [f"- {text}" for text in listed]


def _found(cells: Cells, name: str) -> dict[str, Any]:
    return cells.get(name, {}).get("found", {})


def _missing(cells: Cells) -> list[str]:
    """Say which cells have found nothing, and why."""
    why = {name: cell["failed"] for name, cell in cells.items() if "failed" in cell}
    return [f"- {name}: {' '.join(text.split())[:200]}" for name, text in why.items()] or [
        "Nothing."
    ]
