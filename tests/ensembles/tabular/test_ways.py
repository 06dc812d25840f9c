"""Nets in lock-step, one by one and in processes: the same computation."""

import numpy as np
import pytest

from skensemble import TabularSnapshotClassifier, lockstep
from skensemble.ensembles.cross_fitted import _together
from skensemble.ensembles.tabular import _parameters, _plan
from skensemble.lockstep import Report
from tests.ensembles.cross_fitted.test_together import sent
from tests.ensembles.tabular.conftest import classifier, regressor, values_of

LEARNING = {"M": 2, "max_steps": None, "max_cycles": 3, "alpha_zero": 0.01}


@pytest.fixture(autouse=True)
def short_cycles(monkeypatch):
    """Let cycles have 20, 40 and 80 steps."""
    monkeypatch.setattr(_plan, "FIRST_CYCLE", 20)
    monkeypatch.setattr(_parameters, "WARMUP", 5)


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
    """Hold that two ensembles are the same up to rounding."""
    size = np.ptp(one.predict(X)) if hasattr(one, "target_scaler_") else 1
    predict = "predict" if hasattr(one, "target_scaler_") else "predict_proba"
    found, expected = (getattr(model, predict)(X) for model in (one, other))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * size)
    np.testing.assert_allclose(one.weights_, other.weights_, atol=1e-2)
    assert one.member_steps_.tolist() == other.member_steps_.tolist()
    assert one.test_fold_.tolist() == other.test_fold_.tolist()
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-3)


@pytest.mark.parametrize("make", [classifier, regressor])
@pytest.mark.parametrize("weight", [None, np.arange(240) % 3 + 0.5], ids=["equal", "weighted"])
def test_nets_in_lock_step_are_those_trained_one_by_one(table, make, weight, report):
    X, y = table
    y = y if make is classifier else values_of(X, y)
    together, alone = make(**LEARNING), make(**LEARNING)
    alone.lockstep = False
    together.fit(X, y, sample_weight=weight)
    alone.fit(X, y, sample_weight=weight)
    # Rounding of float32, that some hundred steps have carried on.
    assert_same(together, alone, X, 5e-3)
    # In each cycle a population for each group.
    n_cycles = together.member_positions_.max() + 1
    assert not report.alone
    assert report.groups[:2] == [{"engine": "closed form", "n_nets": 2, "n_fits": 2}] * 2
    assert len(report.groups) <= 2 * n_cycles


def test_groups_see_the_rows_in_the_same_order(table):
    X, y = table
    model = classifier(max_steps=2, n_nets=8)
    seen = []
    train_rounds = type(model)._train_rounds

    def watched(self, nets, *arguments):
        """Note the seeds."""
        seen.extend(nets)
        return train_rounds(self, nets, *arguments)

    type(model)._train_rounds = watched
    try:
        model.fit(X, y)
    finally:
        del type(model)._train_rounds
    assert len({net.streams.order for net in seen}) == 1
    assert len({net.streams.weights for net in seen}) == 8
    orders = [net.net.module__encoding for net in seen]
    assert [own is model._tables_[k // 2] for k, own in enumerate(orders)] == [True] * 8


def test_processes_train_their_share_of_the_nets(table, monkeypatch):
    X, y = table
    monkeypatch.setattr(_together, "in_processes", sent)
    # The shares cut through a group.
    both = [
        classifier(**LEARNING | {"n_nets": 6, "n_jobs": n_jobs}).fit(X, y) for n_jobs in (None, 2)
    ]
    assert_same(*both, X, 5e-3)
    # Members that come from elsewhere are one stack for each group too.
    for model in both:
        stacks = model._predictor_.stacked.stacks
        assert [own.tables.n_features for own in stacks] == [
            own.n_features for own in model._tables_
        ]


def test_rows_that_are_kept_encoded_are_predicted_as_those_that_are_not(table, monkeypatch):
    X, y = table
    settings = {"M": 2, "max_steps": None, "max_cycles": 3}
    kept = classifier(**settings).fit(X, y)
    seen = []
    monkeypatch.setattr(type(kept), "_features_of", lambda self, group: seen.append(group))
    anew = classifier(**settings).fit(X, y)
    assert len(seen) == len(set(zip(kept.member_positions_, kept.member_nets_ // 2, strict=True)))
    np.testing.assert_allclose(kept.oof_decision_function_, anew.oof_decision_function_, atol=1e-6)


def test_features_are_those_of_the_group(table, monkeypatch):
    X, y = table
    found = {}
    real = TabularSnapshotClassifier._features_of

    def watched(self, group):
        """Keep the width of what is given."""
        features = real(self, group)
        found[group] = features.shape
        return features

    monkeypatch.setattr(TabularSnapshotClassifier, "_features_of", watched)
    model = classifier().fit(X, y)
    widths = [tables.n_features for tables in model._tables_]
    assert found == {k: (len(y), width) for k, width in enumerate(widths)}
    assert all(tables.kept is None for tables in model._tables_)
