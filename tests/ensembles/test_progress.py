"""What the world hears of a fit: a line a member, and callbacks of scikit-learn."""

import pytest
from sklearn.callback import ProgressBar

from skensemble import NetClassifier
from skensemble.ensembles._progress import Progress


def test_verbose_prints_a_line_a_member(make_snapshot, data, capsys):
    make_snapshot(verbose=1).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:11] for line in lines] == ["member 1/3:", "member 2/3:", "member 3/3:"]
    assert "training loss 0." in lines[0]


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_verbose_prints_the_validation_score(make_snapshot, data, capsys):
    X, y = data
    ensemble = make_snapshot(verbose=1).fit(X, y, X_val=X, y_val=y)
    line = capsys.readouterr().out.splitlines()[-1]
    assert f"validation score {ensemble.validation_scores_[-1]:.4f}" in line


def test_a_line_tells_the_step_and_the_loss_of_its_member(make_classifier, iris, capsys):
    net = NetClassifier(max_epochs=20, batch_size=30)
    losses = make_classifier(estimator=net, verbose=1).fit(*iris).loss_curve_
    lines = capsys.readouterr().out.splitlines()
    # Three cycles of 100 steps end after 34, 67 and 100; the last with the epoch.
    told = [line.split(", ")[0] for line in lines]
    assert told == [f"member {k}/3: step {t}/100" for k, t in ((1, 34), (2, 67), (3, 100))]
    assert f"training loss {losses[-1]:.4f}, 0." in lines[-1]
    assert "validation" not in lines[-1]


def test_a_fit_is_watched_if_lines_are_printed(make_classifier):
    assert not Progress(make_classifier(), 3).is_watched
    assert Progress(make_classifier(verbose=1), 3).is_watched


def test_nothing_is_printed_unless_it_is_asked_for(make_classifier, iris, capsys):
    make_classifier().fit(*iris)
    assert capsys.readouterr().out == ""


class StopAfter:
    """A callback of scikit-learn that ends a fit after some members."""

    def __init__(self, n_members):
        self.n_members = n_members
        self.events = []

    def setup(self, estimator, context):
        """Note the beginning."""
        self.events.append("setup")

    def on_fit_task_begin(self, estimator, context):
        """Note the task."""
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context):
        """Ask for the end after the last of the members."""
        self.events.append(f"end {context.task_name}")
        return context.task_name == "member" and context.task_id + 1 == self.n_members

    def teardown(self, estimator, context):
        """Note the end."""
        self.events.append("teardown")


class KeepFitted:
    """A callback of scikit-learn that keeps the ensemble as it is after each member."""

    def __init__(self):
        self.kept = []

    def setup(self, estimator, context):
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Keep the ensemble so far."""
        self.kept.append(fitted_estimator)

    def teardown(self, estimator, context):
        """Do nothing."""


def test_a_progress_bar_shows_members(make_ensemble, data, capsys):
    make_ensemble().set_callbacks(ProgressBar()).fit(*data)
    out = capsys.readouterr().out
    assert type(make_ensemble()).__name__ in out
    assert "100%" in out


def test_a_callback_ends_the_fit_after_a_member(make_several, data):
    stop = StopAfter(2)
    ensemble = make_several(m=3).set_callbacks(stop).fit(*data)
    assert len(ensemble.members_) == 2
    assert ensemble.weights_.tolist() == [0.5, 0.5]
    cycle = ["begin member", "end member"]
    assert stop.events == ["setup", "begin fit", *cycle, *cycle, "end fit", "teardown"]


def test_the_ensemble_so_far_does_not_grow_after_its_member(make_several, data):
    keep = KeepFitted()
    ensemble = make_several(m=2).set_callbacks(keep).fit(*data)
    assert [len(kept.members_) for kept in keep.kept] == [1, 2, 3, 3]
    assert [kept.weights_.tolist() for kept in keep.kept[:2]] == [[1.0], [0.5, 0.5]]
    assert (keep.kept[-1].predict(data[0]) == ensemble.predict(data[0])).all()


def test_a_failed_fit_tears_its_callbacks_down(make_ensemble, data):
    stop = StopAfter(9)
    ensemble = make_ensemble(alpha_zero=1e38).set_callbacks(stop)
    with pytest.raises(ValueError, match="diverged"):
        ensemble.fit(1e30 * data[0].astype(float), data[1])
    assert stop.events[-1] == "teardown"
