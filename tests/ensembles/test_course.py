"""What an ensemble keeps of its training: an entry of the history for each epoch."""

import pickle

import numpy as np
import pytest
from skorch.callbacks import EarlyStopping, EpochScoring
from skorch.dataset import ValidSplit
from skorch.history import History

from skensemble import DeepEnsembleClassifier, NetClassifier, SnapshotEnsembleClassifier
from skensemble.ensembles._course import course_of, course_so_far
from skensemble.training import Trace
from tests.ensembles.conftest import PressCtrlC


def trace(n_steps, losses):
    """Make the trace of a training whose rates count its steps."""
    rows = [{"batches": [], "epoch": k + 1, "train_loss": loss} for k, loss in enumerate(losses)]
    rates = np.arange(1.0, n_steps + 1)
    return Trace(n_steps, rates, np.array([]), np.array(losses), losses[-1], None, rows)


def test_a_course_goes_on_from_the_one_before():
    first = course_of(trace(4, [0.5, 0.4]), [2, 4], {})
    joined = course_of(trace(2, [0.3]), [2], first)
    assert first["n_steps_"] == 4
    assert first["n_iter_"] == 2
    assert joined["n_steps_"] == 4 + 2
    assert joined["n_iter_"] == 2 + 1
    assert joined["member_steps_"].tolist() == [2, 4, 4 + 2]
    assert joined["learning_rates_"].tolist() == [1, 2, 3, 4, 1, 2]
    assert joined["loss_curve_"].tolist() == [0.5, 0.4, 0.3]
    assert joined["history_"][:, "train_loss"] == [0.5, 0.4, 0.3]


def test_the_history_is_that_of_the_losses(make_ensemble, data):
    ensemble = make_ensemble().fit(*data)
    assert isinstance(ensemble.history_, History)
    assert ensemble.history_[:, "train_loss"] == ensemble.loss_curve_.tolist()
    assert ensemble.n_iter_ == len(ensemble.history_) == len(ensemble.loss_curve_)
    assert all(row["dur"] > 0 for row in ensemble.history_)
    assert ensemble.history_[:, "epoch"] == list(range(1, 21)) * (ensemble.n_iter_ // 20)
    assert not any(row["batches"] for row in ensemble.history_)
    assert ensemble.history_[-1, "batches"] == []
    again = pickle.loads(pickle.dumps(ensemble))
    assert list(again.history_) == list(ensemble.history_)
    assert course_so_far(ensemble).keys() == course_of(trace(1, [0.1]), [1], {}).keys()


def untimed(history):
    """Give the entries of a history without their durations and batches."""
    names = ("dur", "batches")
    return [{name: v for name, v in row.items() if name not in names} for row in history]


def test_nets_that_train_together_have_the_history_that_they_have_alone(iris):
    net = NetClassifier(max_epochs=4)
    together, alone = (
        DeepEnsembleClassifier(net, M=2, lockstep=lockstep, random_state=0).fit(*iris).history_
        for lockstep in (True, False)
    )
    assert together[:, "epoch"] == alone[:, "epoch"] == [1, 2, 3, 4, 1, 2, 3, 4]
    for one, other in zip(untimed(together), untimed(alone), strict=True):
        # Sums of float32 in another order.
        assert one == pytest.approx(other, rel=1e-4)


def test_what_callbacks_record_is_in_the_history(iris):
    split = ValidSplit(5, stratified=True)
    score = EpochScoring(lambda net, X, y: 7.0, name="seven")
    net = NetClassifier(max_epochs=20, train_split=split, callbacks=[score], fast=False)
    ensemble = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(*iris)
    assert ensemble.history_[:, "seven"] == [7.0] * 20
    assert len(ensemble.history_[:, "valid_loss"]) == 20


@pytest.mark.filterwarnings("ignore:Training was stopped", "ignore:A cycle of")
def test_the_epoch_that_a_callback_stops_after_counts(iris):
    stopping = EarlyStopping("train_loss", patience=1, threshold=10.0)
    for net in (
        NetClassifier(callbacks=[stopping]),
        NetClassifier(callbacks=[stopping], fast=False),
    ):
        ensemble = SnapshotEnsembleClassifier(net, M=3).fit(*iris)
        assert ensemble.n_iter_ == 2
        assert ensemble.n_steps_ == 2 * 3


@pytest.mark.filterwarnings("ignore:Training was stopped")
def test_an_epoch_that_ctrl_c_cuts_off_does_not_count(make_classifier, iris):
    net = make_classifier().estimator
    for split, callback in [(None, PressCtrlC(15)), (ValidSplit(5), PressInValidation(15))]:
        net.set_params(callbacks=[callback], train_split=split)
        ensemble = make_classifier(estimator=net)
        with pytest.raises(KeyboardInterrupt):
            ensemble.fit(*iris)
        n_whole = 15 if split is None else 14
        assert ensemble.n_iter_ == len(ensemble.history_[:, "train_loss"]) == n_whole


class PressInValidation(PressCtrlC):
    """Presses Ctrl-C when the rows that skorch holds out are looked at after an epoch."""

    def on_epoch_end(self, net, **kwargs):
        """Do nothing."""

    def on_batch_end(self, net, training=False, **kwargs):
        """Raise the signal of Ctrl-C."""
        if not training:
            super().on_epoch_end(net)


def test_a_net_counts_its_epochs(iris):
    net = NetClassifier(max_epochs=3)
    assert not hasattr(net, "n_iter_")
    assert net.fit(*iris).n_iter_ == 3
    assert net.partial_fit(*iris).n_iter_ == 3 + 3
    assert net.fit(*iris).n_iter_ == 3
