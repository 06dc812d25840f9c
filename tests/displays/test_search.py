"""What a search has found, as lines and as a heat map."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from skensemble._checks import InvalidParameterError
from skensemble.displays import SearchDisplay


def results(**columns):
    """Make what a search leaves, of parameters with prefixes."""
    n = len(columns["mean_test_score"])
    columns.setdefault("std_test_score", np.full(n, 0.5))
    prefixes = {"M": "param_ensemble__M", "alpha_zero": "param_ensemble__alpha_zero"}
    return {prefixes.get(name, name): np.array(values) for name, values in columns.items()}


GRID = results(
    M=[2, 1, 2, 1],
    alpha_zero=[0.1, 0.1, 0.01, 0.01],
    mean_test_score=[-4.0, -3.0, -2.0, -1.0],
    std_test_score=[0.4, 0.3, 0.2, 0.1],
)


def test_a_line_for_each_value_of_hue_with_the_spread_of_folds():
    display = SearchDisplay.from_cv_results(GRID, "M", hue="alpha_zero")
    first, second = display.lines_
    assert [np.asarray(v).tolist() for v in first.get_data()] == [[1, 2], [-1, -2]]
    assert np.asarray(second.get_ydata()).tolist() == [-3, -4]
    assert [line.get_label() for line in display.lines_] == [
        "alpha_zero = 0.01",
        "alpha_zero = 0.1",
    ]
    assert {*display.bands_[1].get_paths()[0].vertices[:, 1].round(6)} == {-3.3, -2.7, -4.4, -3.6}
    assert display.ax_.get_ylabel() == "score (higher is better)"


def test_a_score_of_a_loss_is_turned_round():
    display = SearchDisplay.from_cv_results(GRID, "M", hue="alpha_zero", score_name="neg_log_loss")
    assert np.asarray(display.lines_[0].get_ydata()).tolist() == [1, 2]
    assert display.ax_.get_ylabel() == "log-loss (lower is better)"


def test_two_parameters_make_a_heat_map():
    display = SearchDisplay.from_cv_results(GRID, "M", "alpha_zero")
    assert display.image_.get_array().tolist() == [[-1, -2], [-3, -4]]
    assert [[text.get_text() for text in row] for row in display.texts_] == [
        ["-1.00", "-2.00"],
        ["-3.00", "-4.00"],
    ]
    x, y = (
        [label.get_text() for label in axis.get_ticklabels()]
        for axis in (display.ax_.xaxis, display.ax_.yaxis)
    )
    assert (x, y) == (["1", "2"], ["0.01", "0.1"])
    assert not display.lines_
    # What is better is brighter, whichever way the score goes.
    of_losses = SearchDisplay.from_cv_results(GRID, "M", "alpha_zero", score_name="neg_log_loss")
    for one, (best, worst) in ((display, (-1, -4)), (of_losses, (1, 4))):
        colours = [one.image_.cmap(one.image_.norm(score))[:3] for score in (best, worst)]
        assert sum(colours[0]) > sum(colours[1])


def test_what_was_not_tried_has_no_number():
    display = SearchDisplay.from_cv_results(
        results(M=[1, 2], alpha_zero=[0.1, 0.2], mean_test_score=[1.0, 2.0]), "M", "alpha_zero"
    )
    assert display.texts_[0, 1] is None
    assert np.isnan(display.mean_scores[0, 1])


def test_of_several_candidates_the_best_is_shown_or_those_of_where():
    best = SearchDisplay.from_cv_results(GRID, "M")
    assert np.asarray(best.lines_[0].get_ydata()).tolist() == [-1, -2]
    assert best.std_scores.tolist() == [0.1, 0.2]
    first = results(M=[1, 1], mean_test_score=[2.0, 1.0])
    assert SearchDisplay.from_cv_results(first, "M").mean_scores.tolist() == [2]
    other = SearchDisplay.from_cv_results(GRID, "M", where={"alpha_zero": 0.1})
    assert np.asarray(other.lines_[0].get_ydata()).tolist() == [-3, -4]


def test_a_candidate_that_failed_does_not_hide_one_that_did_not():
    failed = results(M=[1, 1], mean_test_score=[-1.0, np.nan])
    assert SearchDisplay.from_cv_results(failed, "M").mean_scores.tolist() == [-1]


def test_values_over_a_decade_stand_on_a_logarithmic_axis():
    wide = results(M=[1, 10], mean_test_score=[1.0, 2.0])
    narrow = results(M=[1, 9], mean_test_score=[1.0, 2.0])
    assert SearchDisplay.from_cv_results(wide, "M").ax_.get_xscale() == "log"
    assert SearchDisplay.from_cv_results(narrow, "M").ax_.get_xscale() == "linear"


def test_values_that_are_no_numbers_stand_side_by_side():
    cv_results = results(param_m=[None, 1], mean_test_score=[1.0, 2.0])
    cv_results["param_m"] = np.ma.array([None, 1], mask=[False, False], dtype=object)
    display = SearchDisplay.from_cv_results(cv_results, "m")
    assert display.lines_[0].get_xdata().tolist() == [0, 1]
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["None", "1"]


def test_of_several_metrics_one_is_chosen():
    cv_results = GRID | {"mean_test_accuracy": np.arange(4.0), "std_test_accuracy": np.zeros(4)}
    display = SearchDisplay.from_cv_results(cv_results, "M", metric="accuracy")
    assert display.mean_scores.tolist() == [3, 2]
    assert display.ax_.get_ylabel() == "accuracy (higher is better)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"x": "alpha"},
            r"x must be one of \['ensemble__M', 'ensemble__alpha_zero'\], got 'alpha'",
        ),
        ({"x": "M", "y": "n"}, "y must be one of"),
        ({"x": "M", "y": "alpha_zero", "hue": "M"}, "hue must be None with y"),
        ({"x": "M", "metric": "f1"}, r"metric must be one of \['score'\], got 'f1'"),
        ({"x": "M", "where": {"M": 3}}, r"where must be values that a candidate has, got"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(InvalidParameterError, match=message):
        SearchDisplay.from_cv_results(GRID, **arguments)


def test_a_short_name_that_stands_for_several_is_refused():
    cv_results = GRID | {"param_other__M": np.arange(4)}
    with pytest.raises(InvalidParameterError, match="which it may be short for, got 'M'"):
        SearchDisplay.from_cv_results(cv_results, "M")


def test_a_longer_name_with_the_same_end_is_another_one():
    cv_results = GRID | {"param_ensemble__half_M": np.arange(4)}
    assert SearchDisplay.from_cv_results(cv_results, "M").x_values == [1, 2]


def test_a_legend_has_values_alone_where_hue_has_no_name():
    one = {"x_values": [1, 2], "mean_scores": [[1, 2]], "hue_values": ["NoCycle"], "hue_name": ""}
    assert SearchDisplay(**one).plot().lines_[0].get_label() == "NoCycle"


def test_a_display_draws_on_the_axes_that_are_given():
    display = SearchDisplay.from_cv_results(GRID, "M", "alpha_zero")
    first, second = Figure().subplots(1, 2)
    assert display.plot(first).image_.axes is first
    assert display.plot(second).image_.axes is second


def test_the_sign_hangs_on_the_metric_whatever_the_score_is_called():
    cv_results = GRID | {
        f"{kind}_test_neg_log_loss": GRID[f"{kind}_test_score"] for kind in ("mean", "std")
    }
    how = {"hue": "alpha_zero", "metric": "neg_log_loss", "score_name": "log-loss"}
    display = SearchDisplay.from_cv_results(cv_results, "M", **how)
    assert np.asarray(display.lines_[0].get_ydata()).tolist() == [1, 2]
    assert display.ax_.get_ylabel() == "log-loss (lower is better)"
