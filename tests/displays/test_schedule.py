"""Rates over steps, before a training and after it."""

from functools import partial

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skensemble import SnapshotEnsembleClassifier, SWAClassifier, SWAGClassifier
from skensemble._checks import InvalidParameterError
from skensemble.displays import ScheduleDisplay
from skensemble.schedules import cyclic_cosine, is_low_rate
from skensemble.weight_space import with_members


def drawn(line):
    """Give the points of a line as two lists."""
    return [np.asarray(values).tolist() for values in line.get_data()]


def test_a_schedule_is_drawn_step_by_step_with_its_snapshots():
    display = ScheduleDisplay.from_schedule("cosine", 70, M=3, cycle_mult=2, alpha_mult=0.5)
    parameters = {"M": 3, "alpha_zero": 0.1, "cycle_mult": 2, "alpha_mult": 0.5}
    rates = [cyclic_cosine(t, 70, **parameters) for t in range(1, 71)]
    assert drawn(display.line_) == [list(range(1, 71)), rates]
    assert drawn(display.marks_) == [[10, 30, 70], [rates[9], rates[29], rates[69]]]
    assert display.loss_line_ is None
    assert display.ax_.get_ylabel() == "learning rate"
    assert display.marks_.get_label() == "snapshot"
    dotted = [line.get_xdata()[0] for line in display.ax_.lines if line.get_linestyle() == ":"]
    assert dotted == [10, 30, 70]


def test_losses_over_a_decade_stand_on_a_logarithmic_axis():
    for losses, scale in (([1.0, 0.2], "linear"), ([1.0, 0.1], "log")):
        display = ScheduleDisplay(learning_rates=[0.1, 0.1], loss_curve=losses).plot()
        assert display.ax_[1].get_yscale() == scale


def test_own_schedules_and_moments_get_what_they_take():
    display = ScheduleDisplay.from_schedule(
        lambda t, T: 1 / t, 8, M=2, moment=is_low_rate, pretrain_fraction=0.25
    )
    assert drawn(display.line_)[1] == [1 / t for t in range(1, 9)]
    assert display.member_steps.tolist() == [4, 8]


def test_what_is_bound_already_stays():
    bound = partial(cyclic_cosine, alpha_zero=7.0)
    assert ScheduleDisplay.from_schedule(bound, 10, alpha_zero=0.1).learning_rates[0] == 7


def test_a_warm_up_is_drawn():
    display = ScheduleDisplay.from_schedule(lambda t, T: 1.0, 10, M=1, warmup=4)
    assert display.learning_rates.tolist() == [0.25, 0.5, 0.75] + [1.0] * 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": "cosinus"}, "schedule must be one of .* got 'cosinus'"),
        ({"n_steps": 0}, "n_steps must be an int >= 1, got 0"),
        ({"lr_low": 1.0}, "parameters must be taken by the schedule or the moment, got 'lr_low'"),
    ],
)
def test_a_bad_schedule_is_refused(change, message):
    with pytest.raises(InvalidParameterError, match=message):
        ScheduleDisplay.from_schedule(**({"schedule": "cosine", "n_steps": 10} | change))


def test_what_an_unfitted_ensemble_draws_is_what_its_fit_does(snapshots):
    unfitted = make_pipeline(StandardScaler(), SnapshotEnsembleClassifier(M=3))
    ahead = ScheduleDisplay.from_estimator(unfitted, n_steps=snapshots.n_steps_)
    fitted = ScheduleDisplay.from_estimator(snapshots)
    assert drawn(ahead.line_) == drawn(fitted.line_)
    assert drawn(ahead.marks_) == drawn(fitted.marks_)
    assert ahead.marks_.get_label() == fitted.marks_.get_label() == "snapshot"


def test_the_loss_of_a_fit_stands_at_the_ends_of_epochs(snapshots):
    display = ScheduleDisplay.from_estimator(snapshots)
    n_epochs = len(snapshots.loss_curve_)
    ends = np.arange(1, n_epochs + 1) * (snapshots.n_steps_ / n_epochs)
    x, loss = display.loss_line_.get_data()
    np.testing.assert_allclose(x, ends)
    assert loss.tolist() == snapshots.loss_curve_.tolist()
    assert [ax.get_ylabel() for ax in display.ax_] == ["learning rate", "training loss"]


def test_one_axes_gets_the_rate_alone_and_two_get_both(snapshots):
    display = ScheduleDisplay.from_estimator(snapshots)
    top, bottom = Figure().subplots(2)
    assert display.plot(top).ax_ is top
    assert display.loss_line_ is None
    assert display.plot([top, bottom]).loss_line_.axes is bottom
    assert len(bottom.get_xlabel()) > 0


def test_members_of_many_nets_are_marked_once(cross_fitted):
    display = ScheduleDisplay.from_estimator(cross_fitted)
    assert display.member_steps.tolist() == sorted(set(cross_fitted.member_steps_.tolist()))


def test_an_unfitted_ensemble_without_steps_is_refused():
    with pytest.raises(NotFittedError, match="n_steps draws the schedule of a fit to come"):
        ScheduleDisplay.from_estimator(SnapshotEnsembleClassifier())


def test_the_parameters_of_an_unfitted_ensemble_are_checked():
    with pytest.raises(InvalidParameterError, match="alpha_zero must be"):
        ScheduleDisplay.from_estimator(SnapshotEnsembleClassifier(alpha_zero=-1), n_steps=10)


def test_every_method_draws_ahead_what_its_fit_does(make_ensemble, data):
    X, y = data
    fitted = make_ensemble().fit(X[::2], y[::2])
    before = ScheduleDisplay.from_estimator(make_ensemble(), n_steps=fitted.n_steps_)
    after = ScheduleDisplay.from_estimator(fitted)
    np.testing.assert_allclose(before.learning_rates, after.learning_rates, atol=1e-12)
    assert before.member_steps.tolist() == after.member_steps.tolist()


@pytest.mark.parametrize("method", [SWAClassifier, SWAGClassifier])
def test_weights_that_are_averaged_are_no_snapshots(method, net, rows):
    ensemble = method(net, n_averaged=4)
    fitted = ensemble.fit(*rows[:2])
    after = ScheduleDisplay.from_estimator(fitted)
    before = ScheduleDisplay.from_estimator(method(net, n_averaged=4), n_steps=fitted.n_steps_)
    assert drawn(before.marks_) == drawn(after.marks_)
    assert len(after.member_steps) == 4
    assert before.marks_.get_label() == after.marks_.get_label() == "averaged"


def test_a_copy_with_other_members_has_no_marks(snapshots):
    display = ScheduleDisplay.from_estimator(with_members(snapshots, snapshots.members_[:1]))
    assert drawn(display.marks_) == [[], []]
    assert drawn(display.line_)[1] == snapshots.learning_rates_.tolist()
