"""Rows, dicts and datasets on their way to batches."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import SliceDataset, SliceDict, predefined_split
from torch import nn
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    IterableDataset,
    SequentialSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

from skensemble import InvalidParameterError, NetClassifier, NetRegressor
from skensemble.data import Rows

SMALL = {"module__hidden_units": (8,), "max_epochs": 5, "batch_size": 32, "random_state": 0}


class Named(nn.Module):
    """A module of one input that has a name."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x)


class Pairs(torch.utils.data.Dataset):
    """A dataset of one's own."""

    def __init__(self, X, y):
        self.pairs = list(zip(X, y, strict=True))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        return self.pairs[index]


def tensors(X, y):
    return TensorDataset(torch.tensor(X), torch.tensor(y))


WRAPPERS = [Dataset, tensors, Pairs, lambda X, y: Subset(Pairs(X, y), range(len(y)))]


@pytest.mark.parametrize("shift", [0, 5])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("wrap", WRAPPERS)
def test_a_dataset_trains_as_its_rows_do(iris, wrap, given, shift):
    X, y = iris
    y = y + shift
    ordered = {**SMALL, "iterator_train__shuffle": False, "precision": "float64"}
    rows = X.astype(np.float64)
    expected = NetClassifier(**ordered).fit(rows, y)
    net = NetClassifier(**ordered).fit(wrap(rows, y), y if given else None)
    assert net.classes_.tolist() == expected.classes_.tolist()
    np.testing.assert_allclose(net.predict_proba(rows), expected.predict_proba(rows), atol=1e-9)
    assert (net.predict(wrap(rows, y)) == expected.predict(rows)).all()


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_a_dataset_of_a_regression_is_standardised_as_rows_are(diabetes, wrap):
    X, y = diabetes
    ordered = {**SMALL, "iterator_train__shuffle": False, "precision": "float64"}
    rows = X.astype(np.float64)
    expected = NetRegressor(**ordered).fit(rows, y)
    net = NetRegressor(**ordered).fit(wrap(rows, y), None)
    np.testing.assert_allclose(net.predict(rows), expected.predict(rows), rtol=1e-9)


def test_the_dataset_of_skorch_keeps_the_lean_epoch(iris):
    net = NetClassifier(**SMALL).fit(Dataset(*iris), None)
    assert net.fast_report_.lean_epoch is None
    assert (net.predict(Dataset(iris[0])) == net.predict(iris[0])).all()


@pytest.mark.parametrize("inputs", [dict, SliceDict, lambda **X: Dataset(X, None)])
def test_dicts_go_to_the_module_by_name(iris, inputs):
    X, y = iris
    settings = {**SMALL, "iterator_train__shuffle": False, "max_epochs": 60}
    del settings["module__hidden_units"]
    given = inputs(x=X)
    if isinstance(given, Dataset):
        given = Dataset(given.X, y + 1)
    net = NetClassifier(Named, **settings).fit(given, y + 1)
    assert net.score(given, y + 1) > 0.9
    assert set(net.predict(given)) == {1, 2, 3}


def test_a_slice_of_a_dataset_trains_and_is_sized(iris):
    X, y = iris
    rows = SliceDataset(tensors(X, y))
    net = NetClassifier(**SMALL | {"max_epochs": 40}).fit(rows, y)
    assert net.module_[0].in_features == 4
    assert net.score(rows, y) > 0.8
    # The second time, too.
    assert net.fit(rows[:100], y[:100]).module_[-1].out_features == 2
    targets = SliceDataset(tensors(X, y), idx=1)
    assert net.fit(rows, targets).classes_.tolist() == [0, 1, 2]


def test_a_stream_trains_in_codes(iris):
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(zip(*iris, strict=True))

    net = NetClassifier(nn.Linear(4, 3), max_epochs=2).fit(Stream(), None)
    assert not hasattr(net, "classes_")
    assert set(net.predict(iris[0])) <= {0, 1, 2}
    named = NetClassifier(nn.Linear(4, 3), max_epochs=2)
    assert set(named.partial_fit(Stream(), classes=[0, 1, 2]).classes_) == {0, 1, 2}


def test_rows_need_targets_unless_a_loader_brings_them(iris):
    X, y = iris
    with pytest.raises(InvalidParameterError, match="y must be given, got None: NetClassifier req"):
        NetClassifier().fit(X, None)

    def loader(dataset, **settings):
        return DataLoader(Dataset(dataset.X, y), **settings)

    NetClassifier(nn.Linear(4, 3), iterator_train=loader, max_epochs=1).fit(X, None)


@pytest.mark.parametrize("kind", ["from 1", "strings"])
@pytest.mark.parametrize("wrap", [Dataset, Pairs])
def test_held_out_rows_may_have_labels_of_any_kind(iris, wrap, kind):
    X, y = iris
    y = y + 1 if kind == "from 1" else np.array(["a", "b", "c"])[y]
    settings = {**SMALL, "max_epochs": 30}
    net = NetClassifier(**settings, train_split=predefined_split(wrap(X[::5], y[::5]))).fit(X, y)
    assert net.history[-1, "valid_acc"] == net.score(X[::5], y[::5])
    assert net.history[-1, "valid_loss"] < 0.5


@pytest.mark.parametrize("wrap", [Dataset, Pairs])
@pytest.mark.parametrize("column", [False, True])
def test_the_loss_of_held_out_targets_is_that_of_standardised_ones(diabetes, wrap, column):
    X, y = diabetes
    held = y[:100, None] if column else y[:100]
    split = predefined_split(wrap(X[:100], held))
    net = NetRegressor(**SMALL, train_split=split).fit(X[100:], y[100:])
    error = np.mean((net.predict(X[:100]) - y[:100]) ** 2) / net.target_scaler_.scale[0] ** 2
    assert net.history[-1, "valid_loss"] == pytest.approx(error, rel=1e-4)


def test_held_out_labels_that_were_not_seen_are_refused(iris):
    X, y = iris
    split = predefined_split(Dataset(X[100:], y[100:]))
    with pytest.raises(InvalidParameterError, match=r"y must hold classes seen in y, got \[2\]"):
        NetClassifier(**SMALL, train_split=split).fit(X[:100], y[:100])


def halves(dataset, y=None):
    kind = type(dataset)
    return kind(dataset.X[::2], dataset.y[::2]), kind(dataset.X[1::2], dataset.y[1::2])


def halves_by_index(dataset, y=None):
    index = np.arange(len(dataset))
    return Subset(dataset, index[::2]), Subset(dataset, index[1::2])


def halves_of_subsets(dataset, y=None):
    whole = Subset(dataset, range(len(dataset)))
    return halves_by_index(whole)


def halves_joined(dataset, y=None):
    train, valid = halves_by_index(dataset)
    return ConcatDataset([train]), ConcatDataset([valid])


@pytest.mark.parametrize("split", [halves, halves_of_subsets, halves_joined])
@pytest.mark.parametrize("kind", ["labels", "strings", "targets"])
def test_a_split_may_put_rows_together_as_it_likes(iris, split, kind):
    X, y = iris
    y = {"labels": y + 1, "strings": np.array(["a", "b", "c"])[y], "targets": 100.0 + y}[kind]
    K = NetRegressor if kind == "targets" else NetClassifier
    ordered = {**SMALL, "iterator_train__shuffle": False, "batch_size": 25, "precision": "float64"}
    net = K(**ordered, train_split=split).fit(X, y)
    expected = K(**ordered, train_split=halves_by_index).fit(X, y)
    # A last batch of one row is cut in other ways by the loaders; of 75 rows there is none.
    np.testing.assert_allclose(net.predict_proba(X), expected.predict_proba(X), atol=1e-9)
    assert net.history[-1, "valid_loss"] == pytest.approx(expected.history[-1, "valid_loss"])


def test_weights_do_not_get_lost_in_a_split(iris):
    X, y = iris
    with pytest.raises(
        InvalidParameterError, match="sample_weight must be None with a train_split"
    ):
        NetClassifier(train_split=halves).fit(X, y, sample_weight=np.ones(150))


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    "argument",
    [
        {"num_workers": 1},
        {"drop_last": True},
        {"pin_memory": False},
        {"sampler": WeightedRandomSampler(np.ones(150), 150)},
        {"batch_sampler": BatchSampler(SequentialSampler(range(150)), 50, drop_last=False)},
        {"collate_fn": default_collate},
        {"timeout": 0, "worker_init_fn": None},
    ],
    ids=lambda argument: next(iter(argument)),
)
def test_arguments_of_the_loader_of_torch_are_taken(iris, argument, fast):
    X, y = iris
    arguments = {f"iterator_train__{name}": value for name, value in argument.items()}
    settings = {**SMALL, "max_epochs": 2, "fast": fast}
    net = NetClassifier(**settings, **arguments).fit(X, y + 1)
    assert net.fast_report_.lean_epoch.startswith(
        "the iterator is CodedBatches" if fast else "fast"
    )
    assert set(net.predict(X)) <= {1, 2, 3}
    # In batches of the same rows the training is the same.
    if "batch_sampler" not in argument:
        settings["batch_size"] = -1
    NetClassifier(**settings, **arguments, iterator_train=DataLoader).fit(X, y)


def test_rows_that_fill_no_batch_may_be_dropped(iris):
    sizes = []

    class Sizes(Callback):
        def on_batch_end(self, net, batch=None, **kwargs):
            sizes.append(len(batch[0]))

    settings = {**SMALL, "max_epochs": 1, "iterator_train__drop_last": True}
    NetClassifier(**settings, callbacks=[Sizes]).fit(*iris)
    assert sizes == [32] * (150 // 32)


def test_an_argument_that_no_loader_has_is_named(iris):
    message = (
        r"iterator_train__\.\.\. must be arguments of RowBatches or of torch's DataLoader, got"
    )
    with pytest.raises(InvalidParameterError, match=message + r" \['iterator_train__droplast'\]"):
        NetClassifier(**SMALL, iterator_train__droplast=True).fit(*iris)


def test_a_loader_of_ones_own_need_not_shuffle(iris):
    def loader(dataset, batch_size):
        return DataLoader(dataset, batch_size)

    net = NetClassifier(**SMALL, iterator_train=loader, iterator_valid=loader).fit(*iris)
    assert net.predict(iris[0]).shape == (150,)


@pytest.mark.parametrize("split", [None, False])
def test_there_may_be_no_split(iris, split):
    net = NetClassifier(**SMALL, train_split=split).fit(*iris)
    assert "valid_loss" not in net.history[-1]
    assert "valid_acc" not in net.history[-1]


def test_a_split_has_its_accuracy_noted_and_its_lean_epoch_kept(iris):
    net = NetClassifier(**SMALL, train_split=ValidSplit(5, stratified=True)).fit(*iris)
    assert net.history[-1, "valid_acc"] > 0.5
    assert net.history[0, "valid_acc_best"]
    assert net.fast_report_ == type(net.fast_report_)()


def test_rows_and_targets_of_a_data_set_are_those_of_the_user(iris):
    X, y = iris
    y = np.array(["a", "b", "c"])[y]
    net = NetClassifier(**SMALL).fit(X, y)
    dataset = net.get_dataset(X, y)
    assert isinstance(dataset, Rows)
    assert dataset.X is X
    assert dataset.y is y
    (_, codes), *_ = net.get_iterator(dataset)
    assert codes.tolist() == [0] * 50 + [1] * 50 + [2] * 50


def test_each_iterator_draws_an_order_of_its_own(iris):
    net = NetClassifier(**SMALL).fit(*iris)
    rows = net.get_dataset(*iris)
    one, other = (torch.cat([y for _, y in net.get_iterator(rows, training=True)]) for _ in "ab")
    assert not torch.equal(one, other)
