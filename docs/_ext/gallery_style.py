"""How the pictures of the gallery look; each example begins with this style."""

from typing import Any

import matplotlib as mpl

__all__ = ["apply"]

STYLE = {
    # Colours of Okabe and Ito, which the colour-blind can tell apart.
    "axes.prop_cycle": mpl.cycler(
        color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999"]
    ),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 100,
    "font.size": 10,
}


def apply(gallery_conf: dict[str, Any], name: str) -> None:
    """Set the style, before the example of a name is run."""
    mpl.rcParams.update(STYLE)
