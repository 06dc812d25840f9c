import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import dok_array
from sklearn.base import BaseEstimator
from skorch.dataset import Dataset
from skorch.helper import SliceDataset, SliceDict
from torch.utils.data import IterableDataset, Subset, TensorDataset

from skensemble import InvalidParameterError
from skensemble.data import (
    as_targets,
    check_labelled_rows,
    check_rows,
    is_rows,
    targets_of,
    unwrap_rows,
)

X = np.arange(12.0, dtype=np.float32).reshape(6, 2)
Y = np.array([3, 1, 2, 3, 1, 2])


class Pairs(torch.utils.data.Dataset):
    """A dataset of one's own, which keeps nothing under a name that is known."""

    def __init__(self, targets):
        self.kept = targets

    def __len__(self):
        return len(self.kept)

    def __getitem__(self, index):
        return X[index], self.kept[index]


class Stream(IterableDataset):
    """A dataset that only iterates."""

    def __iter__(self):
        return iter([(X[0], 0)])


@pytest.mark.parametrize(
    "other", [{"a": X}, SliceDict(a=X), Dataset(X, Y), Pairs(Y), SliceDataset(Pairs(Y)), Stream()]
)
def test_dicts_and_datasets_are_no_rows(other):
    assert not is_rows(other)


@pytest.mark.parametrize("rows", [X, torch.tensor(X), pd.DataFrame(X), X.tolist(), dok_array(X)])
def test_arrays_tensors_frames_and_lists_are_rows(rows):
    assert is_rows(rows)


def test_the_dataset_of_skorch_gives_its_rows_and_its_own_targets():
    rows, y = unwrap_rows(Dataset(X, Y), Y + 1)
    assert rows is X
    assert y is Y
    assert unwrap_rows(Dataset(X), Y)[1] is Y


@pytest.mark.parametrize("other", [Dataset({"a": X}, Y), Dataset(pd.DataFrame(X), Y), Pairs(Y), X])
def test_all_else_stays_as_it_is(other):
    rows, y = unwrap_rows(other, Y)
    assert rows is other
    assert y is Y


@pytest.mark.parametrize(
    "dataset",
    [
        Dataset(X, Y),
        Dataset({"a": X}, torch.tensor(Y)),
        TensorDataset(torch.tensor(X), torch.tensor(Y)),
        Pairs(Y),
        Pairs(torch.tensor(Y)),
    ],
)
def test_targets_are_found_in_a_dataset_and_in_its_subsets(dataset):
    assert targets_of(dataset).tolist() == Y.tolist()
    assert targets_of(Subset(Subset(dataset, [0, 2, 4]), [2, 0])).tolist() == [1, 3]


@pytest.mark.parametrize(
    "dataset",
    [Dataset(X), Stream(), TensorDataset(torch.tensor(X)), Pairs([{}] * 6), X],
)
def test_a_dataset_whose_targets_are_no_array_has_none(dataset):
    assert targets_of(dataset) is None


@pytest.mark.parametrize(
    "y",
    [
        Y,
        Y.tolist(),
        torch.tensor(Y),
        pd.Series(Y),
        SliceDataset(Pairs(Y), idx=1),
        [*torch.tensor(Y)],
    ],
)
def test_targets_of_any_kind_become_an_array(y):
    assert as_targets(y).tolist() == Y.tolist()


def test_strings_are_targets_and_other_objects_are_none():
    assert as_targets(["a", "b"]).tolist() == ["a", "b"]
    assert as_targets(np.array(["a", "b"], dtype=object)).tolist() == ["a", "b"]
    assert as_targets([object(), object()]) is None
    assert as_targets([[1], [1, 2]]) is None
    assert as_targets({"a": Y}) is None


@pytest.mark.parametrize(
    "X",
    [
        {"a": np.eye(2)},
        SliceDict(a=np.eye(2)),
        TensorDataset(torch.eye(2), torch.arange(2)),
        SliceDataset(TensorDataset(torch.eye(2), torch.arange(2))),
        Dataset({"a": np.eye(2)}, np.arange(2)),
    ],
)
def test_rows_that_are_no_array_are_refused_by_the_name_of_their_type(X):
    name = type(X).__name__
    message = rf"X must be one array of rows, got a {name}\. Pass its rows as an array with y"
    with pytest.raises(InvalidParameterError, match=message):
        check_rows(BaseEstimator(), X, dtype=float, reset=True)
    with pytest.raises(InvalidParameterError, match=message):
        check_labelled_rows(BaseEstimator(), X, [0, 1], dtype=float, classify=True, reset=True)


def test_the_dataset_of_skorch_is_its_rows_and_targets():
    X, y = check_labelled_rows(
        BaseEstimator(), Dataset(np.eye(2), np.array([5, 7])), None,
        dtype=np.float32, classify=True, reset=True,
    )  # fmt: skip
    assert X.dtype == np.float32
    assert y.tolist() == [5, 7]
    assert (check_rows(BaseEstimator(), Dataset(np.eye(2)), dtype=float) == np.eye(2)).all()
