"""The figure of `tables.py`: how good each method is, and how long its fit takes."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from _table_competitors import (
    CATBOOST,
    HISTOGRAM,
    HISTOGRAM_STOPPED,
    LIGHTGBM,
    LIGHTGBM_STOPPED,
    METHODS,
    MLP,
    OURS,
    REALMLP,
    SNAPSHOTS,
)
from _table_report import OTHERS, wide
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
"""Of Okabe and Ito, told apart by all kinds of colour vision; shapes say the same in print."""

LOOKS = {
    OURS: ("o", BLUE, True),
    SNAPSHOTS: ("o", BLUE, False),
    HISTOGRAM: ("s", ORANGE, False),
    HISTOGRAM_STOPPED: ("s", ORANGE, True),
    LIGHTGBM: ("^", ORANGE, False),
    LIGHTGBM_STOPPED: ("^", ORANGE, True),
    CATBOOST: ("D", ORANGE, True),
    MLP: ("v", GREEN, True),
    REALMLP: ("P", GREEN, True),
}
"""Shape, colour, and whether the shape is filled, of each method."""

TICKS = [*np.arange(1, 11) / 10, 1.1, 1.2, 1.4, 1.6, 2, 3, 5, 10]
"""Of relative losses."""

PLACES = [
    (offset * right, offset * up)
    for offset in (7, 12, 20, 30)
    for right, up in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
]
"""Where a label may lie beside its point, in points; the first that is free is taken."""


def draw(runs: pd.DataFrame, path: Path) -> None:
    """Draw the methods as an SVG.

    Parameters
    ----------
    runs : DataFrame
        A run each row, some of early-stopped HistGradientBoosting.
    path : Path
        Of the SVG.
    """
    # Ids that do not change from run to run, so that a figure changes only where its points do.
    with mpl.rc_context({"font.size": 9, "svg.hashsalt": "tables"}):
        figure_of(quality(runs)).savefig(path, metadata={"Date": None})


def quality(runs: pd.DataFrame) -> pd.DataFrame:
    """Give seconds and relative loss of each method on the tables not used for choosing.

    Where none of those is there, they are those of all tables.

    Parameters
    ----------
    runs : DataFrame

    Returns
    -------
    points : DataFrame
        A row for each method that has runs on all tables: "seconds", the mean of its fits, and
        "loss", the geometric mean over tables of its loss over that of early-stopped
        HistGradientBoosting. Its ``attrs`` count the "tables".
    """
    others = runs[runs["table"].isin(OTHERS)]
    runs = others if len(others) else runs
    means = wide(runs, "loss").groupby("table").mean()
    names = [name for name in METHODS if name in means and means[name].notna().all()]
    ratios = means[names].div(means[HISTOGRAM_STOPPED], axis=0)
    seconds = runs.groupby("method")["fit s"].mean()
    points = pd.DataFrame({"seconds": seconds[names], "loss": np.exp(np.log(ratios).mean())})
    points.attrs["tables"] = len(means)
    return points.loc[names]


def figure_of(points: pd.DataFrame) -> Figure:
    """Draw a labelled point for each method.

    Parameters
    ----------
    points : DataFrame
        See `quality`.

    Returns
    -------
    figure : Figure
    """
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.axhline(1, color="0.8", linewidth=1, zorder=0)
    for name, (seconds, loss) in points[["seconds", "loss"]].iterrows():
        shape, color, is_filled = LOOKS[name]
        face = color if is_filled else "white"
        axes.plot(seconds, loss, shape, color=color, markerfacecolor=face, markersize=7)
    # Room for labels on both sides of the points.
    axes.margins(0.25, 0.12)
    axes.set(
        xscale="log",
        yscale="log",
        yticks=[tick for tick in TICKS if 0.9 * points["loss"].min() < tick < points["loss"].max()],
        xlabel="seconds of a fit, one thread (mean)",
        ylabel="loss over that of early-stopped\nHistGradientBoosting (lower is better)",
        title=f"{points.attrs['tables']} tables, geometric mean",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    axes.tick_params(axis="y", which="minor", length=0)
    figure.canvas.draw()
    place_labels(axes, points)
    return figure


def place_labels(axes: Axes, points: pd.DataFrame) -> list[Annotation]:
    """Write the name of each point beside it, where it covers no other name or point.

    Parameters
    ----------
    axes : Axes
        With its limits and its size as they stay.
    points : DataFrame

    Returns
    -------
    labels : list of Annotation
    """
    centres = axes.transData.transform(points[["seconds", "loss"]].to_numpy())
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in centres]
    labels = []
    for name, (seconds, loss) in points[["seconds", "loss"]].iterrows():
        for place in PLACES:
            label = _label(axes, str(name), (seconds, loss), place)
            box = label.get_window_extent()
            inside = axes.figure.bbox
            is_inside = inside.x0 < box.x0 and box.x1 < inside.x1
            if is_inside and not box.count_overlaps(taken):
                break
            label.remove()
        else:
            label = _label(axes, str(name), (seconds, loss), PLACES[0])
        taken.append(label.get_window_extent())
        labels.append(label)
    return labels


def _label(
    axes: Axes, name: str, point: tuple[float, float], place: tuple[float, float]
) -> Annotation:
    right, up = place
    return axes.annotate(
        name,
        point,
        xytext=place,
        textcoords="offset points",
        ha="left" if right > 0 else "right" if right < 0 else "center",
        va="bottom" if up > 0 else "top" if up < 0 else "center",
        weight="bold" if name == OURS else "normal",
        # The line at 1 runs behind names, not through them.
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
    )
