"""Nets as one population, one by one and in processes: the same computation."""

import signal

import numpy as np
import pytest
import torch
from joblib.externals.loky.backend.reduction import dumps, loads
from skorch import NeuralNetClassifier
from torch import nn

from skensemble import NetClassifier, SnapshotEnsembleClassifier, lockstep
from skensemble.ensembles.cross_fitted import _together
from skensemble.ensembles.cross_fitted._out_of_fold import OutOfFold
from skensemble.lockstep import Report
from tests.ensembles.cross_fitted.conftest import answers, classifier, regressor

ADAMW = {
    "optimizer": torch.optim.AdamW,
    "optimizer__weight_decay": 0.01,
    "optimizer__betas": (0.9, 0.95),
    "optimizer__param_groups": [("*.bias", {"weight_decay": 0.0})],
}


@pytest.fixture
def report(monkeypatch):
    """Give the report of all that is trained together."""
    report = Report()

    def run(tasks):
        """Run fits, and note how."""
        return lockstep.run_together(tasks, report=report)

    monkeypatch.setattr(_together, "run_together", run)
    return report


def assert_same(one, other, X, tolerance):
    np.testing.assert_allclose(answers(one, X), answers(other, X), rtol=0, atol=tolerance)
    np.testing.assert_allclose(one.weights_, other.weights_, atol=1e-4)
    assert one.member_steps_.tolist() == other.member_steps_.tolist()
    assert one.oof_score_ == pytest.approx(other.oof_score_, abs=1e-3)
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"module__dropout": 0.3},
        {"max_grad_norm": 0.5, "optimizer__momentum": 0.0},
        {"module__activation": "relu", **ADAMW},
    ],
    ids=["default", "dropout", "clipped", "AdamW"],
)
@pytest.mark.parametrize("make", [classifier, regressor])
def test_nets_in_lock_step_are_those_trained_one_by_one(hard, make, settings, report):
    (X, y), (fresh, _) = hard
    rate = {"alpha_zero": 0.01} if "optimizer" in settings else {}
    weight = np.linspace(0.5, 2, len(y))
    both = [
        make({"precision": "float64", **settings}, lockstep=together)
        .set_params(**{f"estimator__{name}": value for name, value in rate.items()})
        .fit(X, y, sample_weight=weight)
        for together in (True, False)
    ]
    assert_same(*both, fresh, 1e-9)
    assert report.groups == [{"engine": "closed form", "n_nets": 4, "n_fits": 4}]


def test_further_cycles_are_the_same_too(hard, report):
    (X, y), (fresh, _) = hard
    parameters = {"max_cycles": 5, "of_method": {"cycle_mult": 2.0}, "M": 2}
    both = [
        classifier({"precision": "float64", "max_epochs": 3}, lockstep=together, **parameters).fit(
            X, y
        )
        for together in (True, False)
    ]
    assert both[0].member_positions_.max() > 2
    assert_same(*both, fresh, 1e-9)
    assert len(report.groups) == both[0].member_positions_.max()


class Own(nn.Sequential):
    """A module that lock-step does not know, with batch normalisation."""

    def __init__(self, n_features, n_outputs):
        layers = nn.Linear(n_features, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, n_outputs)
        super().__init__(*layers)


def test_nets_that_cannot_go_together_are_trained_one_by_one(hard, report):
    (X, y), (fresh, _) = hard
    net = NetClassifier(Own, max_epochs=12, batch_size=32, device="cpu")
    both = [classifier(net, lockstep=together).fit(X, y) for together in (True, False)]
    assert (answers(both[0], fresh) == answers(both[1], fresh)).all()
    assert report.alone == {"the module has buffers, as batch normalisation has": 4}


def test_nets_of_skorch_are_trained_on_their_rows_alone(hard):
    (X, y), (fresh, labels) = hard
    net = NeuralNetClassifier(
        Own, module__n_features=8, module__n_outputs=2, criterion=nn.CrossEntropyLoss,
        max_epochs=12, batch_size=32, train_split=None, verbose=0,
    )  # fmt: skip
    ensemble = classifier(net, of_method={"alpha_zero": 0.01}).fit(X, y)
    assert ensemble.score(fresh, labels) > 0.6
    assert ensemble.oof_score_ == pytest.approx(ensemble.score(fresh, labels), abs=0.1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:n_jobs=")
def test_processes_train_their_share_of_the_nets(hard):
    (X, y), (fresh, _) = hard
    parameters = {"max_cycles": 3, "of_method": {"cycle_mult": 2.0}, "M": 2, "n_nets": 3}
    both = [classifier(**parameters, n_jobs=n_jobs).fit(X, y) for n_jobs in (None, 2)]
    assert_same(*both, fresh, 1e-6)


def sent(tasks, n_jobs):
    """Run tasks as if each were sent to another process, and its result back."""
    for task in tasks:
        result = loads(dumps(task))()
        yield loads(dumps(result))


@pytest.mark.parametrize("n_jobs", [2, 3, 4])
def test_shares_of_any_size_come_back(hard, n_jobs, monkeypatch):
    (X, y), (fresh, _) = hard
    monkeypatch.setattr(_together, "in_processes", sent)
    # Of three shares two are of a single net, which is trained alone.
    parameters = {"max_cycles": 3, "of_method": {"cycle_mult": 2.0}, "M": 2}
    both = [classifier(**parameters, n_jobs=n).fit(X, y) for n in (None, n_jobs)]
    assert both[0].member_positions_.max() == 2
    assert_same(*both, fresh, 1e-6)


def press_at(n_members):
    """Give a method whose nets press Ctrl-C as they hand over a member."""

    class Pressing(SnapshotEnsembleClassifier):
        """Presses Ctrl-C."""

        def _fit_members(self, net, data, collect, seed):
            def pressing(state, step):
                """Press after the member that was asked for."""
                stop = collect(state, step)
                pressed.append(step.t)
                if len(pressed) == n_members:
                    signal.raise_signal(signal.SIGINT)
                return stop

            pressing.steps = collect.steps
            return super()._fit_members(net, data, pressing, seed)

    pressed = Pressing.pressed = []
    return Pressing


@pytest.mark.parametrize("together", [True, False])
def test_ctrl_c_keeps_whole_positions(hard, together):
    (X, y), _ = hard
    # In turn, the last of four nets reaches its first position with the tenth member.
    at = 6 if together else 11
    ensemble = classifier(method=press_at(at), lockstep=together)
    with pytest.warns(UserWarning, match="stopped by ctrl-c"), pytest.raises(KeyboardInterrupt):
        ensemble.fit(X, y)
    n = 1 if together else 2
    assert ensemble.member_positions_.tolist() == [s for s in range(n) for _ in range(4)]
    assert ensemble.predict_proba(X).shape == (400, 2)
    assert ensemble.weights_.sum() == pytest.approx(1)
    assert 0.4 < ensemble.oof_score_ <= 1


@pytest.mark.parametrize("together", [True, False])
def test_ctrl_c_before_the_first_position_leaves_nothing(hard, together):
    (X, y), _ = hard
    pressing = press_at(2)
    ensemble = classifier(method=pressing, lockstep=together)
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(X, y)
    assert not hasattr(ensemble, "members_")
    # One by one, the nets after the first are not trained at all.
    assert len(pressing.pressed) <= 4


def test_only_groups_that_gain_are_trained_further(hard, monkeypatch):
    (X, y), _ = hard
    asked = []

    def growing(self, groups):
        """Let the second group go on, once."""
        asked.append(list(groups))
        return [1] if len(asked) == 1 else []

    monkeypatch.setattr(OutOfFold, "growing", growing)
    ensemble = classifier(of_method={"cycle_mult": 2.0}, max_cycles=9).fit(X, y)
    assert ensemble.member_positions_.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 2
    assert ensemble.member_nets_.tolist()[-2:] == [2, 3]
    assert asked == [[0, 1], [1]]


class Changing(nn.Linear):
    """A module whose answer changes with what it is not made of."""

    times = [1.0]  # noqa: RUF012  what all of its kind share

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)

    def forward(self, x):
        """Give the output, by a number that grows in training."""
        if self.training:
            self.times[0] += 0.1
        return super().forward(x) * self.times[0]


def test_members_are_held_to_their_net(hard):
    (X, y), _ = hard
    net = NetClassifier(Changing, max_epochs=4, batch_size=32, device="cpu")
    with pytest.raises(ValueError, match="members"):
        classifier(net).fit(X, y)
