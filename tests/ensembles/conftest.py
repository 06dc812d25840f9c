"""What tests of ensembles share."""

import signal

import numpy as np
import pytest
from sklearn.base import is_classifier
from skorch.callbacks import Callback

from skensemble.weighting import log_loss_weights, squared_error_weights


def output(ensemble, X):
    """Give what the average is taken of: probabilities or values."""
    return ensemble.predict_proba(X) if is_classifier(ensemble) else ensemble.predict(X)


class PressCtrlC(Callback):
    """Presses Ctrl-C after an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        """Raise the signal of Ctrl-C."""
        if len(net.history) == self.epoch:
            signal.raise_signal(signal.SIGINT)


def halves(X, y):
    """Give rows to train on, and others by the names that `fit` has for validation rows.

    A fifth of those have the target of another row: who is too sure, is wrong there.
    """
    others = y[1::2].copy()
    others[::5] = np.roll(others[::5], len(others) // 10)
    weight = np.linspace(0, 2, len(others))
    return (X[::2], y[::2]), {"X_val": X[1::2], "y_val": others, "sample_weight_val": weight}


def weights_of_least_loss(ensemble, X, y, weight=None):
    """Fit weights to what the members give on some rows."""
    if is_classifier(ensemble):
        return log_loss_weights(ensemble.member_predict_proba(X), y, weight)
    scaler = ensemble.target_scaler_
    values = [scaler.transform(values) for values in ensemble.member_predict(X)]
    return squared_error_weights(values, scaler.transform(y), weight)


def weights_by_hand(ensemble, held_out):
    """Fit weights to what the members give on validation rows."""
    return weights_of_least_loss(ensemble, *(held_out[name] for name in held_out))


def assert_refused(make_ensemble, data, message, fit, **parameters):
    """Hold that a bad fit says so, fresh or fitted, and that a fitted ensemble stays as it was."""
    X, y = data
    with pytest.raises((ValueError, TypeError), match=message):
        fit(make_ensemble(**parameters))
    ensemble = make_ensemble().fit(X, y)
    before, expected = vars(ensemble).copy(), ensemble.predict(X)
    kept = {name: getattr(ensemble, name) for name in parameters}
    with pytest.raises((ValueError, TypeError), match=message):
        fit(ensemble.set_params(**parameters))
    after = vars(ensemble.set_params(**kept))
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)
    assert (ensemble.predict(X) == expected).all()


def assert_same_members(one, other):
    """Hold that two ensembles have the same members, bit for bit."""
    assert len(one.members_) == len(other.members_)
    for member, expected in zip(one.members_, other.members_, strict=True):
        assert all((member[name] == expected[name]).all() for name in expected)


def assert_same_course(one, other):
    """Hold that two ensembles have the same members from the same training, bit for bit."""
    assert_same_members(one, other)
    for name in ("learning_rates_", "member_steps_", "loss_curve_"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
    assert one.n_steps_ == other.n_steps_
    assert one.n_iter_ == other.n_iter_ == len(one.history_)
    assert one.history_[:, "train_loss"] == other.history_[:, "train_loss"]


@pytest.fixture
def weighed(make_snapshot, data):
    """A snapshot ensemble of fitted weights, and its validation rows."""
    training, held_out = halves(*data)
    return make_snapshot(weights="validation").fit(*training, **held_out), held_out
