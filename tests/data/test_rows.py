import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from skorch.utils import is_skorch_dataset
from torch.utils.data import DataLoader, Subset

from skensemble.data import RowBatches, Rows, with_own_weights, without_subsets

CPU = torch.device("cpu")


def rows(n, **keywords):
    X = np.arange(2 * n).reshape(n, 2)
    return Rows(X, np.arange(n), dtype=torch.float32, device=CPU, **keywords)


def test_batches_hold_each_row_once_with_its_target():
    generator = torch.Generator().manual_seed(0)
    batches = list(RowBatches(rows(50), 16, shuffle=True, generator=generator))
    X, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert sorted(y.tolist()) == list(range(50))
    assert y.tolist() != list(range(50))
    assert torch.equal(X[:, 0], 2.0 * y)
    assert [len(b) for b, _ in batches] == [16, 16, 16, 2]


def test_rows_keep_their_order_without_shuffle():
    y = torch.cat([y for _, y in RowBatches(rows(50), 16)])
    assert y.tolist() == list(range(50))


def test_each_epoch_has_an_order_of_its_own():
    batches = RowBatches(rows(50), 50, shuffle=True, generator=torch.Generator().manual_seed(0))
    first, second = (next(iter(batches))[1].tolist() for _ in range(2))
    assert first != second


def test_a_last_batch_of_one_row_joins_the_one_before():
    sizes = [len(X) for X, _ in RowBatches(rows(33), 16)]
    assert sizes == [16, 17]
    assert len(RowBatches(rows(33), 16)) == 2


def test_a_single_row_is_a_batch():
    assert [len(X) for X, _ in RowBatches(rows(1), 16)] == [1]


def test_blocks_do_not_show():
    # A batch of two rows of 2**17 values is a quarter of a block: 25 rows take four of them.
    X = np.zeros((25, 2**17), np.float32)
    X[:, 0] = np.arange(25)
    wide = Rows(X, np.arange(25), dtype=torch.float32, device=CPU)
    batches = RowBatches(wide, 2, shuffle=True, generator=torch.Generator().manual_seed(0))
    assert batches.per_block == 4
    pairs = [(X[:, 0].tolist(), y.tolist()) for X, y in batches]
    assert all(first == y for first, y in pairs)
    narrow = RowBatches(rows(25), 2, shuffle=True, generator=torch.Generator().manual_seed(0))
    assert [y for _, y in pairs] == [y.tolist() for _, y in narrow]


def test_weights_come_with_the_targets():
    weighted = rows(10, sample_weight=np.arange(1, 11) / 10)
    for _, (y, weight) in RowBatches(weighted, 4):
        # Divided by their mean over all ten rows, and not within a batch.
        assert weight == pytest.approx((y + 1) / 5.5)


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e38, 1e307])
def test_weights_of_any_size_are_those_of_mean_1(size):
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    weighted = rows(4, sample_weight=weight * size)
    assert weighted.sample_weight == pytest.approx(weight / 2.5)


def test_a_part_of_the_rows_has_weights_of_mean_1():
    weighted = rows(4, sample_weight=np.array([1.0, 2.0, 3.0, 10.0]))
    part = with_own_weights(Subset(weighted, [0, 2, 2]))
    _, (y, weight) = next(iter(RowBatches(part, 3)))
    assert y.tolist() == [0, 2, 2]
    # The mean over a row of weight 1 and a row of weight 3 that is there twice.
    assert weight == pytest.approx(np.array([1.0, 3.0, 3.0]) / (7 / 3))
    assert weighted.sample_weight.sum() == pytest.approx(4)


def test_parts_without_weights_and_other_datasets_stay():
    subset = Subset(rows(4), [0, 1])
    assert with_own_weights(subset).dataset.sample_weight is None
    pairs = Subset([("row", 0)], [0])
    assert with_own_weights(pairs) is pairs
    assert with_own_weights(None) is None


def test_a_train_split_gives_its_rows_only():
    subset = Subset(rows(50), [3, 5, 7, 9])
    batches = RowBatches(subset, 3, shuffle=True, generator=torch.Generator().manual_seed(1))
    y = torch.cat([y for _, y in batches])
    assert sorted(y.tolist()) == [3, 5, 7, 9]


def test_sparse_rows_become_dense_batch_by_batch():
    X = np.eye(6)
    sparse = Rows(csr_array(X), np.arange(6), dtype=torch.float32, device=CPU)
    batches = list(RowBatches(sparse, 4, shuffle=True, generator=torch.Generator().manual_seed(0)))
    for dense, y in batches:
        assert (dense.argmax(1) == y).all()


def test_a_data_loader_reads_them_too():
    X, y = next(iter(DataLoader(rows(4), batch_size=4)))
    assert X[:, 0].tolist() == [0, 2, 4, 6]
    assert y.tolist() == [0, 1, 2, 3]


def test_dense_rows_are_not_copied():
    X = np.zeros((5, 2), np.float32)
    assert Rows(X, dtype=torch.float32, device=CPU).inputs.data_ptr() == X.ctypes.data


def test_they_are_a_dataset_of_skorch_with_targets_as_given():
    y = np.array(["b", "a"])
    held = Rows(np.eye(2), y, codes=np.array([1, 0]), dtype=torch.float32, device=CPU)
    assert is_skorch_dataset(Subset(held, [0]))
    assert held.y is y
    assert held[0][1] == "b"
    assert [target.tolist() for _, target in RowBatches(held, 2)] == [[1, 0]]


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


def test_a_split_of_a_split_chooses_among_what_the_first_chose():
    inner, index = without_subsets(Subset(Subset(rows(10), [9, 7, 5, 3]), [2, 0]))
    assert isinstance(inner, Rows)
    assert index.tolist() == [5, 9]
    batches = RowBatches(Subset(Subset(rows(10), [9, 7, 5, 3]), [2, 0]), 2)
    assert [y.tolist() for _, y in batches] == [[5, 9]]
    assert without_subsets(inner) == (inner, None)


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
