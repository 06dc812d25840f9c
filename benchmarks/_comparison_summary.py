"""Which method: the comparison on all data sets, in one table."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from _comparison_report import common_seeds, equivalent, median_of, table, with_costs

NAMES = {
    "letter": "letters",
    "letter_no_decay": "letters, no weight decay",
    "digits": "digits",
    "california": "house values",
}
FOREIGN = {"letter": "mixed columns", "digits": "turned by 90°"}
"""One kind of foreign rows of a data set."""

Run = dict[str, Any]


def summary(runs: Mapping[str, Sequence[Run]]) -> str:
    """Write the deep ensemble equivalents of all data sets beside each other.

    Costs are those of the first data set that has the method. Foreign rows are told by the
    epistemic part where there are several members, else by the entropy.

    Parameters
    ----------
    runs : mapping of str to sequence of dict
        Those of each data set, by its name.
    """
    frames = {data: _frame(runs[data]) for data in NAMES if runs.get(data)}
    names = list(dict.fromkeys(name for frame in frames.values() for name in frame.index))
    foreign = {data: FOREIGN[data] for data in frames if data in FOREIGN}
    header = [
        "method",
        "training (nets)",
        "forward passes",
        *(f"DEE, {NAMES[data]}" for data in frames),
        *(f"AUROC, {NAMES[data]}, {kind}" for data, kind in foreign.items()),
    ]
    rows = []
    for name in names:
        first = next(frame.loc[[name]] for frame in frames.values() if name in frame.index)
        costs = [median_of(first["training"], ".2g"), median_of(first["passes"], ".0f")]
        rows.append(
            [
                name,
                *costs,
                *(equivalent(f, name) if name in f.index else "" for f in frames.values()),
                *(_area(frames[data], name, kind) for data, kind in foreign.items()),
            ]
        )
    return "\n".join(["# Which method", "", *table(header, rows), ""])


def _frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Give the runs with names that are the same on all data sets."""
    frame = pd.DataFrame([{**run, "method": _common_name(run)} for run in runs])
    return common_seeds(with_costs(frame.set_index("method")))


def _common_name(run: Run) -> str:
    k, epochs = run["settings"]["k"], run["settings"]["epochs"]
    for kind in ("nets", "cross-fitted"):
        if run["method"] == f"{k} {kind} of {epochs // k} epochs":
            return f"k {kind} that share one budget"
    if run["method"] == f"{k} cross-fitted of {epochs} epochs":
        return "k cross-fitted of a whole budget each"
    return run["method"]


def _area(frame: pd.DataFrame, name: str, kind: str) -> str:
    if name not in frame.index:
        return ""
    rows = frame.loc[[name]]
    area = rows.get(f"AUROC, {kind}, epistemic", rows[f"AUROC, {kind}, total"])
    return f"{area.fillna(rows[f'AUROC, {kind}, total']).mean():.3f}"
