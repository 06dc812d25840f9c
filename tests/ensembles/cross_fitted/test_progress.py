"""A line, or a task, for each cycle of all nets."""

import pytest
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.metrics import log_loss

from tests.ensembles.cross_fitted.conftest import classifier
from tests.ensembles.test_progress import StopAfter


def test_a_line_a_cycle_tells_the_loss_of_what_was_left_out(hard, capsys):
    (X, y), _ = hard
    ensemble = classifier(verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    steps = ensemble.member_steps_[::4]
    assert [line.split(", ")[0] for line in lines] == [
        f"cycle {k}/3: step {t}/156" for k, t in enumerate(steps, start=1)
    ]
    losses = [float(line.split("out-of-fold loss ")[1].split(",")[0]) for line in lines]
    # Fitted weights lose no more where another position is there to choose from.
    assert losses == sorted(losses, reverse=True)
    assert 0 < losses[-1] < 0.7


def test_validation_rows_add_their_score(hard, capsys):
    (X, y), (fresh, labels) = hard
    ensemble = classifier(verbose=1).fit(X, y, X_val=fresh, y_val=labels)
    assert f"validation score {ensemble.validation_scores_[-1]:.4f}" in capsys.readouterr().out
    ensemble.set_params(weights="uniform")
    assert ensemble.score(fresh, labels) == pytest.approx(ensemble.validation_scores_[-1])


@pytest.mark.parametrize("together", [True, False])
def test_a_callback_hears_of_cycles_and_may_end_the_fit(hard, together):
    (X, y), _ = hard
    callback = StopAfter(2)
    ensemble = classifier(lockstep=together).set_callbacks(callback)
    ensemble.fit(X, y)
    assert callback.events.count("end member") == 2
    assert ensemble.member_positions_.tolist() == [0] * 4 + [1] * 4
    assert callback.events[-1] == "teardown"


def test_a_further_cycle_is_a_task_of_its_own(hard, capsys):
    (X, y), _ = hard
    callback = StopAfter(99)
    parameters = {"max_cycles": 4, "of_method": {"cycle_mult": 2.0}, "M": 2, "verbose": 1}
    ensemble = classifier({"max_epochs": 3}, **parameters).set_callbacks(callback).fit(X, y)
    n = ensemble.member_positions_.max() + 1
    assert n > 2
    assert callback.events.count("begin member") == callback.events.count("end member") == n
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"cycle {n}/{n}: step {ensemble.n_steps_}/{ensemble.n_steps_}")


@pytest.mark.parametrize("parameters", [{}, {"weights": "uniform"}, {"m": 1}], ids=str)
def test_a_callback_may_ask_the_ensemble_so_far(hard, parameters):
    (X, y), _ = hard
    monitor = ScoringMonitor(scoring="neg_log_loss")
    ensemble = classifier(**parameters).set_callbacks(monitor).fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "member"]
    losses = [-row["neg_log_loss"] for row in rows]
    assert len(losses) == 3
    assert losses[-1] == pytest.approx(log_loss(y, ensemble.predict_proba(X)), rel=1e-4)


def test_the_progress_bar_of_scikit_learn(hard):
    (X, y), _ = hard
    assert classifier().set_callbacks(ProgressBar()).fit(X, y).score(X, y) > 0.5
