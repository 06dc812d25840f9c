"""What tests of ensembles share."""

import signal

import pytest
from sklearn.base import is_classifier
from skorch.callbacks import Callback


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
