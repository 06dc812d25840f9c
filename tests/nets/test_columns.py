"""Nets whose module knows the columns of a table: one way or another, one training."""

import pickle

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.base import clone
from torch.utils.data import DataLoader

from skensemble import NetClassifier, NetRegressor, SnapshotEnsembleClassifier
from skensemble.data import RowBatches
from skensemble.modules import MLP
from skensemble.nets import FastReport
from tests.ensembles.conftest import assert_same_members

RNG = np.random.default_rng(0)
X = RNG.normal(size=(37, 5))
LABELS, TARGETS = RNG.integers(0, 3, 37), RNG.normal(size=(37, 2))
WEIGHT = RNG.uniform(0.1, 3, 37)
COLUMNS = np.array([0, 2, 0, 1, 2])
SMALL = {"max_epochs": 4, "batch_size": 8, "random_state": 0, "device": "cpu"}
EXACT = {"precision": "float64"} | SMALL
LAYERS = {
    "module__columns": COLUMNS,
    "module__column_scale": True,
    "module__column_dropout": 0.3,
}


def weights_of(net):
    return np.concatenate([p.detach().numpy().ravel() for p in net.module_.parameters()])


@pytest.mark.parametrize(("kind", "y"), [(NetClassifier, LABELS), (NetRegressor, TARGETS)])
@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("left_out", [None, *LAYERS])
def test_training_is_that_of_autograd(kind, y, weight, left_out):
    layers = {name: value for name, value in LAYERS.items() if name != left_out}
    net = kind(**EXACT, **layers, module__hidden_units=(7, 4)).fit(X, y, sample_weight=weight)
    assert net.fast_report_ == FastReport()
    slow = clone(net).set_params(fast=False).fit(X, y, sample_weight=weight)
    assert slow.fast_report_.closed_form is not None
    np.testing.assert_allclose(weights_of(net), weights_of(slow), rtol=0, atol=1e-12)
    if left_out == "module__column_scale":
        return
    scale = [p for name, p in net.module_.named_parameters() if name.endswith("scale")]
    assert scale[0].shape == (5 if left_out == "module__columns" else 3,)
    assert (scale[0] != 1).all()


class Watching(RowBatches):
    """Batches whose rows are kept as they are handed over."""

    seen: list

    def make_batch(self, X, y):
        """Keep the rows."""
        self.seen.append(X)
        return X, y


def rows_seen(**settings):
    """Give the rows of each batch of a training on ones, in one tensor."""
    Watching.seen = []
    rows = np.ones_like(X)
    net = NetClassifier(**(EXACT | LAYERS | {"iterator_train": Watching} | settings))
    net.fit(rows, LABELS)
    assert net.fast_report_ == FastReport()
    return torch.cat(Watching.seen)


def test_a_net_drops_columns_of_its_batches():
    rows = rows_seen()
    assert rows.shape == (4 * 37, 5)
    assert rows.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert torch.equal(rows[:, 0], rows[:, 2])
    assert torch.equal(rows[:, 1], rows[:, 4])
    assert not torch.equal(rows[:37], rows[37:74])


def test_nets_with_the_same_order_drop_the_same_columns():
    rows = rows_seen()
    assert torch.equal(rows_seen(module__hidden_units=(3,), module__dropout=0.5), rows)
    assert not torch.equal(rows_seen(random_state=1), rows)


def test_whoever_changes_the_layer_changes_what_is_dropped():
    class Changing(Watching):
        """Batches that raise the probability in mid-training."""

        def draw_order(self):
            """Raise it, the layer's own."""
            self.drop_from.__self__.p = 0.9
            return super().draw_order()

    rows = rows_seen(iterator_train=Changing)
    assert rows.unique().tolist() == pytest.approx([0, 1 / 0.1])


def test_a_loader_of_torch_leaves_dropping_to_the_layer():
    net = NetClassifier(**EXACT, **LAYERS, iterator_train=DataLoader).fit(X, LABELS)
    assert not net.module_[0].in_batches
    assert net.fast_report_.lean_epoch is not None
    net.iterator_train = RowBatches
    net.partial_fit(X, LABELS)
    assert net.module_[0].in_batches
    assert net.fast_report_ == FastReport()
    net.iterator_train = DataLoader
    net.partial_fit(X, LABELS)
    assert not net.module_[0].in_batches


class OwnMLP(MLP):
    """A module of the user's own."""


def test_another_module_drops_columns_itself():
    net = NetClassifier(OwnMLP, **EXACT, **LAYERS).fit(X, LABELS)
    assert not net.module_[0].in_batches
    again = clone(net).fit(X, LABELS)
    np.testing.assert_array_equal(weights_of(net), weights_of(again))
    net.set_params(module__column_dropout=0.0)
    assert not np.allclose(weights_of(net.fit(X, LABELS))[-3:], weights_of(again)[-3:])


def whole_batches(dataset, **arguments):
    """Give batches of a function of the user's own, which nothing is dropped from."""
    return RowBatches(dataset, **arguments)


def test_rows_that_come_whole_are_dropped_from_by_the_module():
    net = NetRegressor(**EXACT, **LAYERS, iterator_train=whole_batches).fit(X, TARGETS)
    assert not net.module_[0].in_batches
    assert net.fast_report_.lean_epoch is not None
    assert (
        net._obstacle_to_closed_form()
        == "the module encodes or drops columns of rows that come whole"
    )
    net.get_iterator(net.get_dataset(X, TARGETS), training=True)
    assert not net.module_[0].in_batches


def test_sparse_rows_and_rows_of_several_axes_drop_columns_too():
    expected = weights_of(NetClassifier(**EXACT, **LAYERS).fit(X, LABELS))
    sparse = NetClassifier(**EXACT, **LAYERS).fit(csr_matrix(X), LABELS)
    np.testing.assert_allclose(weights_of(sparse), expected, rtol=0, atol=1e-12)
    layers = LAYERS | {"module__columns": [*COLUMNS, 3]}
    wide = np.c_[X, X[:, 0]]
    flat, cube = (
        NetClassifier(**EXACT, **layers).fit(rows, LABELS)
        for rows in (wide, wide.reshape(-1, 2, 3))
    )
    np.testing.assert_array_equal(weights_of(flat), weights_of(cube))


def test_a_group_of_the_optimizer_gives_the_scales_a_rate():
    group = ("*scale", {"lr": 0.0, "weight_decay": 0.0})
    net = NetClassifier(**EXACT, **LAYERS, optimizer__param_groups=[group]).fit(X, LABELS)
    assert net.module_[1].scale.tolist() == [1, 1, 1]
    assert net.fast_report_.closed_form is None


def test_arrays_among_the_arguments_are_parameters_like_others():
    net = NetClassifier(**SMALL, **LAYERS)
    assert "module__columns" in repr(net)
    other = clone(net)
    np.testing.assert_array_equal(other.get_params()["module__columns"], COLUMNS)
    assert other.fit(X, LABELS).score(X, LABELS) == net.fit(X, LABELS).score(X, LABELS)
    loaded = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))


@pytest.mark.filterwarnings("ignore:A cycle of")
def test_further_cycles_drop_what_those_of_one_training_would():
    net = NetClassifier(**EXACT | {"max_epochs": 8}, **LAYERS)
    whole = SnapshotEnsembleClassifier(net, M=4, random_state=0).fit(X, LABELS)
    net.set_params(max_epochs=4)
    halves = SnapshotEnsembleClassifier(net, M=2, warm_start=True, random_state=0).fit(X, LABELS)
    halves = pickle.loads(pickle.dumps(halves))
    assert_same_members(halves.set_params(M=4).fit(X, LABELS), whole)
    np.testing.assert_array_equal(halves.predict_proba(X), whole.predict_proba(X))


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")
def test_a_compiled_module_learns_the_same():
    net = NetClassifier(**EXACT, **LAYERS)
    compiled = clone(net).set_params(compile=True, compile__backend="eager").fit(X, LABELS)
    np.testing.assert_allclose(weights_of(compiled), weights_of(net.fit(X, LABELS)), atol=1e-12)
