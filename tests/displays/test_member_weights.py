"""Weights of members as bars."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from skensemble._checks import InvalidParameterError
from skensemble.displays import MemberWeightsDisplay


def heights(display, name):
    """Give the heights of the bars of a name, over all that stand on each other."""
    return np.sum([[bar.get_height() for bar in bars] for bars in display.bars_[name]], axis=0)


def test_an_ensemble_shows_equal_and_fitted_weights(weighted):
    display = MemberWeightsDisplay.from_estimator(weighted)
    assert list(display.bars_) == ["equal weights", "validation weights"]
    np.testing.assert_allclose(heights(display, "equal weights"), [1 / 3] * 3)
    np.testing.assert_allclose(heights(display, "validation weights"), weighted.weights_)
    assert weighted.weights == "validation"
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == list(display.bars_)


def test_members_of_several_nets_stand_on_each_other(cross_fitted):
    display = MemberWeightsDisplay.from_estimator(cross_fitted)
    lower, upper = display.bars_["out-of-fold weights"]
    weights, places = cross_fitted.weights_, cross_fitted.member_positions_
    sums = [weights[places == place].sum() for place in range(3)]
    np.testing.assert_allclose(heights(display, "out-of-fold weights"), sums)
    for below, above in zip(lower, upper, strict=True):
        assert above.get_y() == below.get_height()
    several = MemberWeightsDisplay.from_estimators({"folds": cross_fitted})
    np.testing.assert_allclose(heights(several, "folds"), sums)
    middles = [bar.get_x() + bar.get_width() / 2 for bar in several.bars_["folds"][0]]
    np.testing.assert_allclose(middles, [1, 2, 3])


def test_several_ensembles_show_what_they_take_now(snapshots, weighted):
    display = MemberWeightsDisplay.from_estimators({"even": snapshots, "fitted": weighted})
    np.testing.assert_allclose(heights(display, "even"), [1 / 3] * 3)
    np.testing.assert_allclose(heights(display, "fitted"), weighted.weights_)
    left, right = (display.bars_[name][0][0] for name in ("even", "fitted"))
    assert left.get_x() + left.get_width() <= right.get_x()
    names = MemberWeightsDisplay.from_estimators([snapshots, weighted]).weights
    kind = "SnapshotEnsembleClassifier"
    assert list(names) == [f"{kind} 1", f"{kind} 2"]


def test_plot_draws_on_the_axes_that_are_given():
    display = MemberWeightsDisplay(weights={"one": [0.5, 0.5]})
    first, second = Figure().subplots(1, 2)
    assert display.plot(first).ax_ is first
    assert display.plot(second).ax_ is second
    assert len(first.patches) == len(second.patches) == 2


def test_no_weights_are_refused():
    with pytest.raises(InvalidParameterError, match="weights must be of one name at least"):
        MemberWeightsDisplay(weights={}).plot()
