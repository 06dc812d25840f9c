"""The tables of the study of the defaults, from its runs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _tables import BUNDLED

BASELINE, CHOSEN, ALONE = "mlp", "shipped", "shipped;M=1"
"""Settings that the tables set side by side; see ablation.py."""

WHERE = ["table", "n_train"]

MANY = 5000
"""Training rows above which all rows of a table are a size of their own."""


def read_runs(path: Path) -> pd.DataFrame:
    """Read the runs of a study, a row each; `score`, `right` and `ece` become those of all members.

    Parameters
    ----------
    path : Path
        Of lines of JSON. Runs that ended in an error are left out.

    Returns
    -------
    runs : DataFrame
    """
    runs = pd.DataFrame(json.loads(line) for line in path.read_text().splitlines())
    runs = runs[runs["score"].notna()].copy()
    for name in ("score", "right", "ece"):
        runs[name] = [values[-1] if isinstance(values, list) else np.nan for values in runs[name]]
    return runs


def set_against(runs: pd.DataFrame, setting: str, other: str) -> pd.DataFrame:
    """Set a setting against another on the splits that both have, a row per table and size.

    Parameters
    ----------
    runs : DataFrame
    setting, other : str

    Returns
    -------
    table : DataFrame
        Means over the seeds of score, accuracy and ECE of the two, the ratio of the scores and
        its standard error, and the ratio of the median seconds.
    """
    keys = [*WHERE, "seed"]
    one, two = runs[runs["setting"] == setting], runs[runs["setting"] == other]
    pairs = one.merge(two, on=keys, suffixes=("", "_other"))
    pairs["difference"] = pairs["score"] - pairs["score_other"]
    both = pairs.groupby(WHERE, sort=False)
    table = both[["score", "score_other", "right", "right_other", "ece", "ece_other"]].mean()
    table["ratio"] = table["score"] / table["score_other"]
    table["error"] = both["difference"].sem() / table["score_other"]
    table["time"] = both["seconds"].median() / both["seconds_other"].median()
    table["task"] = both["task"].first()
    return table


def summary(runs: pd.DataFrame, settings: list[str]) -> pd.DataFrame:
    """Sum up settings against the baseline, a row each.

    Parameters
    ----------
    runs : DataFrame
    settings : list of str

    Returns
    -------
    table : DataFrame
        Geometric means of the ratios of each task, the worst ratio and where it is, the difference
        of the mean ECE, and the geometric mean and the largest of the ratios of times.
    """
    rows = {}
    for setting in settings:
        table = set_against(runs, setting, BASELINE)
        if table.empty:
            continue
        by_task = table.groupby("task")["ratio"].agg(geometric_mean)
        worst = table["ratio"].idxmax()
        rows[setting] = {
            "log-loss": by_task.get("classification", np.nan),
            "squared error": by_task.get("regression", np.nan),
            "worst": f"{table['ratio'].max():.3f} ({worst[0]}, {worst[1]})",
            "ECE less MLP's": (table["ece"] - table["ece_other"]).mean(),
            "time": geometric_mean(table["time"]),
            "longest": table["time"].max(),
            "cells": len(table),
        }
    return pd.DataFrame(rows).T


def geometric_mean(values: Any) -> float:
    """Give the geometric mean of positive numbers."""
    return float(np.exp(np.log(np.asarray(values, dtype=float)).mean()))


def details(runs: pd.DataFrame) -> pd.DataFrame:
    """Set the chosen defaults against the baseline and against M=1, a row per table and size."""
    table, alone = set_against(runs, CHOSEN, BASELINE), set_against(runs, CHOSEN, ALONE)
    shown = {
        "chosen": table["score"],
        "MLP": table["score_other"],
        "ratio": table["ratio"],
        "± of ratio": table["error"],
        "to M=1": alone["ratio"],
        "± to M=1": alone["error"],
        "accuracy or R²": table["right"],
        "MLP's": table["right_other"],
        "ECE": table["ece"],
        "MLP's ECE": table["ece_other"],
        "time": table["time"],
    }
    return pd.DataFrame(shown).sort_index()


def as_markdown(table: pd.DataFrame, first: str) -> str:
    """Write a table, with the names of its rows in front."""
    lines = [f"| {' | '.join([first, *table.columns])} |"]
    lines.append("| --- " * (len(table.columns) + 1) + "|")
    for name, row in table.iterrows():
        label = ", ".join(map(str, name)) if isinstance(name, tuple) else f"`{name}`"
        lines.append(f"| {' | '.join([label, *map(_written, row)])} |")
    return "\n".join(lines)


def write_report(runs: pd.DataFrame, choosing: Sequence[str], header: str, folder: Path) -> str:
    """Write `chosen.md`, the chosen defaults by table, and `ablation.md`, all settings.

    Parameters
    ----------
    runs : DataFrame
    choosing : sequence of str
        Tables that the defaults were chosen on; all others are held back.
    header : str
        What stands above.
    folder : Path
        Where to write.

    Returns
    -------
    chosen : str
        Text of `chosen.md`.
    """
    is_used, is_bundled = runs["table"].isin(choosing), runs["table"].isin(BUNDLED)
    used, bundled, held_back = runs[is_used], runs[is_bundled], runs[~is_used & ~is_bundled]
    n_all = used.groupby("table")["n_train"].transform("max")
    is_large = (used["n_train"] == n_all) & (n_all > MANY)
    tried = [name for name in used["setting"].unique() if name != BASELINE]
    by_table, kept = "table, training rows", [CHOSEN, ALONE, "old", "old;M=1"]
    chosen = {
        "Not used for choosing": as_markdown(details(held_back), by_table),
        "Used for choosing": as_markdown(details(used), by_table),
        "Data of scikit-learn, not used": as_markdown(details(bundled), by_table),
        "All tables not used": as_markdown(summary(held_back, kept), "setting"),
        "All tables used": as_markdown(summary(used, kept), "setting"),
        "All data of scikit-learn": as_markdown(
            summary(bundled, [name for name in bundled["setting"].unique() if name != BASELINE]),
            "setting",
        ),
    }
    ablation = {
        f"Up to {MANY:,} training rows": as_markdown(summary(used[~is_large], tried), "setting"),
        "All rows of larger tables": as_markdown(summary(used[is_large], tried), "setting"),
    }
    for name, parts in (("chosen", chosen), ("ablation", ablation)):
        title = {"chosen": "The defaults by table", "ablation": "Settings that were tried"}[name]
        blocks = [f"### {heading}\n\n{table}\n" for heading, table in parts.items()]
        (folder / f"{name}.md").write_text("\n".join([f"# {title}\n", header, *blocks]))
    return (folder / "chosen.md").read_text()


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    return "" if np.isnan(value) else f"{value:.3f}"
