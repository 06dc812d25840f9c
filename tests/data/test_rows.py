import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch.utils.data import DataLoader, Subset

from skensemble.data import Rows, with_own_weights

CPU = torch.device("cpu")


def rows(n, **keywords):
    X = np.arange(2 * n).reshape(n, 2)
    return Rows(X, np.arange(n), dtype=torch.float32, device=CPU, **keywords)


def test_images_of_bytes_stay_bytes_until_a_batch_is_made():
    X = np.arange(4 * 3 * 2 * 2, dtype=np.uint8).reshape(4, 3, 2, 2)
    held = Rows(X, np.arange(4), dtype=torch.float64, device=CPU)
    assert held.inputs.dtype == torch.uint8
    assert held.inputs.data_ptr() == X.ctypes.data
    assert held.dtype == torch.float64
    assert held[1][0].dtype == torch.float64
    assert torch.equal(held[1][0], torch.tensor(X[1]).double())


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e38, 1e307])
def test_weights_of_any_size_are_those_of_mean_1(size):
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    weighted = rows(4, sample_weight=weight * size)
    assert weighted.sample_weight == pytest.approx(weight / 2.5)


def test_parts_without_weights_and_other_datasets_stay():
    subset = Subset(rows(4), [0, 1])
    assert with_own_weights(subset).dataset.sample_weight is None
    pairs = Subset([("row", 0)], [0])
    assert with_own_weights(pairs) is pairs
    assert with_own_weights(None) is None


def test_a_data_loader_reads_them_too():
    X, y = next(iter(DataLoader(rows(4), batch_size=4)))
    assert X[:, 0].tolist() == [0, 2, 4, 6]
    assert y.tolist() == [0, 1, 2, 3]


def test_dense_rows_are_not_copied():
    X = np.zeros((5, 2), np.float32)
    assert Rows(X, dtype=torch.float32, device=CPU).inputs.data_ptr() == X.ctypes.data


def test_a_split_may_build_them_anew_from_rows_and_targets():
    X = np.zeros((10, 2), np.float32)
    held = Rows(X, np.arange(10), np.ones(10), dtype=torch.float32, device=CPU)
    half = type(held)(held.X[::2], held.y[::2])
    assert not half.is_coded
    half.code(-half.y)
    assert half.targets.tolist() == [0, -2, -4, -6, -8]
    assert half.sample_weight is None
    assert half.dtype == torch.float32


def test_whole_numbers_stay_so_and_their_weights_are_floats():
    ids = np.array([[2**24 + 1], [2**53 + 1]])
    weight = np.array([0.5, 1.5])
    held = Rows(ids, np.arange(2), weight, dtype=torch.int64, device=CPU)
    X, _, weights = held.take(slice(0, 2))
    assert X.flatten().tolist() == [2**24 + 1, 2**53 + 1]
    assert weights.tolist() == [0.5, 1.5]


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_a_row_may_be_counted_from_the_end(make):
    held = Rows(make(np.eye(3)), np.arange(3), np.arange(1.0, 4), dtype=torch.float32, device=CPU)
    for index in (-1, -3, np.int64(-2)):
        X, (y, weight) = held[index]
        assert X.argmax() == y == index + 3
        assert weight == held.sample_weight[index]
    for index in (3, -4):
        with pytest.raises(IndexError):
            held[index]


def test_a_part_of_a_part_has_weights_of_mean_1():
    held = Rows(np.eye(4), np.arange(4), np.arange(1.0, 5), dtype=torch.float32, device=CPU)
    part = with_own_weights(Subset(Subset(held, [3, 2, 0]), [0, 2]))
    assert [y for _, (y, _) in part] == [3, 0]
    assert [float(weight) for _, (_, weight) in part] == pytest.approx([1.6, 0.4])
