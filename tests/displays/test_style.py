"""Where displays draw."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from skensemble._checks import InvalidParameterError
from skensemble.displays._style import COLOURS, axes_of

mpl.use("agg")


def luminance(colour):
    """Relative luminance, as the Web Content Accessibility Guidelines define it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("colour", COLOURS)
def test_marks_stand_out_on_white_and_on_black(colour):
    on_white = 1.05 / (luminance(colour) + 0.05)
    on_black = (luminance(colour) + 0.05) / 0.05
    assert min(on_white, on_black) > 2


def test_the_axes_given_are_those_drawn_on():
    ax = Figure().add_subplot()
    assert axes_of(ax, None) == [ax]


def test_a_figure_is_made_where_there_are_no_axes():
    first, second = axes_of(None, None, n_rows=2)
    assert first.figure is second.figure
    assert first.get_shared_x_axes().joined(first, second)


def test_the_number_of_axes_is_checked():
    ax = Figure().add_subplot()
    with pytest.raises(InvalidParameterError, match="ax must be 2 matplotlib Axes, got"):
        axes_of([ax], None, n_rows=2)


def test_importing_displays_loads_no_matplotlib():
    code = "import sys, skensemble.displays; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
