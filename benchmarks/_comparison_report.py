"""The tables of compare_methods.py, from the lines of its runs."""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd
from _methods import BASELINE, LAST, PAPER, SNAPSHOTS
from _report import listed

from skensemble.metrics import deep_ensemble_equivalent

QUALITY = {
    "error %": ("error (%)", ".2f"),
    "NLL": ("NLL", ".4f"),
    "RMSE": ("RMSE", ",.0f"),
    "CLL": ("CLL ↑", ".4f"),
    "CRPS": ("CRPS", ",.0f"),
    "ECE": ("ECE", ".4f"),
    "ECE, equal mass": ("ECE, equal mass", ".4f"),
    "ECE, class-wise": ("ECE, class-wise", ".4f"),
    "covered %": ("in 90 % intervals (%)", ".2f"),
    "calibration": ("calibration of intervals", ".4f"),
}
"""Scores by the name that they have in the runs: heading and how they are written."""

UNSURE = {"risk-coverage": ("risk-coverage area", ".5f"), "answered %": ("accuracy at 90 %", ".2f")}

COSTS = {
    "training": ("training (nets)", ".3g"),
    "fit s": ("fit (s)", ".3g"),
    "fit ratio": ("fit (single nets)", ".2f"),
    "predict s": ("predict (s)", ".2g"),
    "passes": ("forward passes", ".0f"),
    "memory": ("memory (nets)", ".1f"),
}
"""Medians over the seeds."""

Run = dict[str, Any]
Formats = dict[str, tuple[str, str]]


def markdown(runs: Sequence[Run], order: Sequence[str]) -> str:
    """Write all tables of a data set.

    Parameters
    ----------
    runs : sequence of dict
        At least that of a single net.
    order : sequence of str
        Names of the methods, in the order of the rows.
    """
    frame = pd.DataFrame(runs)
    frame = frame.sort_values("seed", kind="stable").set_index("method")
    shown = common_seeds(frame)
    known = [name for name in order if name in shown.index]
    shown = shown.loc[known]
    last = max(runs, key=lambda run: run["machine"]["date"])
    n_seeds = shown["seed"].nunique()
    counts = shown.groupby(level=0, sort=False)["seed"].size()
    few = {f"seeds of {name}": n for name, n in counts.items() if n < n_seeds}
    settings = {**last["settings"], "seeds": n_seeds, **few}
    machine = {**last["machine"], "load average": f"{shown['load'].median():.1f}"}
    foreign = sorted(name for name in frame if name.startswith(("AUROC", "FPR95")))
    unsure = UNSURE | {name: (name, ".3f") for name in foreign}
    blocks = [
        [
            f"# Methods on {last['settings']['data']}",
            "",
            f"Settings: {listed(settings)}.",
            f"Machine and versions: {listed(machine)}.",
        ],
        ["Quality (mean ± standard deviation over the seeds):", "", *_quality(shown, known)],
    ]
    if "risk-coverage" in frame:
        heading = "Rows to be unsure of (means over the seeds; total and epistemic uncertainty):"
        blocks.append([heading, "", *_scores(shown, known, unsure, with_deviation=False)])
    blocks += [
        ["Costs (medians over the seeds; seconds beside other work):", "", *_costs(shown, known)],
        ["Deep ensembles of so many nets:", "", *_sizes(shown)],
        [
            f"The {SNAPSHOTS} less others at its budget, in pairs of the same seed:",
            "",
            *_pairs(frame),
        ],
        _warnings(shown, known),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block[2:]) + "\n"


def common_seeds(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the seeds that at least half of the methods have."""
    n_methods = frame["seed"].value_counts()
    seeds = n_methods.index[n_methods >= frame.index.nunique() / 2]
    return frame[frame["seed"].isin(seeds)] if len(seeds) else frame


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Write the lines of a table."""
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]


def _scores(
    frame: pd.DataFrame, order: Sequence[str], formats: Formats, *, with_deviation: bool
) -> list[str]:
    columns = [name for name in formats if name in frame]
    rows = [
        [name, *(_mean(frame.loc[[name], c], formats[c][1], with_deviation) for c in columns)]
        for name in order
    ]
    return table(["method", *(formats[c][0] for c in columns)], rows)


def _mean(values: pd.Series, form: str, with_deviation: bool) -> str:
    values = values.dropna()
    if values.empty:
        return ""
    deviation = f" ± {values.std():{form}}" if with_deviation and len(values) > 1 else ""
    return f"{values.mean():{form}}{deviation}"


def _quality(frame: pd.DataFrame, order: Sequence[str]) -> list[str]:
    """Put the gain over a single net and the equivalent beside the scores."""
    lines = _scores(frame, order, QUALITY, with_deviation=True)
    more = [["CLL over one net ↑", "DEE ↑"], ["---", "---"]]
    more += [[_gain(frame, name), equivalent(frame, name)] for name in order]
    return [f"{line} {' | '.join(cells)} |" for line, cells in zip(lines, more, strict=True)]


def _gain(frame: pd.DataFrame, name: str) -> str:
    pairs = paired(frame, name, BASELINE, "CLL")
    return "" if name == BASELINE or pairs.empty else signed(pairs, ".4f")


def paired(frame: pd.DataFrame, one: str, other: str, score: str) -> pd.Series:
    """Give the differences of a score at the seeds that both methods have."""
    if not {one, other} <= set(frame.index):
        return pd.Series(dtype=float)
    of_one, of_other = (
        frame.loc[[name]].set_index("seed")[score].astype(float) for name in (one, other)
    )
    return (of_one - of_other).dropna()


def signed(pairs: pd.Series, form: str) -> str:
    """Write the mean and the deviation of differences."""
    deviation = f" ± {pairs.std():{form}}" if len(pairs) > 1 else ""
    return f"{pairs.mean():+{form}}{deviation}"


def equivalent(frame: pd.DataFrame, name: str) -> str:
    """Write how large a deep ensemble is as good, at the means over the seeds."""
    curve = sizes(frame)
    if curve.empty:
        return ""
    likelihood, likelihoods = frame.loc[[name], "CLL"].mean(), curve["CLL"].to_numpy()
    if likelihood <= likelihoods[0]:
        return "≤ 1"
    if "sizes" in frame and frame.loc[[name], "sizes"].notna().all():
        # The largest ensemble is the end of the curve, whatever float32 does to its means.
        likelihood = likelihoods[-1]
    found = deep_ensemble_equivalent(likelihood, likelihoods)
    return f"{found:.1f}" if found <= len(curve) else f"> {len(curve)}"


def sizes(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the mean scores of the deep ensembles of 1, 2, ... nets."""
    if "sizes" not in frame:
        return pd.DataFrame()
    scored = [pd.DataFrame(run) for run in frame["sizes"].dropna()]
    return sum(scored) / len(scored)


def _sizes(frame: pd.DataFrame) -> list[str]:
    curve = sizes(frame)
    columns = [name for name in QUALITY if name in curve]
    rows = [
        [str(k + 1), *(f"{row[c]:{QUALITY[c][1]}}" for c in columns)]
        for k, row in curve.reset_index(drop=True).iterrows()
    ]
    return table(["nets", *(QUALITY[c][0] for c in columns)], rows) if rows else []


def with_costs(frame: pd.DataFrame) -> pd.DataFrame:
    """Set the costs against those of the single net with the same seed."""
    single = frame[frame.index == BASELINE].set_index("seed")[["steps", "fit s", "bytes"]]
    relative = frame.join(single.add_suffix(" of one"), on="seed")
    return frame.assign(
        **{
            "training": (relative["steps"] / relative["steps of one"]).mask(frame["has own net"]),
            "fit ratio": relative["fit s"] / relative["fit s of one"],
            "memory": relative["bytes"] / relative["bytes of one"],
        }
    )


def _costs(frame: pd.DataFrame, order: Sequence[str]) -> list[str]:
    costs = with_costs(frame)
    rows = [
        [name, *(median_of(costs.loc[[name], c], form) for c, (_, form) in COSTS.items())]
        for name in order
    ]
    return table(["method", *(heading for heading, _ in COSTS.values())], rows)


def median_of(values: pd.Series, form: str) -> str:
    """Write a median; the costs of a net of its own are in no units of the others."""
    return "own net" if values.isna().all() else f"{values.median():{form}}"


def _pairs(frame: pd.DataFrame) -> list[str]:
    """Set the snapshot ensemble against what its paper does, and what else costs one training.

    Seeds are all that both have, also those that other rows lack.
    """
    alike = [name for name in frame.index.unique() if re.fullmatch(r"\d+ nets of \d+ epochs", name)]
    alike = [
        name for name in alike if "sizes" not in frame or frame.loc[[name], "sizes"].isna().all()
    ]
    lower = [name for name in ("error %", "NLL", "RMSE") if name in frame]
    scores = dict.fromkeys(lower, -1) | {"CLL": 1}
    rows = [_pair(frame, other, scores) for other in (*PAPER, LAST, *alike)]
    header = ["against", "seeds"]
    for name in scores:
        header += [QUALITY[name][0], "ahead in"]
    return table(header, [row for row in rows if row])


def _pair(frame: pd.DataFrame, other: str, scores: dict[str, int]) -> list[str]:
    """Write the differences of some scores, whose signs say which way is better."""
    cells: list[str] = []
    for name, sign in scores.items():
        pairs = paired(frame, SNAPSHOTS, other, name)
        if pairs.empty:
            return []
        cells = cells or [other, str(len(pairs))]
        cells += [signed(pairs, QUALITY[name][1]), str((sign * pairs > 0).sum())]
    return cells


def _warnings(frame: pd.DataFrame, order: Sequence[str]) -> list[str]:
    """Write each method's first warning, and how many of its fits warned."""
    lines = []
    for name in order:
        found = [texts for texts in frame.loc[[name], "warnings"] if texts]
        if found:
            lines.append(f"- {name}, {len(found)} in all: {found[0][0]}")
    return ["Warnings of the fits:", "", *lines] if lines else []
