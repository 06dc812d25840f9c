"""The report of `tables.py`: losses by table, what they sum up to, and what they cost."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from _report import environment, listed
from _table_competitors import (
    CATBOOST,
    CLASSES,
    HISTOGRAM,
    HISTOGRAM_STOPPED,
    LIGHTGBM,
    LIGHTGBM_STOPPED,
    METHODS,
    OURS,
)

CHOSEN_ON = ["phoneme", "german", "wine", "california", "shoppers", "elevators"]
"""Tables on which the settings of the ensemble for tables were chosen."""

OTHERS = ["letter", "adult", "abalone", "bank", "telco", "pol", "credit", "diamonds"]
OTHERS += ["pumadyn32nm", "hypothyroid"]
"""All others."""

MARKED = "adult"
"""Of the others, the one that was looked at in questions of categories."""

BETTER_TREE = "better of the trees stopped early"
"""The better of two, chosen anew for each split and measure by the test rows themselves."""

TREES = [HISTOGRAM, HISTOGRAM_STOPPED, LIGHTGBM, LIGHTGBM_STOPPED, CATBOOST]

VERSIONS = ("lightgbm", "catboost", "pytabkit")

MEASURES = {"loss": False, "right": True, "ece": False}
"""What runs are scored by, and whether higher is better."""

ABOUT = (
    "Loss is the log-loss of classes in nats, or the root mean squared error of targets in their "
    "units, each the mean over the splits; in brackets stands the accuracy in per cent, or R2. A "
    "ratio below 1 says that ours is better. The better of the trees stopped early is chosen for "
    "each split and measure by the test rows themselves. Seconds are those of the processor, on "
    f"one thread. {MARKED}*: was looked at in questions of categories."
)


def report(runs: pd.DataFrame) -> str:
    """Write the report.

    Parameters
    ----------
    runs : DataFrame
        A run each row, with the fields that `tables.py` writes; some have to be of ours.

    Returns
    -------
    text : str
        Markdown.
    """
    present = [name for name in METHODS if name in set(runs["method"])]
    if OURS not in present:
        raise SystemExit(f"The report needs runs of {OURS!r}, got those of {present}.")
    competitors = [name for name in (*METHODS, BETTER_TREE) if name in wide(runs, "loss")]
    competitors.remove(OURS)
    settings = {
        "training rows up to": runs["n_train"].max(),
        "splits": runs["seed"].nunique(),
        "settings chosen on": ", ".join(CHOSEN_ON),
    }
    by_table = ["data", OURS, *competitors]
    columns = ["against", "geometric mean", "median", "tables won", "worst", "accuracy, points"]
    columns += ["accuracy won", "ECE, ours", "ECE"]
    blocks = [
        "# Tables",
        f"Settings: {listed(settings)}.\n"
        f"Machine and versions: {listed(environment(more=VERSIONS))}.",
        fill(ABOUT, 100),
        "### Losses by table",
        markdown(by_table, losses_by_table(runs, [OURS, *competitors])),
        "### Ours over each",
        markdown(["data", *competitors], ratios_by_table(runs, competitors)),
    ]
    for title, names in (("not used", OTHERS), ("used", CHOSEN_ON)):
        part = runs[runs["table"].isin(names)]
        if OURS in set(part["method"]):
            blocks += [
                f"### Tables {title} for choosing",
                markdown(columns, summary(part, competitors)),
                "\n".join(fill(line, 100) for line in where_trees_win(part)),
            ]
    blocks += [
        "### Costs",
        markdown(["method", "fit, s", "longest fit, s", "predict, s", "fit, MB"], costs(runs)),
    ]
    return "\n\n".join(blocks) + "\n"


def wide(runs: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Set the methods side by side, a row for each table and split.

    Parameters
    ----------
    runs : DataFrame
    measure : {"loss", "right", "ece"}

    Returns
    -------
    values : DataFrame
        With a column `BETTER_TREE` where both trees have runs.
    """
    values = runs.pivot_table(index=["table", "seed"], columns="method", values=measure, sort=False)
    if {HISTOGRAM_STOPPED, LIGHTGBM_STOPPED} <= set(values):
        both = values[[HISTOGRAM_STOPPED, LIGHTGBM_STOPPED]]
        better = both.max if MEASURES[measure] else both.min
        values[BETTER_TREE] = better(axis=1, skipna=False)
    return values


def set_against(runs: pd.DataFrame, other: str, measure: str) -> tuple[pd.Series, pd.Series]:
    """Give the means over the splits that both have, of ours and of another, by table."""
    values = wide(runs, measure)
    if other not in values or OURS not in values:
        return pd.Series(dtype=float), pd.Series(dtype=float)
    means = values[[OURS, other]].dropna().groupby("table", sort=False).mean()
    return means[OURS], means[other]


def losses_by_table(runs: pd.DataFrame, names: Sequence[str]) -> list[list[str]]:
    """Write the losses, with accuracy or R2 in brackets, a row for each table."""
    tasks = runs.groupby("table")["task"].first()
    losses, right = (
        wide(runs, name).groupby("table", sort=False).mean() for name in ("loss", "right")
    )
    rows = []
    for table in losses.index:
        scale, form = (100, ".1f") if tasks[table] == CLASSES else (1, ".3f")
        cells = [
            f"{losses.loc[table, name]:.4g} ({scale * right.loc[table, name]:{form}})"
            if np.isfinite(losses.loc[table, name])
            else ""
            for name in names
        ]
        rows.append([label(table), *cells])
    return rows


def ratios_by_table(runs: pd.DataFrame, competitors: Sequence[str]) -> list[list[str]]:
    """Write the ratios of the losses, a row for each table."""
    pairs = {name: set_against(runs, name, "loss") for name in competitors}
    ratios = pd.DataFrame({name: mine / theirs for name, (mine, theirs) in pairs.items()})
    tables = [name for name in dict.fromkeys(runs["table"]) if name in ratios.index]
    return [
        [label(table), *("" if np.isnan(value) else f"{value:.3f}" for value in ratios.loc[table])]
        for table in tables
    ]


def summary(runs: pd.DataFrame, competitors: Sequence[str]) -> list[list[str]]:
    """Sum up ours against each competitor over tables, a row each."""
    rows = []
    for name in competitors:
        mine, theirs = set_against(runs, name, "loss")
        if mine.empty:
            continue
        ratios = mine / theirs
        is_classes = runs["task"] == CLASSES
        right, other_right = set_against(runs[is_classes], name, "right")
        ece, other_ece = set_against(runs[is_classes], name, "ece")
        accuracy = ["", "", "", ""]
        if len(right):
            accuracy = [f"{100 * (right - other_right).mean():+.2f}", won(right > other_right)]
            accuracy += [f"{ece.mean():.4f}", f"{other_ece.mean():.4f}"]
        geometric, worst = np.exp(np.log(ratios).mean()), ratios.idxmax()
        row = [name, f"{geometric:.3f}", f"{ratios.median():.3f}", won(ratios < 1)]
        rows.append([*row, f"{ratios[worst]:.3f} ({label(worst)})", *accuracy])
    return rows


def where_trees_win(runs: pd.DataFrame) -> list[str]:
    """Name the tables on which a tree has the lower loss, or the higher accuracy."""
    lines = []
    is_classes = runs["task"] == CLASSES
    for measure, words, part in (
        ("loss", "the lower loss", runs),
        ("right", "the higher accuracy", runs[is_classes]),
    ):
        winners: dict[str, list[str]] = {}
        for name in TREES:
            mine, theirs = set_against(part, name, measure)
            ahead = theirs > mine if MEASURES[measure] else theirs < mine
            for table in ahead.index[ahead]:
                winners.setdefault(table, []).append(name)
        named = "; ".join(f"{label(table)} ({', '.join(who)})" for table, who in winners.items())
        lines.append(f"Trees have {words} on: {named or 'no table'}.")
    return lines


def costs(runs: pd.DataFrame) -> list[list[str]]:
    """Write seconds and memory of each method, means over all tables and splits."""
    groups = runs.groupby("method", sort=False)
    means, longest = groups[["fit s", "predict s", "MB"]].mean(), groups["fit s"].max()
    return [
        [
            name,
            f"{means.loc[name, 'fit s']:.2f}",
            f"{longest[name]:.1f}",
            f"{means.loc[name, 'predict s']:.3f}",
            f"{means.loc[name, 'MB']:.0f}",
        ]
        for name in METHODS
        if name in means.index
    ]


def won(is_better: pd.Series) -> str:
    """Count the tables that were won."""
    return f"{int(is_better.sum())} of {len(is_better)}"


def label(table: str) -> str:
    """Name a table, and mark the one that is."""
    return f"{table}*" if table == MARKED else table


def markdown(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Write a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
