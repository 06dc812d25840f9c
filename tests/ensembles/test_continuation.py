"""Fits that go on: two cycles and two more are four."""

import copy
import pickle
import signal
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone

from skensemble import (
    DivergenceError,
    NetClassifier,
    SnapshotEnsembleClassifier,
)
from tests.ensembles.conftest import PressCtrlC, assert_same_course, assert_same_members, output

pytestmark = pytest.mark.filterwarnings(
    "ignore:On the validation rows", "ignore:Training was stopped by"
)


def test_the_regressor_goes_on_too(make_regressor, diabetes):
    X, y = diabetes
    weight = np.linspace(0.5, 1.5, len(y))
    net = make_regressor().estimator
    whole = make_regressor(M=2).fit(X, y, sample_weight=weight)
    half = clone(net).set_params(max_epochs=10)
    grown = make_regressor(estimator=half, M=1, warm_start=True).fit(X, y, sample_weight=weight)
    grown.set_params(M=2).fit(X, y, sample_weight=weight)
    partly = make_regressor(M=2).partial_fit(X, y, sample_weight=weight)
    partly.partial_fit(X, y, None, weight)
    for one in (grown, partly):
        assert_same_course(one, whole)
        assert (one.predict(X) == whole.predict(X)).all()


def test_the_first_members_and_their_ensemble_stay_as_they_were(make_snapshot, data):
    X, y = data
    ensemble = make_snapshot(M=2, warm_start=True).fit(X, y)
    kept = [{name: v.copy() for name, v in member.items()} for member in ensemble.members_]
    before, expected = copy.copy(ensemble), output(ensemble, X)
    ensemble.set_params(M=4).fit(X, y)
    for member, other in zip(kept, ensemble.members_, strict=False):
        assert all((member[name] == other[name]).all() for name in member)
    # The copy has lists of its own, and can go on from where it was.
    assert len(before.members_) == 2
    assert (output(before, X) == expected).all()
    assert_same_members(before.set_params(M=4).fit(X, y), ensemble)
    assert ensemble.weights_.tolist() == [1 / 4] * 4
    assert ensemble.set_params(m=1).weights_.tolist() == [0, 0, 0, 1]


def test_a_smaller_number_of_members_is_refused(make_snapshot, data):
    ensemble = make_snapshot(warm_start=True).fit(*data)
    before = vars(ensemble).copy()
    message = "M must be an int >= 3, the members that there are, with warm_start=True, got 2"
    with pytest.raises(ValueError, match=message):
        ensemble.set_params(M=2).fit(*data)
    assert vars(ensemble.set_params(M=3)) == before


def test_the_same_number_of_members_trains_none(make_snapshot, data):
    ensemble = make_snapshot(warm_start=True).fit(*data)
    before = vars(ensemble).copy()
    with pytest.warns(UserWarning, match="as many members as before trains none"):
        assert ensemble.fit(*data) is ensemble
    assert vars(ensemble) == before


def test_without_warm_start_a_fit_begins_again_and_keeps_no_net(make_snapshot, data):
    ensemble = make_snapshot(warm_start=True).fit(*data)
    assert b"torch._utils" in pickle.dumps(ensemble)
    ensemble.set_params(warm_start=False, M=4).fit(*data)
    assert_same_course(ensemble, make_snapshot(M=4).fit(*data))
    assert b"torch._utils" not in pickle.dumps(ensemble)


def test_after_a_fit_that_keeps_no_net_the_last_member_is_gone_on_from(make_snapshot, data):
    X, y = data
    for go_on in ({"warm_start": True, "M": 4}, None):
        ensemble = make_snapshot(alpha_zero=0.1).fit(X, y)
        # So small a rate moves nothing.
        ensemble.set_params(alpha_zero=1e-30)
        ensemble = ensemble.set_params(**go_on).fit(X, y) if go_on else ensemble.partial_fit(X, y)
        assert len(ensemble.members_) == 4
        last, new = ensemble.members_[-2:]
        assert all((last[name] == new[name]).all() for name in last)
        # Of three cycles of 20 epochs the last has a third.
        n_steps = len(X) // 32 + 1
        expected = {True: 20 * n_steps // 3, False: 7 * n_steps}[go_on is not None]
        assert np.diff(ensemble.member_steps_)[-1] == expected
        before = ensemble.score(X, y)
        ensemble.set_params(alpha_zero=0.1).partial_fit(X, y)
        assert len(ensemble.members_) == 5
        assert ensemble.score(X, y) > before - 0.1


def test_warm_start_changes_nothing_in_a_first_fit(make_snapshot, data):
    assert_same_course(make_snapshot(warm_start=True).fit(*data), make_snapshot().fit(*data))


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_a_bad_warm_start(make_snapshot, data, value):
    with pytest.raises(ValueError, match=f"warm_start must be True or False, got {value!r}"):
        make_snapshot(warm_start=value).fit(*data)


def test_what_was_learnt_in_the_first_fit_stays(make_classifier, make_regressor, iris, diabetes):
    X, y = iris
    labels = np.array(["a", "b", "c"])[y]
    ensemble = make_classifier(M=2, warm_start=True).fit(X, labels)
    few = labels != "c"
    ensemble.set_params(M=3).fit(X[few], labels[few])
    assert ensemble.classes_.tolist() == ["a", "b", "c"]
    assert ensemble.predict_proba(X).shape == (150, 3)
    # Four batches of 32 rows an epoch; cycles stay as long as they were.
    assert np.diff(ensemble.member_steps_).tolist() == [50, 50]
    before = vars(ensemble).copy()
    with pytest.raises(ValueError, match=r"y of a further fit must hold classes seen in y, got "):
        ensemble.set_params(M=4).fit(X, np.where(labels == "a", "z", labels))
    with pytest.raises(ValueError, match="X has 3 features, but"):
        ensemble.fit(X[:, 1:], labels)
    assert vars(ensemble.set_params(M=3)) == before
    X, y = diabetes
    regressor = make_regressor(M=2, warm_start=True).fit(X, y)
    scaler = regressor.target_scaler_
    assert regressor.set_params(M=3).fit(X, y + 1e4).target_scaler_ is scaler
    assert regressor.set_params(m=1).predict(X).mean() > 5e3
    with pytest.raises(ValueError, match="must have 1 column"):
        regressor.set_params(M=4).fit(X, np.c_[y, y])


def test_a_further_fit_that_fails_leaves_the_ensemble_as_it_was(make_classifier, iris):
    X, y = iris
    ensemble = make_classifier(M=2, warm_start=True).fit(X, y)
    whole = copy.copy(ensemble).set_params(M=3).fit(X, y)
    before, expected = vars(ensemble).copy(), ensemble.predict_proba(X)
    with pytest.raises(DivergenceError):
        ensemble.set_params(M=3, alpha_zero=1e30).fit(X, y)
    ensemble.set_params(M=2, alpha_zero=0.1)
    assert vars(ensemble) == before
    assert (ensemble.predict_proba(X) == expected).all()
    # Nor has it gone on with the net.
    assert_same_course(ensemble.set_params(M=3).fit(X, y), whole)


class PressOnce(PressCtrlC):
    """Presses Ctrl-C when the history of a net has some number of epochs, the first time."""

    pressed: ClassVar[list[int]] = []

    def on_epoch_end(self, net, **kwargs):
        """Raise the signal of Ctrl-C."""
        if len(net.history) == self.epoch and self.epoch not in self.pressed:
            self.pressed.append(self.epoch)
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def press_once():
    """Give a function that makes the callback, which nobody has made use of."""
    PressOnce.pressed.clear()
    return PressOnce


@pytest.mark.parametrize(("epoch", "n_left"), [(22, 2), (31, 3)])
def test_ctrl_c_in_a_further_fit_goes_on_and_keeps_whole_members(
    make_classifier, iris, press_once, epoch, n_left
):
    net = make_classifier().estimator.set_params(callbacks=[press_once(epoch)])
    ensemble = make_classifier(estimator=net, M=2, warm_start=True).fit(*iris)
    whole = make_classifier(M=2, warm_start=True).fit(*iris).set_params(M=4).fit(*iris)
    with pytest.raises(KeyboardInterrupt):
        ensemble.set_params(M=4).fit(*iris)
    assert len(ensemble.members_) == len(ensemble.member_steps_) == n_left
    assert len(ensemble.predict(iris[0])) == 150
    for member, other in zip(ensemble.members_, whole.members_, strict=False):
        assert all((member[name] == other[name]).all() for name in member)
    # And the rest can be made up for.
    assert len(ensemble.fit(*iris).members_) == 4


def test_validation_scores_are_those_of_all_members(make_snapshot, data):
    X, y = data
    rows = {"X_val": X[1::2], "y_val": y[1::2]}
    whole = make_snapshot(M=4, m="auto")
    whole.estimator.set_params(max_epochs=40)
    whole.fit(X[::2], y[::2], **rows)
    grown = make_snapshot(M=2, m="auto", warm_start=True).fit(X[::2], y[::2], **rows)
    grown.set_params(M=4).fit(X[::2], y[::2], **rows)
    assert grown.validation_scores_.tolist() == whole.validation_scores_.tolist()
    assert grown.weights_.tolist() == whole.weights_.tolist()
    grown.set_params(M=5, m=None).fit(X[::2], y[::2])
    assert not hasattr(grown, "validation_scores_")


def test_the_rows_that_are_held_out_stay_held_out(make_snapshot, data):
    whole = make_snapshot(M=4, validation_fraction=0.25, random_state=None)
    whole.estimator.set_params(max_epochs=40, random_state=5)
    whole.fit(*data)
    grown = make_snapshot(M=2, validation_fraction=0.25, random_state=None, warm_start=True)
    grown.estimator.set_params(random_state=5)
    grown.fit(*data).set_params(M=4).fit(*data)
    assert_same_course(grown, whole)
    assert grown.validation_scores_.tolist() == whole.validation_scores_.tolist()


def test_a_random_state_is_not_drawn_from_again(make_classifier, iris):
    state = np.random.RandomState(3)
    ensemble = make_classifier(M=2, warm_start=True, random_state=state).fit(*iris)
    before = state.get_state()[2]
    ensemble.set_params(M=3).fit(*iris)
    assert state.get_state()[2] == before


def test_callbacks_hear_of_the_members_that_are_to_come(make_snapshot, data):
    class Listener:
        def setup(self, estimator, context):
            self.heard = []

        def on_fit_task_begin(self, estimator, context):
            self.heard.append((context.task_name, context.max_subtasks))

        def on_fit_task_end(self, estimator, context):
            self.heard.append(context.task_name)

        def teardown(self, estimator, context):
            self.n_torn_down = getattr(self, "n_torn_down", 0) + 1

    listener = Listener()
    ensemble = make_snapshot(M=1, warm_start=True).set_callbacks(listener).fit(*data)
    ensemble.set_params(M=3).fit(*data)
    member = [("member", 0), "member"]
    assert listener.heard == [("fit", 2), *member, *member, "fit"]
    ensemble.partial_fit(*data)
    assert listener.heard == [("fit", 1), *member, "fit"]
    assert listener.n_torn_down == 3


def test_a_line_for_each_member_counts_those_before(make_snapshot, data, capsys):
    ensemble = make_snapshot(M=1, warm_start=True, verbose=1).fit(*data)
    ensemble.set_params(M=2).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["member 1/1", "member 2/2"]


def test_a_first_fit_that_was_cut_off_is_gone_on_with(make_classifier, iris, press_once):
    net = make_classifier().estimator.set_params(callbacks=[press_once(9)])
    ensemble = make_classifier(estimator=net, warm_start=True)
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(*iris)
    assert ensemble.member_steps_.tolist() == [34]
    ensemble.fit(*iris)
    # From step 45 on, in cycles of 34 steps.
    assert ensemble.member_steps_.tolist() == [34, 45 + 34, 45 + 68]


def test_another_net_is_told_of(iris):
    ensemble = SnapshotEnsembleClassifier(
        NetClassifier(max_epochs=20), M=2, warm_start=True, random_state=0
    ).fit(*iris)
    ensemble.set_params(M=3, estimator__batch_size=50, estimator__module__hidden_units=(7,))
    with pytest.warns(UserWarning, match=r"new values of \['batch_size', 'module__hidden_units'\]"):
        ensemble.fit(*iris)
