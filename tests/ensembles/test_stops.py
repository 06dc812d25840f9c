"""Fits that end early: what is left of them, and that an interrupt goes on."""

import signal
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from skorch.callbacks import Callback

from skensemble import (
    DeepEnsembleClassifier,
    LockstepGridSearchCV,
    NetClassifier,
    SnapshotEnsembleClassifier,
)
from tests.conftest import SMALL_ENSEMBLES
from tests.ensembles.conftest import PressCtrlC, output

DRAWN = ["KFACLaplaceClassifier", "MCDropoutRegressor", "SWAGClassifier", "VariationalRegressor"]
"""Methods that make members when the training is over."""


class AtMember:
    """A callback of scikit-learn that does something when it hears of a member."""

    def __init__(self, k, act):
        self.k = k
        self.act = act

    def setup(self, estimator, context):
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing."""

    def on_fit_task_end(self, estimator, context):
        """Act."""
        if context.task_name == "member" and context.task_id == self.k:
            return self.act()
        return False

    def teardown(self, estimator, context):
        """Do nothing."""


def press():
    signal.raise_signal(signal.SIGINT)


def raise_interrupt():
    raise KeyboardInterrupt


def data_of(name, iris, diabetes):
    return iris if name.endswith("Classifier") else diabetes


@pytest.mark.parametrize("name", DRAWN)
def test_ctrl_c_between_draws_keeps_those_so_far_and_goes_on(name, iris, diabetes):
    X, y = data_of(name, iris, diabetes)
    whole = SMALL_ENSEMBLES[name]().fit(X, y)
    ensemble = SMALL_ENSEMBLES[name]().set_callbacks(AtMember(2, press))
    with pytest.raises(KeyboardInterrupt), pytest.warns(UserWarning, match="the 2 of 3 members"):
        ensemble.fit(X, y)
    assert len(ensemble.members_) == 2
    assert ensemble.loss_curve_.tolist() == whole.loss_curve_.tolist()
    assert ensemble.weights_.tolist() == [1 / 2, 1 / 2]
    del whole.members_[2:], whole._predictor_.members[2:]
    whole._predictor_.stack()
    assert (output(ensemble, X) == output(whole, X)).all()


@pytest.mark.parametrize("name", DRAWN)
def test_ctrl_c_in_the_training_leaves_nothing_to_draw_from(name, iris, diabetes):
    X, y = data_of(name, iris, diabetes)
    net = SMALL_ENSEMBLES[name]().estimator.set_params(callbacks=[PressCtrlC(19)])
    ensemble = SMALL_ENSEMBLES[name](estimator=net)
    before = vars(ensemble).copy()
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(X, y)
    assert vars(ensemble) == before


def test_ctrl_c_at_the_end_of_a_fit_goes_on_and_keeps_all(make_several, data):
    ensemble = make_several().set_callbacks(AtEnd(press))
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(*data)
    assert len(ensemble.members_) == len(ensemble.member_steps_) == 3
    assert len(output(ensemble, data[0])) == len(data[0])


class AtEnd(AtMember):
    """A callback of scikit-learn that does something at the end of the fit."""

    def __init__(self, act):
        self.act = act

    def on_fit_task_end(self, estimator, context):
        """Act."""
        return self.act() if context.task_name == "fit" else False


def test_a_callback_of_scikit_learn_that_stops_is_no_interrupt(make_several, data):
    ensemble = make_several().set_callbacks(AtMember(1, lambda: True)).fit(*data)
    assert len(ensemble.members_) == 2


@pytest.mark.parametrize("name", [*DRAWN, "SnapshotEnsembleClassifier"])
def test_a_callback_of_scikit_learn_that_stops_as_those_of_skorch_do(name, iris, diabetes):
    ensemble = SMALL_ENSEMBLES[name]().set_callbacks(AtMember(1, raise_interrupt))
    with pytest.warns(UserWarning, match="stopped by skorch callback"):
        ensemble.fit(*data_of(name, iris, diabetes))
    assert len(ensemble.members_) == 1


class StopAtStep(Callback):
    """Stops a training after some batches, as skorch's callbacks do."""

    def __init__(self, n_batches=7):
        self.n_batches = n_batches

    def on_train_begin(self, net, **kwargs):
        """Begin to count."""
        self.n_seen_ = 0

    def on_batch_begin(self, net, training=False, **kwargs):
        """Count a batch."""
        if self.n_seen_ == self.n_batches:
            raise KeyboardInterrupt
        self.n_seen_ += training


def test_a_stop_before_the_first_member_leaves_one(make_ensemble, data):
    X, y = data
    net = make_ensemble().estimator.set_params(callbacks=[StopAtStep()])
    ensemble = make_ensemble(estimator=net)
    takes_the_stop_as_the_end = type(ensemble).__name__.startswith(("Deep", "KFAC", "MCDropout"))
    if takes_the_stop_as_the_end:
        assert len(ensemble.fit(X, y).members_) == 3
        return
    with pytest.warns(UserWarning, match=r"stopped by skorch callback at step 7 of \d+"):
        ensemble.fit(X, y)
    assert ensemble.weights_.tolist() == [1.0]
    assert ensemble.member_steps_.tolist() == [7]
    assert len(output(ensemble, X)) == len(X)


def test_the_one_member_has_the_weights_at_the_stop(make_classifier, iris):
    kept = []

    class Keep(StopAtStep):
        """Keeps the weights at the stop."""

        def on_train_end(self, net, **kwargs):
            """Keep them."""
            kept.append(net.module_[0].weight.detach().numpy().copy())

    net = make_classifier().estimator.set_params(callbacks=[Keep()])
    with pytest.warns(UserWarning, match="the weights there are the only member"):
        ensemble = make_classifier(estimator=net).fit(*iris)
    assert (ensemble.members_[0]["0.weight"] == kept[0]).all()


@pytest.mark.filterwarnings("ignore:Training was stopped by ctrl-c")
@pytest.mark.parametrize(
    "use",
    [
        partial(cross_val_score, cv=2),
        lambda estimator, X, y: GridSearchCV(estimator, {"random_state": [0, 1]}, cv=2).fit(X, y),
        lambda e, X, y: LockstepGridSearchCV(e, {"random_state": [0, 1]}, cv=2).fit(X, y),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda net: net,
        lambda net: SnapshotEnsembleClassifier(net, M=2),
        lambda net: DeepEnsembleClassifier(net, M=2, lockstep=False),
        lambda net: DeepEnsembleClassifier(net, M=2),
    ],
)
def test_searches_and_scores_stop_over_ctrl_c(iris, use: Callable, make: Callable):
    N_FITS.clear()
    net = NetClassifier(max_epochs=20, callbacks=[PressAt15()])
    with pytest.raises(KeyboardInterrupt):
        use(make(net), *iris)
    assert len(N_FITS) == 1


N_FITS = []


class PressAt15(PressCtrlC):
    """Notes that it has pressed Ctrl-C after the epoch 15."""

    def __init__(self, epoch=15):
        super().__init__(epoch)

    def on_epoch_end(self, net, **kwargs):
        """Press it."""
        if len(net.history) == self.epoch:
            N_FITS.append(1)
        super().on_epoch_end(net)


@pytest.mark.filterwarnings("ignore:Training was stopped by ctrl-c")
def test_ctrl_c_in_the_second_net_of_a_deep_ensemble_keeps_the_first(iris):
    N_FITS.clear()
    alone = DeepEnsembleClassifier(NetClassifier(max_epochs=20), M=2, random_state=0).fit(*iris)
    net = NetClassifier(max_epochs=20, callbacks=[PressInTheSecond()])
    ensemble = DeepEnsembleClassifier(net, M=2, lockstep=False, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(*iris)
    assert len(ensemble.members_) == 1
    # The nets of the first were trained together: sums of float32 in another order.
    for name, weights in ensemble.members_[0].items():
        np.testing.assert_allclose(weights, alone.members_[0][name], rtol=1e-3, atol=1e-4)


class PressInTheSecond(PressAt15):
    """Presses Ctrl-C in the second training of a process."""

    def on_epoch_end(self, net, **kwargs):
        """Press it."""
        if len(net.history) == self.epoch:
            N_FITS.append(1)
            if len(N_FITS) == 2:
                press()


def test_an_interrupt_is_no_warning_where_warnings_are_errors(make_classifier, iris):
    net = make_classifier().estimator.set_params(callbacks=[PressCtrlC(15)])
    ensemble = make_classifier(estimator=net)
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(*iris)
    assert len(ensemble.members_) == 2


@pytest.mark.parametrize("fast", [True, False])
def test_ctrl_c_goes_on_from_a_net_that_is_left_usable(iris, fast):
    net = NetClassifier(max_epochs=5, callbacks=[PressCtrlC(2)], fast=fast)
    with pytest.raises(KeyboardInterrupt):
        net.fit(*iris)
    assert net.n_iter_ == 2
    assert len(net.predict(iris[0])) == 150
    with pytest.raises(KeyboardInterrupt):
        clone(net).partial_fit(*iris)
    assert net.partial_fit(*iris).n_iter_ == 2 + 5


def test_a_callback_that_stops_a_net_is_no_interrupt(iris):
    assert NetClassifier(max_epochs=5, callbacks=[StopAtStep(4)]).fit(*iris).n_iter_ == 2
