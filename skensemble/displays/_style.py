"""What all displays share: where they draw, and in which colours.

Text, ticks and frames keep the colours of matplotlib's style, so that a display is as readable
under ``plt.style.use("dark_background")`` as on paper. The colours of marks stand out on white and
on black, and differ to the colour-blind; marks that share axes also differ by shape or dashes.
"""

from typing import TYPE_CHECKING

from sklearn.utils._optional_dependencies import check_matplotlib_support

from skensemble._checks import reject

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["AVERAGE", "COLOURS", "DASHES", "MARKERS", "MEMBER", "axes_of"]

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999"]
"""Those of Okabe and Ito which stand out on white and on black, for one line after the other."""

MEMBER, AVERAGE = COLOURS[0], COLOURS[1]
"""Colours of what single members do, and of what the ensemble does, in every display."""

MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
"""Marks that go with the colours."""

DASHES = ["-", "--", "-.", ":"]
"""Kinds of lines, for one line after the other."""


def axes_of(ax: "Axes | None", display: object, n_rows: int = 1) -> "list[Axes]":
    """Return the axes to draw on, one for each row of a figure that is made if there is none.

    Parameters
    ----------
    ax : matplotlib Axes, sequence of n_rows of them, or None
        None makes a figure with a column of `n_rows` axes, which share what is on x.
    display : object
        Whose name an error gives if matplotlib is not installed.
    n_rows : int, default=1
        How many axes the display draws on.

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
    check_matplotlib_support(f"{type(display).__name__}.plot")
    import matplotlib.pyplot as plt

    if ax is None:
        height = 3.4 if n_rows == 1 else 2.2 * n_rows
        _, axes = plt.subplots(
            n_rows, sharex=True, squeeze=False, figsize=(5.6, height), layout="constrained"
        )
        return list(axes[:, 0])
    given = [ax] if hasattr(ax, "plot") else list(ax)
    if len(given) != n_rows:
        raise reject("ax", f"{n_rows} matplotlib Axes" if n_rows > 1 else "one matplotlib Axes", ax)
    return given
