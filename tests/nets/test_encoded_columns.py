"""Nets whose module encodes the columns of a table: one way or another, one training."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from torch.utils.data import DataLoader

from skensemble import InvalidParameterError, NetClassifier, NetRegressor
from skensemble import SnapshotEnsembleClassifier as Snapshots
from skensemble.lockstep import Report, run_together
from skensemble.modules import MLP, TableEncoding
from skensemble.nets import FastReport
from skensemble.preprocessing import encode_rows, fit_tables

RNG = np.random.default_rng(0)
X = np.c_[RNG.normal(size=(60, 2)), RNG.integers(-1, 4, 60), RNG.integers(0, 2, 60)]
X = X.astype(np.float32)
LABELS, TARGETS = RNG.integers(0, 3, 60), RNG.normal(size=(60, 2))
WEIGHT = RNG.uniform(0.1, 3, 60)
TABLES = fit_tables(X, np.array([0, 0, 4, 2]), n_bins=3, n_cosines=4)
OTHERS = fit_tables(X, np.array([0, 0, 4, 2]), n_bins=5)
SMALL = {"max_epochs": 5, "batch_size": 16, "random_state": 0, "device": "cpu"}
EXACT = {"precision": "float64"} | SMALL
LAYERS = {
    "module__encoding": TABLES,
    "module__column_scale": True,
    "module__hidden_units": (7, 4),
}


def weights_of(net):
    return np.concatenate([p.detach().numpy().ravel() for p in net.module_.parameters()])


@pytest.mark.parametrize(("kind", "y"), [(NetClassifier, LABELS), (NetRegressor, TARGETS)])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("drop", [0.0, 0.3])
def test_training_is_that_of_autograd(kind, y, weight, drop):
    net = kind(**EXACT, **LAYERS, module__column_dropout=drop).fit(X, y, sample_weight=weight)
    assert net.fast_report_ == FastReport()
    slow = clone(net).set_params(fast=False).fit(X, y, sample_weight=weight)
    assert slow.fast_report_.closed_form is not None
    np.testing.assert_allclose(weights_of(net), weights_of(slow), rtol=0, atol=1e-12)


def test_training_is_that_of_rows_encoded_before():
    settings = LAYERS | {"module__encoding": None, "module__columns": TABLES.columns}
    before = NetClassifier(**SMALL, **settings).fit(encode_rows(TABLES, X), LABELS)
    net = NetClassifier(**SMALL, **LAYERS).fit(X, LABELS)
    np.testing.assert_allclose(weights_of(net), weights_of(before), rtol=0, atol=1e-6)
    expected = before.predict_proba(encode_rows(TABLES, X))
    np.testing.assert_allclose(net.predict_proba(X), expected, atol=1e-6)


def test_a_loader_of_torch_leaves_encoding_to_the_layer():
    net = NetClassifier(**EXACT, **LAYERS).fit(X, LABELS)
    loaded = NetClassifier(**EXACT, **LAYERS, iterator_train=DataLoader).fit(X, LABELS)
    assert net.module_[0].in_batches
    assert not loaded.module_[0].in_batches
    assert loaded.fast_report_.lean_epoch is not None
    assert weights_of(loaded).shape == weights_of(net).shape
    assert loaded.score(X, LABELS) > 0.3


def test_gradients_in_closed_form_ask_for_the_mode_of_the_module():
    net = NetClassifier(**EXACT, **LAYERS).fit(X, LABELS)
    assert net._obstacle_to_closed_form() is None
    net.module_.train()
    net.module_[0].eval()
    expected = "a dropout or encoding layer is held in another mode than the module"
    assert net._obstacle_to_closed_form() == expected


def test_tables_of_other_columns_are_refused():
    with pytest.raises(InvalidParameterError, match=r"encoding must be .*got 'tables for 4'"):
        MLP(5, 3, encoding=TABLES)
    with pytest.raises(InvalidParameterError, match=r"encoding must be .*got 'tables for 4'"):
        NetClassifier(**SMALL, **LAYERS).fit(X[:, :3], LABELS)
    assert isinstance(MLP(4, 3, encoding=TABLES)[0], TableEncoding)


@pytest.mark.parametrize("settings", [{}, {"module__column_dropout": 0.3}], ids=str)
@pytest.mark.parametrize("precision", ["float64", "float32", "bf16"])
def test_lock_step_is_training_alone(precision, settings):
    tolerance = {"float64": 1e-12, "float32": 1e-5, "bf16": 2e-2}[precision]
    net = NetClassifier(**SMALL, **(LAYERS | settings), precision=precision)
    ensembles = [Snapshots(net, M=2, alpha_zero=rate, random_state=3) for rate in (0.05, 0.1)]
    alone = [clone(own).fit(X, LABELS) for own in ensembles]
    report = Report()
    tasks = [partial(own.fit, X, LABELS) for own in ensembles]
    for fit, own in zip(run_together(tasks, report=report), alone, strict=True):
        assert fit.error is None
        for found, member in zip(fit.result.members_, own.members_, strict=True):
            for name, values in member.items():
                np.testing.assert_allclose(found[name], values, rtol=0, atol=tolerance)
    assert not report.alone, report.alone
    assert sum(group["n_fits"] for group in report.groups) == 2


def test_nets_of_other_tables_are_another_population():
    report = Report()
    ensembles = [
        Snapshots(NetClassifier(**EXACT, **(LAYERS | {"module__encoding": tables})), M=2,
                  random_state=k)
        for tables in (TABLES, OTHERS) for k in (0, 1)
    ]  # fmt: skip
    alone = [clone(own).fit(X, LABELS) for own in ensembles]
    fits = run_together([partial(own.fit, X, LABELS) for own in ensembles], report=report)
    assert [group["n_nets"] for group in report.groups] == [2, 2]
    for fit, own in zip(fits, alone, strict=True):
        np.testing.assert_allclose(
            fit.result.predict_proba(X), own.predict_proba(X), rtol=0, atol=1e-12
        )
