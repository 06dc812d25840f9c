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
