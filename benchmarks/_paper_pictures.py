"""The pictures and the table of paper_figures.py, from its raw results."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skensemble.displays import CorrelationDisplay, InterpolationDisplay, SearchDisplay

SCORES = {"error %": "test error (%)", "NLL": "test NLL (nats)"}
"""Columns of the raw results, and what the pictures call them."""

STYLE = {"font.size": 9, "svg.hashsalt": "skensemble", "svg.fonttype": "none"}

WITH_M = ["snapshot ensemble", "NoCycle", "SingleCycle"]
SINGLES = ["single net, step schedule", "single net, one cosine cycle"]


def draw_all(folder: Path) -> None:
    """Draw every picture of the raw results in a folder beside them, and write the table."""
    runs = pd.read_json(folder / "paper_figures.jsonl", lines=True)
    lines = json.loads((folder / "paper_lines.json").read_text())
    with mpl.rc_context(STYLE):
        save(draw_sizes(runs), folder / "paper_sizes.svg")
        save(draw_settings(runs), folder / "paper_settings.svg")
        save(draw_lines(lines), folder / "paper_lines.svg")
        save(draw_correlations(lines), folder / "paper_correlations.svg")
    (folder / "paper_figures.md").write_text(table(runs))


def save(figure: Any, path: Path) -> None:
    """Write a picture whose bytes depend on the numbers alone."""
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def standard(runs: pd.DataFrame) -> tuple[int, int, float]:
    """Give budget, cycles and rate of the runs where no study changes them: the first run's."""
    return int(runs.epochs[0]), int(runs.M[0]), float(runs.alpha_zero[0])


def select(runs: pd.DataFrame, way: str, **values: Any) -> pd.DataFrame:
    """Give the runs of a way of training with certain settings, a row for each seed."""
    chosen = runs[runs.way == way]
    for name, value in values.items():
        chosen = chosen[chosen[name] == value]
    return chosen


def moments(chosen: pd.DataFrame, score: str, m: int = 0) -> tuple[float, float]:
    """Give mean and standard deviation over the seeds of the mean of the last m; 0 for all."""
    values = np.array([scores[m - 1] for scores in chosen[score]])
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0


def draw_sizes(runs: pd.DataFrame) -> Any:
    """Draw the scores against the number of members, as the paper's figure 3."""
    epochs, M, alpha_zero = standard(runs)
    ways = {
        f"{way}, rate {rate:g}": select(runs, way, epochs=epochs, M=M, alpha_zero=rate)
        for way in WITH_M
        for rate in (alpha_zero, alpha_zero / 2)
    }
    ways = {name: chosen for name, chosen in ways.items() if len(chosen)}
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for ax, (score, name) in zip(axes, SCORES.items(), strict=True):
        found = [[moments(c, score, m) for m in range(1, M + 1)] for c in ways.values()]
        draw_curves(ax, range(1, M + 1), found, list(ways), name)
        ax.set_xlabel("number of members m, the last ones of the training")
        ax.get_legend().remove()
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3)
    return figure


def draw_settings(runs: pd.DataFrame) -> Any:
    """Draw the scores against the restart rate, the number of cycles, and the budget."""
    epochs, M, alpha_zero = standard(runs)
    snapshots = "snapshot ensemble"
    rates = sorted(select(runs, snapshots, epochs=epochs, M=M).alpha_zero.unique())
    cycles = sorted(select(runs, snapshots, epochs=epochs, alpha_zero=alpha_zero).M.unique())
    budgets = sorted(select(runs, SINGLES[0]).epochs.unique())
    figure, axes = plt.subplots(2, 3, figsize=(10, 6.4), layout="constrained")
    for row, (score, name) in zip(axes, SCORES.items(), strict=True):
        at_rate = [select(runs, snapshots, epochs=epochs, M=M, alpha_zero=r) for r in rates]
        of_m = [select(runs, snapshots, epochs=epochs, alpha_zero=alpha_zero, M=k) for k in cycles]
        draw_curves(row[0], rates, [[moments(c, score) for c in at_rate]], None, name)
        row[0].set_xlabel("restart rate alpha_zero")
        draw_curves(row[1], cycles, [[moments(c, score) for c in of_m]], None, name)
        row[1].set_xlabel("cycles M in the same budget")
        ways = WITH_M + SINGLES
        found = [
            [moments(budget_of(runs, way, b, alpha_zero, M, epochs), score) for b in budgets]
            for way in ways
        ]
        draw_curves(row[2], budgets, found, ways, name)
        row[2].set_xlabel("budget (epochs)")
        row[2].get_legend().remove()
    figure.legend(*axes[0, 2].get_legend_handles_labels(), loc="outside lower right", ncols=5)
    return figure


def budget_of(
    runs: pd.DataFrame, way: str, budget: int, alpha_zero: float, M: int, epochs: int
) -> pd.DataFrame:
    """Give the runs of a way with a budget; at the standard one with the standard M."""
    chosen = select(runs, way, epochs=budget, alpha_zero=alpha_zero)
    is_standard = way in WITH_M and budget == epochs
    return chosen[chosen.M == M] if is_standard else chosen


def draw_curves(ax: Any, x: Any, found: Any, ways: list[str] | None, name: str) -> None:
    """Draw means and deviations, a line for each way of training."""
    values = np.array(found)
    SearchDisplay(
        x_values=list(x),
        mean_scores=values[:, :, 0] if ways else values[0, :, 0],
        std_scores=values[:, :, 1] if ways else values[0, :, 1],
        hue_values=ways,
        hue_name="",
        score_name=name,
        lower_is_better=True,
    ).plot(ax)


def draw_lines(found: dict[str, Any]) -> Any:
    """Draw the losses along the lines from members to the last one, as the paper's figure 5."""
    fractions = np.array(found["fractions"])
    between = (fractions >= 0) & (fractions <= 1)
    # The standard rate; with half of it the curves look alike.
    ensembles = [found["ensembles"][0], *found["ensembles"][2:3]]
    shape = {"figsize": (9, 6), "sharex": True, "sharey": True, "squeeze": False}
    figure, axes = plt.subplots(2, len(ensembles), layout="constrained", **shape)
    for column, ensemble in enumerate(ensembles):
        for ax, part in zip(axes[:, column], ("train", "test"), strict=True):
            lines = ensemble["lines"]
            InterpolationDisplay(
                fractions=fractions[between],
                losses=np.array([line[f"{part} NLL"] for line in lines])[:, between],
                pairs=[(line["member"] - 1, len(lines)) for line in lines],
                loss_name=f"NLL of {part} rows (nats)",
            ).plot(ax)
            ax.set_title(f"{ensemble['way']}, rate {ensemble['alpha_zero']:g}")
            ax.set_ylim(0, None)
            ax.get_legend().remove()
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=5)
    return figure


def draw_correlations(found: dict[str, Any]) -> Any:
    """Draw the correlations of the members' outputs, as the paper's figure 6."""
    ensembles = found["ensembles"]
    n_rows = -(-len(ensembles) // 2)
    figure, axes = plt.subplots(n_rows, 2, figsize=(9, 3.6 * n_rows), layout="constrained")
    for ax, ensemble in zip(np.ravel(axes), ensembles, strict=False):
        CorrelationDisplay(correlations=np.array(ensemble["correlation"])).plot(ax)
        ax.set_title(f"{ensemble['way']}, rate {ensemble['alpha_zero']:g}")
    return figure


def table(runs: pd.DataFrame) -> str:
    """Write means and deviations over the seeds of every training, in the order of the studies."""
    n_seeds = runs.seed.nunique()
    scores = ["error %, last", "error %, all", "NLL, last", "NLL, all"]
    heading = ["training", "alpha_zero", "M", "epochs", *scores]
    lines = [
        "# The paper's figures on letters",
        "",
        f"Mean and standard deviation of {n_seeds} seeds; no weight decay. *Last* is the last",
        "member alone, *all* the mean of all M, and NLL is in nats.",
        "",
        *(f"| {' | '.join(row)} |" for row in (heading, ["---"] * len(heading))),
    ]
    keys = ["way", "alpha_zero", "M", "epochs"]
    for (way, alpha_zero, M, epochs), chosen in runs.groupby(keys, sort=False):
        cells = [
            "{:.{}f} ± {:.{}f}".format(*(x for v in moments(chosen, score, m) for x in (v, places)))
            for score, places in (("error %", 2), ("NLL", 4))
            for m in (1, 0)
        ]
        row = [way, f"{alpha_zero:g}", str(M), str(epochs), *cells]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join([*lines, ""])
