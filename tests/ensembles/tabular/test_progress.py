"""What a fit reports, and what it leaves, where the clock or Ctrl-C make more or fewer cycles."""

import signal

import numpy as np
import pytest
from sklearn.callback import ProgressBar

from skensemble import SnapshotEnsembleClassifier, TabularSnapshotClassifier
from skensemble.ensembles.tabular import _base, _parameters, _plan
from tests.ensembles.tabular.conftest import SMALL, classifier, regressor, values_of
from tests.ensembles.test_progress import StopAfter

CYCLES = {"M": 3, "max_steps": None}


@pytest.fixture(autouse=True)
def short_cycles(monkeypatch):
    """Let cycles have 5, 10, 20, ... steps."""
    monkeypatch.setattr(_plan, "FIRST_CYCLE", 5)
    monkeypatch.setattr(_parameters, "WARMUP", 2)


@pytest.fixture
def clock(monkeypatch):
    """Give a clock by which each look takes a second."""
    looks = []

    def look():
        """Return the next second."""
        looks.append(None)
        return float(len(looks))

    monkeypatch.setattr(_plan, "perf_counter", look)
    return looks


def steps_of(model):
    """Return the steps after which positions were reached."""
    return np.unique(model.member_steps_).tolist()


def test_a_line_a_cycle_tells_the_loss_out_of_fold(table, capsys):
    model = classifier(**CYCLES, verbose=1).fit(*table)
    lines = capsys.readouterr().out.splitlines()
    told = [line.split(", ")[0] for line in lines]
    assert [line.split(": step ")[0] for line in told] == ["cycle 1/3", "cycle 2/3", "cycle 3/3"]
    assert [line.split(": step ")[1].split("/")[0] for line in told] == ["5", "15", "35"]
    losses = [float(line.split("out-of-fold loss ")[1].split(",")[0]) for line in lines]
    # Fitted weights lose no more where another position is there to choose from.
    assert losses == sorted(losses, reverse=True)
    own = model.member_predict_proba(table[0])
    assert len(own) == 12


def test_a_line_of_a_regressor_tells_a_squared_error(table, capsys):
    X, y = table
    regressor(**CYCLES, verbose=1).fit(X, values_of(X, y))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    # Of standardised targets, of which the mean has 1.
    assert 0 < float(lines[-1].split("out-of-fold loss ")[1].split(",")[0]) < 1.1


def test_validation_rows_add_their_score(table, capsys):
    X, y = table
    model = classifier(**CYCLES, verbose=1).fit(X, y, X_val=X, y_val=y)
    assert len(model.validation_scores_) == 12
    said = f"validation score {model.validation_scores_[-1]:.4f}"
    assert said in capsys.readouterr().out.splitlines()[-1]


def test_nothing_is_said_unless_it_is_asked_for(table, capsys):
    classifier(**CYCLES).fit(*table)
    assert capsys.readouterr().out == ""


def test_a_callback_hears_of_each_cycle_and_may_end_the_fit(table):
    heard = StopAfter(99)
    classifier(**CYCLES).set_callbacks(heard).fit(*table)
    assert heard.events == [
        *("setup", "begin fit"),
        *["begin member", "end member"] * 3,
        *("end fit", "teardown"),
    ]
    stop = StopAfter(2)
    model = classifier(**CYCLES).set_callbacks(stop).fit(*table)
    assert steps_of(model) == [5, 15]
    assert model.n_steps_ == len(model.learning_rates_) == 15
    assert stop.events.count("begin member") == stop.events.count("end member") == 2
    assert stop.events[-1] == "teardown"


def test_cycles_that_the_clock_leaves_out_leave_no_task_open(table, clock, capsys):
    heard = StopAfter(99)
    # The plan begins at 1, its first cycle at 2; at 3 no second is left.
    model = classifier(**CYCLES, time_budget=2.0, verbose=1).set_callbacks(heard).fit(*table)
    assert steps_of(model) == [5]
    assert heard.events == [
        *("setup", "begin fit", "begin member", "end member", "end fit", "teardown")
    ]
    assert len(capsys.readouterr().out.splitlines()) == 1
    model.set_callbacks(ProgressBar()).fit(*table)
    assert "100%" in capsys.readouterr().out


def test_a_cycle_that_the_clock_cuts_is_recorded_as_long_as_it_was(table, clock):
    # 1.6 seconds are left at 3, and 5 steps took one: 8 of the planned 10.
    model = classifier(**CYCLES, time_budget=3.6).fit(*table)
    assert steps_of(model) == [5, 13]
    assert model.n_steps_ == len(model.learning_rates_) == 13
    # The rate of a cycle that is cut short still falls to the end of it.
    assert model.learning_rates_[5:].argmin() == 7
    assert model.learning_rates_[12] < 0.1 * model.learning_rates_[5]


def test_a_budget_that_is_over_at_once_leaves_one_cycle(table):
    model = classifier(**CYCLES, time_budget=1e-3).fit(*table)
    assert steps_of(model) == [5]
    assert model.member_positions_.tolist() == [0] * 4
    assert model.weights_.sum() == pytest.approx(1)


def test_more_time_than_is_needed_changes_nothing(table):
    X, y = table
    one, other = (classifier(**CYCLES, max_cycles=3, time_budget=t).fit(X, y) for t in (None, 1e6))
    assert (one.predict_proba(X) == other.predict_proba(X)).all()


@pytest.mark.parametrize(("gain", "expected"), [(-9.0, [5, 15, 35, 75]), (9.0, [5, 15])])
def test_further_cycles_follow_while_they_gain(table, monkeypatch, gain, expected):
    monkeypatch.setattr(_base, "LEAST_GAIN", gain)
    heard = StopAfter(99)
    model = classifier(M=2, max_steps=None, max_cycles=4).set_callbacks(heard).fit(*table)
    assert steps_of(model) == expected
    n = len(expected)
    assert heard.events.count("begin member") == heard.events.count("end member") == n
    # Each cycle begins at the full rate, once the warmup is over.
    rates = model.learning_rates_
    assert [rates[k] for k in expected[:-1]] == pytest.approx([0.005] * (n - 1))


def test_m_may_ask_for_cycles_that_are_still_to_come(table, monkeypatch):
    monkeypatch.setattr(_base, "LEAST_GAIN", -9.0)
    model = classifier(M=1, max_steps=None, max_cycles=3)
    model.m = 3
    model.fit(*table)
    assert (model.member_positions_.max(), model.m) == (2, 3)
    model.m = 4
    with pytest.raises(ValueError, match=r"m must be None or an int in 1\.\.3, the positions"):
        model.fit(*table)


def test_planned_cycles_ask_nobody(table, monkeypatch):
    monkeypatch.setattr(_base, "LEAST_GAIN", 9.0)
    assert steps_of(classifier(M=4, max_steps=None, max_cycles=2).fit(*table)) == [5, 15, 35, 75]


def test_groups_stop_one_by_one(table, monkeypatch):
    gains = {0: [1, 0, 0], 1: [1, 1, 0]}
    monkeypatch.setattr(
        _base.OutOfFold, "_gain", lambda self, group: gains[group].pop(0) if gains[group] else 0
    )
    X, y = table
    model = classifier(M=1, max_steps=None, max_cycles=6).fit(X, y)
    assert model.member_positions_.tolist() == [0] * 4 + [1] * 4 + [2] * 2
    assert model.member_nets_.tolist() == [0, 1, 2, 3] * 2 + [2, 3]
    assert model.member_steps_.tolist() == [5] * 4 + [15] * 4 + [35] * 2
    # The first group was asked twice and left, the second three times.
    assert gains == {0: [0], 1: []}
    assert model.n_steps_ == len(model.learning_rates_) == 35
    mean = np.tensordot(model.weights_, model.member_predict_proba(X), axes=1)
    np.testing.assert_allclose(model.predict_proba(X), mean, rtol=1e-4, atol=1e-6)
    model.m, model.weights = 1, "uniform"
    assert model.weights_.tolist() == [0] * 8 + [0.5, 0.5]


def test_further_cycles_end_with_the_clock(table, monkeypatch, clock):
    monkeypatch.setattr(_base, "LEAST_GAIN", -9.0)
    # At 1 it begins, cycles at 2, 4, 6, ..., and looks at the odd ones between find 1 second each.
    model = classifier(M=1, max_steps=None, max_cycles=None, time_budget=7.5).fit(*table)
    # Left are 5.5 at 3, 3.5 at 5 and 1.5 at 7: 10, 20 and 30 of 40 steps, of 10 and 20 a second.
    assert steps_of(model) == [5, 15, 35, 65]


class Pressing(SnapshotEnsembleClassifier):
    """Presses Ctrl-C in a cycle."""

    at: tuple[int, int]
    begun: list[int]

    def _fit_further(self, net, data, collect, seed, **cycle):
        def pressing(state, step):
            """Press before the member is handed over."""
            self.begun.append(step.t)
            if len(self.begun) == self.at:
                signal.raise_signal(signal.SIGINT)
            return collect(state, step)

        pressing.steps = collect.steps
        return super()._fit_further(net, data, pressing, seed, **cycle)


def pressing_at(n_members, **parameters):
    """Make a classifier whose nets press Ctrl-C with one of their members."""

    class Method(Pressing):
        """Presses once."""

        at, begun = n_members, []

    class Own(TabularSnapshotClassifier):
        """Is trained by that."""

        _default_method = Method
        __init__ = TabularSnapshotClassifier.__init__

    return Own(**(SMALL | CYCLES | parameters))


@pytest.mark.parametrize("together", [True, False])
def test_ctrl_c_leaves_whole_cycles(table, together):
    X, y = table
    model = pressing_at(6)
    model.lockstep = together
    with pytest.warns(UserWarning, match="stopped by ctrl-c"), pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    # The second net of four was at the end of the second cycle.
    assert model.member_positions_.tolist() == [0] * 4
    assert model.n_steps_ == 5
    assert model.weights_.sum() == pytest.approx(1)
    assert model.predict_proba(X).shape == (240, 3)
    assert 0.1 < model.oof_score_ <= 1
    expected = classifier(M=1, max_steps=None).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)


def test_ctrl_c_in_the_first_cycle_leaves_nothing(table):
    model = pressing_at(2)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*table)
    assert not [name for name in vars(model) if name.endswith("_") and name[0] != "_"]
