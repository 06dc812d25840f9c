"""Taking in members: held to be finite, kept after an interrupt, and what they leave behind."""

import signal

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from skensemble import (
    DeepEnsembleClassifier,
    DivergenceError,
    NetClassifier,
    SnapshotEnsembleClassifier,
)
from skensemble.ensembles._collector import Collector
from skensemble.ensembles._progress import Progress
from skensemble.members import MemberTemplate
from skensemble.modules import MLP
from tests.ensembles.conftest import PressCtrlC

STOPPED = r"Training was stopped by ctrl-c at step \d+ of \d+: "


class BreaksAt(torch.optim.SGD):
    """SGD whose 34th step, the last of the first of three cycles, leaves a weight that is none."""

    value = None
    n_steps = 0

    def step(self, closure=None):
        """Make a step."""
        loss = super().step(closure)
        self.n_steps += 1
        if self.n_steps == 34:
            with torch.no_grad():
                self.param_groups[0]["params"][-1][0] = self.value
        return loss


class BreaksWithInf(BreaksAt):
    """Leaves infinity."""

    value = torch.inf


class BreaksWithMinusInf(BreaksAt):
    """Leaves minus infinity."""

    value = -torch.inf


class BreaksWithNan(BreaksAt):
    """Leaves nan."""

    value = torch.nan


@pytest.mark.parametrize("optimizer", [BreaksWithInf, BreaksWithMinusInf, BreaksWithNan])
def test_weights_that_are_not_finite_are_no_member(make_classifier, iris, optimizer):
    net = NetClassifier(max_epochs=20, batch_size=32, optimizer=optimizer)
    with pytest.raises(DivergenceError, match=r"the weights are not finite at step 34, learning"):
        make_classifier(estimator=net).fit(*iris)


def test_ctrl_c_keeps_the_snapshots_taken_so_far(make_snapshot, data):
    X, y = data
    net = type(make_snapshot().estimator)(callbacks=[PressCtrlC(15)], max_epochs=20, batch_size=32)
    ensemble = make_snapshot(estimator=net, m=3)
    with pytest.raises(KeyboardInterrupt), pytest.warns(UserWarning, match=STOPPED + "the 2 of 3"):
        ensemble.fit(X, y)
    assert ensemble.weights_.tolist() == [1 / 2, 1 / 2]
    assert ensemble.n_steps_ == len(ensemble.learning_rates_) == 15 * (len(X) // 32 + 1)
    whole = make_snapshot(estimator=type(net)(max_epochs=20, batch_size=32)).fit(X, y)
    for one, other in zip(ensemble.members_, whole.members_, strict=False):
        assert all((one[name] == other[name]).all() for name in one)


class CtrlCInEvaluation(MLP):
    """A module that presses Ctrl-C when it predicts all rows for the second time."""

    n_calls = 0

    def forward(self, x):
        """Count the predictions of validation rows."""
        if not self.training and len(x) > 8:
            CtrlCInEvaluation.n_calls += 1
            if self.n_calls == 2:
                signal.raise_signal(signal.SIGINT)
        return super().forward(x)


class CtrlCAfterMember:
    """A callback of scikit-learn that presses Ctrl-C when it hears of the second member."""

    def setup(self, estimator, context):
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing."""

    def on_fit_task_end(self, estimator, context):
        """Press Ctrl-C."""
        if context.task_name == "member" and context.task_id == 1:
            signal.raise_signal(signal.SIGINT)

    def teardown(self, estimator, context):
        """Do nothing."""


def assert_only_the_first_is_kept(ensemble, X, y):
    kept = "the 1 of 3 members taken so far are kept"
    with pytest.raises(KeyboardInterrupt), pytest.warns(UserWarning, match=STOPPED + kept):
        ensemble.fit(X, y, X_val=X, y_val=y)
    assert ensemble.validation_scores_ == pytest.approx([ensemble.score(X, y)])
    assert len(ensemble.members_) == 1
    assert ensemble.weights_.tolist() == [1.0]
    assert ensemble.member_steps_.shape == (1,)
    assert len(ensemble.predict(X)) == len(X)


def test_ctrl_c_while_a_member_is_scored_leaves_whole_members(make_snapshot, data):
    CtrlCInEvaluation.n_calls = 0
    net = type(make_snapshot().estimator)(CtrlCInEvaluation, max_epochs=20, batch_size=32)
    assert_only_the_first_is_kept(make_snapshot(estimator=net), *data)


def test_ctrl_c_while_a_member_is_reported_leaves_whole_members(make_snapshot, data):
    assert_only_the_first_is_kept(make_snapshot().set_callbacks(CtrlCAfterMember()), *data)


def test_ctrl_c_before_the_first_snapshot_is_an_interrupt(make_ensemble, data):
    X, y = data
    ensemble = make_ensemble().fit(X, y)
    expected = ensemble.predict(X)
    net = make_ensemble().estimator.set_params(callbacks=[PressCtrlC(2)])
    with pytest.raises(KeyboardInterrupt):
        ensemble.set_params(estimator=net).fit(X, y)
    assert (ensemble.predict(X) == expected).all()


class StopAtOnce(Callback):
    """Ends the training before its first step."""

    def on_epoch_begin(self, net, **kwargs):
        """Ask for the end, as skorch's callbacks do."""
        raise KeyboardInterrupt


def test_a_callback_that_stops_before_the_first_step_is_named(make_ensemble, data):
    net = make_ensemble().estimator.set_params(callbacks=[StopAtOnce()])
    with pytest.raises(RuntimeError, match=r"stopped at step 0 of \d+, before the first member"):
        make_ensemble(estimator=net).fit(*data)


@pytest.mark.filterwarnings("ignore:A cycle of:sklearn.exceptions.ConvergenceWarning")
def test_a_skorch_callback_that_stops_leaves_what_there_is(iris):
    stopping = EarlyStopping("train_loss", patience=1, threshold=10.0)
    net = NetClassifier(max_epochs=40, callbacks=[stopping])
    with pytest.warns(UserWarning, match="at step 6 of 120: the weights there are the only memb"):
        ensemble = SnapshotEnsembleClassifier(net, M=3, m=2).fit(*iris)
    assert ensemble.weights_.tolist() == [1.0]
    assert ensemble.member_steps_.tolist() == [6]
    with pytest.warns(
        UserWarning, match="stopped by skorch callback at step 6 of 120: the 1 of 20"
    ):
        ensemble = SnapshotEnsembleClassifier(net, M=20, m=5).fit(*iris)
    assert ensemble.weights_.tolist() == [1.0]
    assert stopping.dynamic_threshold_ is None


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_validation_scores_are_those_of_the_ensemble_so_far(make_snapshot, data):
    X, y = data
    ensemble = make_snapshot(m=2).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert ensemble.validation_scores_.shape == (3,)
    assert ensemble.validation_scores_[-1] == pytest.approx(ensemble.score(X[1::2], y[1::2]))
    first = ensemble.set_params(m=3)
    first.members_, first._predictor_.members = first.members_[:1], first._predictor_.members[:1]
    assert ensemble.validation_scores_[0] == pytest.approx(first.score(X[1::2], y[1::2]))


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_validation_rows_change_nothing_in_the_training(make_snapshot, data):
    X, y = data
    plain, watched = make_snapshot().fit(X, y), make_snapshot().fit(X, y, X_val=X, y_val=y)
    for one, other in zip(plain.members_, watched.members_, strict=True):
        assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.filterwarnings("ignore:On the validation rows")
def test_m_auto_takes_the_number_with_the_least_held_out_loss(make_classifier, iris):
    X, y = iris
    ensemble = make_classifier(m="auto").fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    losses = [
        -np.log(proba[np.arange(75), y[1::2]]).mean()
        for proba in ensemble.staged_predict_proba(X[1::2])
    ]
    assert (ensemble.weights_ > 0).sum() == np.argmin(losses) + 1


@pytest.mark.parametrize("verbose", [0, 1])
def test_members_may_wait_until_the_training_is_over_if_nobody_looks_on(make_classifier, verbose):
    ensemble = make_classifier(verbose=verbose)
    template, progress = MemberTemplate(torch.nn.Linear(1, 1)), Progress(ensemble, 3)
    assert Collector(ensemble, template, progress, None).can_wait == (not verbose)


def test_early_cycles_that_spoil_the_average_are_warned_of(make_classifier, iris):
    X, y = iris
    net = NetClassifier(module__hidden_units=(8,), max_epochs=10)
    with pytest.warns(UserWarning, match="the last member alone is clearly better"):
        make_classifier(estimator=net, alpha_zero=0.02).fit(X, y, X_val=X, y_val=y)


class WithUnused(nn.Module):
    """A layer, and a weight that is not used."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.layer, self.unused = nn.Linear(n_features, n_outputs), nn.Parameter(torch.ones(3))

    def forward(self, x):
        """Give logits."""
        return self.layer(x)


@pytest.mark.parametrize("lockstep", [True, False])
def test_members_that_come_as_arrays_alone_share_what_is_the_same(iris, lockstep):
    net = NetClassifier(WithUnused, max_epochs=20, optimizer__weight_decay=0.0)
    ensemble = DeepEnsembleClassifier(net, M=3, lockstep=lockstep, random_state=0).fit(*iris)
    first, *others = ensemble.members_
    assert all(member["unused"] is first["unused"] for member in others)
    pointers = {module.unused.data_ptr() for module in ensemble._predictor_.members}
    assert pointers == {first["unused"].ctypes.data}
    assert len({member["layer.weight"].tobytes() for member in ensemble.members_}) == 3
