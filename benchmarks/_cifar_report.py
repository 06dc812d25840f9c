"""The table of cifar.py, from the lines of its runs."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from _cifar_problems import Problem, net_name
from _comparison_report import equivalent, paired, signed, sizes, table
from _report import listed

FORMATS = {
    "error %": ("error (%)", ".2f", -1),
    "NLL": ("NLL", ".4f", -1),
    "CLL": ("CLL ↑", ".4f", 1),
    "ECE": ("ECE", ".4f", -1),
}
"""Scores: their headings, how they are written, and the sign that says which way is better."""

STEPS, COSINE, SNAPSHOTS = "single net, steps", "single net, one cosine", "snapshot ensemble"

Run = dict[str, Any]


def rows_of(problem: Problem) -> dict[str, tuple[str, int]]:
    """Give for each row the training that it is taken from, and how many last members it means."""
    M, epochs = problem.M, problem.epochs
    return {
        STEPS: ("steps", 1),
        COSINE: (net_name(0), 1),
        "NoCycle": ("steps", M),
        "SingleCycle": ("SingleCycle", M),
        SNAPSHOTS: ("snapshots", M),
        **{f"its last {m} snapshots": ("snapshots", m) for m in range(M - 1, 1, -1)},
        "its last snapshot alone": ("snapshots", 1),
        f"{M} nets of {epochs // M} epochs": ("short nets", M),
        f"{M} nets of {epochs} epochs": (net_name(M - 1), M),
    }


def flatten(runs: Sequence[Run], problem: Problem) -> pd.DataFrame:
    """Make a line of each row and seed that is there, with the row as index."""
    found = {(run["seed"], run["training"]): run for run in runs}
    lines = []
    for seed in sorted({seed for seed, _ in found}):
        for name, (training, m) in rows_of(problem).items():
            run = found.get((seed, training))
            if run is None:
                continue
            # The nets of a deep ensemble are trainings of their own.
            nets = [found[seed, net_name(k)] for k in range(m)] if "sizes" in run else [run]
            scores = run["sizes"] if "sizes" in run else run["last"]
            line = {"method": name, "seed": seed, **scores[m - 1], "passes": m}
            line["training"] = len(nets)
            line["processor s"] = sum(net["processor s"] for net in nets)
            if "sizes" in run:
                line["sizes"] = scores
            lines.append(line)
    return pd.DataFrame(lines).set_index("method")


def markdown(runs: Sequence[Run], problem: Problem) -> str:
    """Write all tables.

    Parameters
    ----------
    runs : sequence of dict
        At least one.
    problem : Problem
    """
    frame = flatten(runs, problem)
    last = max(runs, key=lambda run: run["machine"]["date"])
    loads = pd.Series([run["load"] for run in runs])
    machine = {**last["machine"], "load average": f"{loads.median():.1f}"}
    settings = {**last["settings"], "seeds": frame["seed"].nunique()}
    names = [name for name in rows_of(problem) if name in frame.index]
    blocks = [
        [
            f"# Images by {problem.net}",
            "",
            f"Settings: {listed(settings)}.",
            f"Machine and versions: {listed(machine)}.",
        ],
        ["Test images (mean ± standard deviation over the seeds):", "", *_scores(frame, names)],
        [f"The {SNAPSHOTS} less others, in pairs of the same seed:", "", *_pairs(frame, names)],
    ]
    if not sizes(frame).empty:
        heading = f"Deep ensembles of so many nets of {problem.epochs} epochs:"
        blocks.append([heading, "", *_sizes(frame)])
    texts = sorted({text for run in runs for text in run["warnings"]})
    if texts:
        blocks.append(["Warnings of the fits:", "", *(f"- {text}" for text in texts)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _scores(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Write the scores and the costs of each row."""
    rows = []
    for name in names:
        lines = frame.loc[[name]]
        cells = [_mean(lines[score], form) for score, (_, form, _) in FORMATS.items()]
        costs = [str(lines["training"].iloc[0]), str(lines["passes"].iloc[0])]
        seconds = f"{lines['processor s'].median():.0f}"
        rows.append([name, *costs, *cells, equivalent(frame, name), seconds, str(len(lines))])
    headings = [heading for heading, *_ in FORMATS.values()]
    costs = ["training (nets)", "forward passes"]
    return table(["method", *costs, *headings, "DEE ↑", "fit (processor s)", "seeds"], rows)


def _mean(values: pd.Series, form: str) -> str:
    deviation = f" ± {values.std():{form}}" if len(values) > 1 else ""
    return f"{values.mean():{form}}{deviation}"


def _pairs(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Write how far the snapshot ensemble is from other rows, and in how many seeds ahead."""
    header, rows = ["against", "seeds"], []
    for heading, *_ in FORMATS.values():
        header += [heading, f"ahead in {heading}"]
    for name in names:
        if name == SNAPSHOTS or SNAPSHOTS not in frame.index:
            continue
        cells: list[str] = []
        for score, (_, form, sign) in FORMATS.items():
            pairs = paired(frame, SNAPSHOTS, name, score)
            if pairs.empty:
                break
            cells = cells or [name, str(len(pairs))]
            cells += [signed(pairs, form), str((sign * pairs > 0).sum())]
        if cells:
            rows.append(cells)
    return table(header, rows)


def _sizes(frame: pd.DataFrame) -> list[str]:
    curve = sizes(frame).reset_index(drop=True)
    rows = [
        [str(k + 1), *(f"{line[score]:{form}}" for score, (_, form, _) in FORMATS.items())]
        for k, line in curve.iterrows()
    ]
    return table(["nets", *(heading for heading, *_ in FORMATS.values())], rows)
