"""What all displays share: where they draw, and in which colours.

Text, ticks and frames keep the colours of matplotlib's style, so that a display is as readable
under ``plt.style.use("dark_background")`` as on paper. The colours of marks stand out on white and
on black, and differ to the colour-blind; marks that share axes also differ by shape or dashes.
"""

from collections.abc import Sequence
from math import floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from skensemble._checks import reject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "AVERAGE",
    "COLOURS",
    "DASHES",
    "MARKERS",
    "MEMBER",
    "are_numbers",
    "axes_of",
    "draw_heat_map",
    "is_wide",
    "next_style",
    "place_numbers",
    "put_legend",
    "tick_wholes",
]

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999"]
"""Those of Okabe and Ito which stand out on white and on black, for one line after the other."""

MEMBER, AVERAGE = COLOURS[0], COLOURS[1]
"""Colours of what single members do, and of what the ensemble does, in every display."""

MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
"""Marks that go with the colours."""

DASHES = ["-", "--", "-.", ":"]
"""Kinds of lines, for one line after the other."""


def axes_of(
    ax: "Axes | None", display: object, n_rows: int = 1, heights: Sequence[float] | None = None
) -> "list[Axes]":
    """Return the axes to draw on, one for each row of a figure that is made if there is none.

    Parameters
    ----------
    ax : matplotlib Axes, sequence of n_rows of them, or None
        None makes a figure with a column of `n_rows` axes, which share what is on x.
    display : object
        Whose name an error gives if matplotlib is not installed.
    n_rows : int, default=1
        How many axes the display draws on.
    heights : sequence of float, default=None
        Their heights in a figure that is made, in inches; None is the same for all.

    Returns
    -------
    axes : list of n_rows matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    InvalidParameterError
        If the number of axes is not `n_rows`.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__}.plot needs matplotlib, which is not installed. "
            'pip install ".[examples]" in a checkout brings it.'
        ) from error

    if ax is None:
        heights = heights or ([3.4] if n_rows == 1 else [2.2] * n_rows)
        shape = {"figsize": (5.6, sum(heights)), "height_ratios": heights}
        _, axes = plt.subplots(n_rows, sharex=True, squeeze=False, layout="constrained", **shape)
        return list(axes[:, 0])
    given = [ax] if hasattr(ax, "plot") else list(ax)
    if len(given) != n_rows:
        raise reject("ax", f"{n_rows} matplotlib Axes" if n_rows > 1 else "one matplotlib Axes", ax)
    return given


WIDEST, MOST_ROOM = 0.98, 0.6
"""Shares of the axes: how wide a legend may be, and how high the room for it."""


def put_legend(ax: "Axes", n_columns: int = 2) -> None:
    """Put a legend at the top, and room under it, so that it hides nothing.

    Parameters
    ----------
    ax : matplotlib Axes
        What is drawn on it decides where the room begins; a second call takes no more of it.
    n_columns : int, default=2
        Columns of the legend, where it has that many entries.
    """
    handles, _ = ax.get_legend_handles_labels()
    if not handles:
        return
    figure = ax.get_figure(root=True)
    box = ax.get_window_extent()
    for columns in range(min(n_columns, len(handles)), 0, -1):
        legend = ax.legend(
            loc="upper right",
            ncols=columns,
            frameon=False,
            fontsize="small",
            columnspacing=1,
            labelspacing=0.3,
            handlelength=2,
        )
        extent = legend.get_window_extent()
        if extent.width < WIDEST * box.width:
            break
    # What it would take of the width is not to be taken from the axes.
    legend.set_in_layout(False)
    ax.autoscale(axis="y")
    transform = ax.yaxis.get_transform()
    low, high = transform.transform(ax.get_ylim())
    room = min((extent.height + 0.05 * figure.dpi) / box.height, MOST_ROOM)
    top = high + (high - low) * room / (1 - room)
    ax.set_ylim(*transform.inverted().transform([low, top]))


MOST_TICKS = 12
"""Values that all have a tick on x."""

DECADE = 10
"""Values whose largest is that many times the least stand on a logarithmic axis."""


def is_wide(values: Any) -> bool:
    """Say whether values, which are all above 0, span a decade.

    Examples
    --------
    >>> is_wide([1, 10]), is_wide([1, 9]), is_wide([0, 10])
    (True, False, False)
    """
    return bool(0 < DECADE * min(values) <= max(values))


def are_numbers(values: Sequence[Any]) -> bool:
    """Say whether all values are numbers; True and False are none."""
    kinds = int | float | np.number
    return all(isinstance(value, kinds) and not isinstance(value, bool) for value in values)


def place_numbers(axes: "Sequence[Axes]", values: Sequence[Any] | np.ndarray) -> None:
    """Choose how axes that share x show some numbers: by their logarithms where they span a decade.

    Few numbers have a tick each, written out.
    """
    from matplotlib.ticker import NullLocator

    for ax in axes:
        if is_wide(values):
            ax.set_xscale("log")
        if len(values) <= MOST_TICKS:
            ax.set_xticks(values, [f"{value:g}" for value in values])
            ax.xaxis.set_minor_locator(NullLocator())


def tick_wholes(ax: "Axes", numbers: Sequence[int] | np.ndarray) -> None:
    """Tick whole numbers on x, all of them where there are few."""
    from matplotlib.ticker import MaxNLocator

    if len(numbers) <= MOST_TICKS:
        ax.set_xticks(numbers)
    else:
        ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


MOST_NUMBERS = 9
"""Rows and columns of a heat map that has numbers in its cells."""

TINY = 1e-12
"""What is no size to count decimals by."""


def draw_heat_map(ax: "Axes", values: np.ndarray, cmap: str, **options: Any) -> Any:
    """Draw a matrix as a heat map with its numbers in the cells, and return image and texts.

    Parameters
    ----------
    ax : matplotlib Axes
    values : ndarray of shape (n_rows, n_columns)
        nan where there is none.
    cmap : str
        Of matplotlib's.
    **options : object
        Of matplotlib's `imshow`, such as `vmin` and `vmax`.

    Returns
    -------
    image : matplotlib AxesImage
    texts : ndarray of shape (n_rows, n_columns)
        The numbers; None where a value is nan, and everywhere where cells are too small.
    """
    image = ax.imshow(values, cmap=cmap, **({"origin": "lower", "aspect": "auto"} | options))
    texts = np.full(values.shape, None, dtype=object)
    most = max(values.shape)
    if most > MOST_NUMBERS:
        return image, texts
    size = "small" if most <= 6 else "x-small"
    decimals = _decimals(values)
    for row, column in zip(*np.nonzero(np.isfinite(values)), strict=True):
        red, green, blue, _ = image.cmap(image.norm(values[row, column]))
        is_dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5
        texts[row, column] = ax.text(
            column,
            row,
            f"{values[row, column]:.{decimals}f}",
            ha="center",
            va="center",
            fontsize=size,
            color="white" if is_dark else "black",
        )
    return image, texts


def _decimals(values: np.ndarray) -> int:
    """Return how many decimals show the largest of some values and tell them apart."""
    finite = values[np.isfinite(values)]
    sizes = [abs(finite).max(initial=0), np.ptp(finite) if len(finite) else 0]
    by_size, by_spread = (0 if size < TINY else -floor(log10(size)) for size in sizes)
    return min(max(by_size + 2, by_spread + 1, 0), 4)


def next_style(ax: "Axes", kind: str) -> dict[str, Any]:
    """Return keywords for a further line of a kind on axes, unlike those that are there.

    Parameters
    ----------
    ax : matplotlib Axes
    kind : str
        What is drawn, which the line is marked as.

    Returns
    -------
    style : dict of str to object
        Colour, dashes and marker.
    """
    k = sum(line.get_gid() == kind for line in ax.lines)
    return {
        "color": COLOURS[k % len(COLOURS)],
        "linestyle": DASHES[k % len(DASHES)],
        "marker": MARKERS[k % len(MARKERS)],
        "gid": kind,
    }
