"""The order of the rows, and batches of a user's own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch
from skorch.dataset import Dataset, ValidSplit
from torch import nn
from torch.utils.data import DataLoader

from skensemble import InvalidParameterError, NetClassifier
from skensemble.data import RowBatches

SMALL = {"module__hidden_units": (8,), "max_epochs": 10, "batch_size": 32, "random_state": 0}


ORDERS = []
"""The orders of all epochs of a test that are run with `Noted`."""


class Noted(RowBatches):
    """Batches whose orders are noted."""

    def draw_order(self):
        order = super().draw_order()
        ORDERS.append(order.tolist())
        return order


@pytest.fixture
def orders():
    ORDERS.clear()
    return ORDERS


def proba_of(X, y, **settings):
    return NetClassifier(**SMALL | settings).fit(X, y).predict_proba(X)


def test_the_order_advances_from_epoch_to_epoch_and_from_fit_to_fit(iris, orders):
    settings = SMALL | {"max_epochs": 3, "iterator_train": Noted}
    net = NetClassifier(**settings).fit(*iris).partial_fit(*iris).partial_fit(*iris)
    assert len(orders) == 3 * 3
    assert all(sorted(order) == list(range(150)) for order in orders)
    assert len({tuple(order) for order in orders}) == 9
    # The same seed gives the same orders again, whatever lies between.
    torch.rand(5)
    net.fit(*iris).partial_fit(*iris)
    assert orders[9:] == orders[:6]


def test_a_net_that_fit_warms_up_goes_on_to_other_orders(iris, orders):
    settings = SMALL | {"max_epochs": 2, "iterator_train": Noted, "warm_start": True}
    NetClassifier(**settings).fit(*iris).fit(*iris)
    assert len({tuple(order) for order in orders}) == 4


def test_orders_of_a_state_that_goes_on_differ_between_fits(iris, orders):
    settings = {**SMALL, "random_state": np.random.RandomState(0), "max_epochs": 1}
    net = NetClassifier(**settings, iterator_train=Noted).fit(*iris)
    net.fit(*iris)
    assert orders[0] != orders[1]


def test_a_generator_of_ones_own_draws_the_order(iris, orders):
    generator = torch.Generator().manual_seed(5)
    settings = SMALL | {"max_epochs": 1, "iterator_train": Noted}
    NetClassifier(**settings, iterator_train__generator=generator).fit(*iris)
    same = torch.Generator().manual_seed(5)
    assert orders == [torch.randperm(150, generator=same).tolist()]


class Doubled(RowBatches):
    """Batches of ones own: the rows, doubled."""

    def make_batch(self, X, y):
        return 2 * X, y


class DoubledRows(Dataset):
    """A skorch dataset of ones own: the rows, doubled."""

    def __getitem__(self, index):
        X, y = super().__getitem__(index)
        return 2 * X, y


class DoubledLoader(DataLoader):
    """A loader of ones own: the rows, doubled."""

    def __iter__(self):
        return ((2 * X, y) for X, y in super().__iter__())


def make_doubled_loader(dataset, **settings):
    return DoubledLoader(dataset, **settings)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    "settings",
    [
        {"iterator_train": Doubled},
        {"iterator_train": DoubledLoader},
        {"iterator_train": make_doubled_loader},
        {"dataset": DoubledRows},
    ],
)
def test_batches_of_ones_own_train_as_the_rows_they_give(iris, settings, fast):
    X, y = iris
    ordered = {**SMALL, "iterator_train__shuffle": False, "precision": "float64", "fast": fast}
    # skorch's dataset leaves the type of the rows to its net.
    rows = X.astype(np.float64)
    net = NetClassifier(**ordered, **settings).fit(rows, y)
    expected = NetClassifier(**ordered).fit(2 * rows, y)
    for name, value in expected.module_.state_dict().items():
        torch.testing.assert_close(net.module_.state_dict()[name], value, rtol=0, atol=1e-12)
    takes_lean_epochs = fast and settings.get("iterator_train") is Doubled
    assert (net.fast_report_.lean_epoch is None) == takes_lean_epochs


def test_a_torch_dataset_with_its_labels_is_rows_too(iris):
    X, y = iris
    dataset = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y))
    settings = {"module": nn.Linear(4, 3), "max_epochs": 10, "batch_size": 32, "random_state": 0}
    ordered = {**settings, "iterator_train__shuffle": False}
    net = NetClassifier(**ordered).fit(dataset, y)
    expected = NetClassifier(**ordered).fit(X, y)
    assert net.fast_report_.lean_epoch == "the iterator is DataLoader, not RowBatches"
    np.testing.assert_allclose(net.predict_proba(dataset), expected.predict_proba(X), atol=1e-5)


def test_the_loader_of_a_dataset_draws_its_order_from_the_seed(iris):
    X, y = iris
    expected = proba_of(X, y, dataset=DoubledRows)
    torch.manual_seed(99)
    assert (proba_of(X, y, dataset=DoubledRows) == expected).all()
    assert (proba_of(X, y, dataset=DoubledRows, iterator_train__shuffle=False) != expected).any()


def test_threads_may_share_a_net_that_answers(iris):
    X, y = iris[0], np.array(["a", "b", "c"])[iris[1]]
    both = Barrier(2, timeout=20)

    class Meeting(DataLoader):
        """A loader that is made when two threads are about to make one."""

        def __init__(self, *args, **kwargs):
            both.wait()
            super().__init__(*args, **kwargs)

    net = NetClassifier(nn.Linear(4, 3), iterator_valid=Meeting, max_epochs=1, random_state=0)
    expected = net.fit(X, y).module_(torch.as_tensor(X, dtype=torch.float32)).argmax(1)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(net.predict, [X, X]))
    assert [answer.tolist() for answer in answers] == 2 * [net.classes_[expected].tolist()]


@pytest.mark.parametrize("prefix", ["iterator_train", "iterator_valid"])
def test_a_loader_that_gives_no_batch_is_named(iris, prefix):
    settings = {prefix: DataLoader, f"{prefix}__drop_last": True, "batch_size": 200}
    net = NetClassifier(max_epochs=1, train_split=ValidSplit(3), **settings)
    with pytest.raises(InvalidParameterError, match=f"^{prefix} must be one that gives batches"):
        net.fit(*iris)


def test_each_training_drops_other_units(iris):
    masks = []

    class Dropped(nn.Linear):
        def forward(self, x):
            masks.append(nn.functional.dropout(torch.ones(50), training=self.training))
            return super().forward(x)

    settings = {"max_epochs": 1, "batch_size": -1}
    net = NetClassifier(Dropped, module__in_features=4, module__out_features=3, **settings)
    net.set_params(random_state=0).fit(*iris).partial_fit(*iris).partial_fit(*iris)
    net.fit(*iris)
    first, second, third, again = masks
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)
    assert not torch.equal(first, third)
    assert torch.equal(first, again)
