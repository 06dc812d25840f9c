"""Where displays draw."""

import sys

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from skensemble._checks import InvalidParameterError
from skensemble.displays import ScheduleDisplay
from skensemble.displays._style import (
    COLOURS,
    axes_of,
    draw_heat_map,
    put_legend,
    tick_wholes,
)


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
    with pytest.raises(InvalidParameterError, match="ax must be one matplotlib Axes, got"):
        axes_of([ax, ax], None)


def test_the_error_of_a_missing_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'ScheduleDisplay.plot .* "\.\[examples\]"'):
        axes_of(None, ScheduleDisplay(learning_rates=[0.1]))


@pytest.fixture
def line():
    """Axes of the usual size with one named line from 0 to 1."""
    ax = Figure(figsize=(4, 3)).add_subplot()
    ax.plot([0, 1], [0, 1], label="a line")
    return ax


def test_a_legend_stands_above_what_is_drawn(line):
    put_legend(line)
    bottom = line.get_legend().get_window_extent().y0
    assert bottom > line.transData.transform((1, 1))[1]


def test_a_second_legend_takes_no_more_room(line):
    put_legend(line)
    before = line.get_ylim()
    put_legend(line)
    assert line.get_ylim() == before


def test_a_legend_is_no_wider_than_the_axes(line):
    line.plot([0, 1], [1, 0], label="a name nearly as long as the axes")
    put_legend(line)
    legend = line.get_legend().get_window_extent()
    assert legend.x0 >= line.get_window_extent().x0
    assert legend.y0 > line.transData.transform((1, 1))[1]


def test_room_is_made_on_a_logarithmic_axis(line):
    line.set_yscale("log")
    line.set_ylim(1e-3, 1)
    put_legend(line)
    assert line.get_legend().get_window_extent().y0 > line.transData.transform((1, 1))[1]


def test_no_legend_without_names():
    ax = Figure().add_subplot()
    put_legend(ax)
    assert ax.get_legend() is None


def test_all_of_few_whole_numbers_are_ticked_and_of_many_whole_ones():
    ax = Figure().add_subplot()
    tick_wholes(ax, [1, 2, 3])
    assert ax.get_xticks().tolist() == [1, 2, 3]
    ax = Figure().add_subplot()
    ax.set_xlim(0.5, 30.5)
    tick_wholes(ax, np.arange(1, 31))
    ticks = ax.get_xticks()
    assert 3 < len(ticks) < 20
    assert (ticks == ticks.round()).all()


def test_a_heat_map_writes_its_numbers_readably():
    values = np.array([[0.0, 1.234], [np.nan, 0.5]])
    image, texts = draw_heat_map(Figure().add_subplot(), values, "viridis")
    assert image.get_array().filled(np.nan).tolist()[0] == [0.0, 1.234]
    assert texts[1, 0] is None
    assert [texts[0, 0].get_text(), texts[0, 1].get_text()] == ["0.00", "1.23"]
    assert texts[0, 0].get_color() == "white"
    assert texts[0, 1].get_color() == "black"


def test_numbers_that_are_close_have_decimals_that_tell_them_apart():
    _, texts = draw_heat_map(Figure().add_subplot(), np.array([[0.991, 0.994]]), "viridis")
    assert [text.get_text() for text in texts[0]] == ["0.9910", "0.9940"]
    _, texts = draw_heat_map(Figure().add_subplot(), np.array([[120.0, 7.0]]), "viridis")
    assert [text.get_text() for text in texts[0]] == ["120", "7"]
