import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from skorch.utils import is_skorch_dataset
from torch.utils.data import Subset

from skensemble.augmentation import (
    RandomCrop,
    RandomFlip,
    RandomShift,
    augmented,
    draw_augmentations,
)
from skensemble.data import (
    RowBatches,
    Rows,
    _batches,
    draw_stream,
    forward_batches,
    with_own_weights,
    without_subsets,
)

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


def test_a_part_of_the_rows_has_weights_of_mean_1():
    weighted = rows(4, sample_weight=np.array([1.0, 2.0, 3.0, 10.0]))
    part = with_own_weights(Subset(weighted, [0, 2, 2]))
    _, (y, weight) = next(iter(RowBatches(part, 3)))
    assert y.tolist() == [0, 2, 2]
    # The mean over a row of weight 1 and a row of weight 3 that is there twice.
    assert weight == pytest.approx(np.array([1.0, 3.0, 3.0]) / (7 / 3))
    assert weighted.sample_weight.sum() == pytest.approx(4)


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


def test_they_are_a_dataset_of_skorch_with_targets_as_given():
    y = np.array(["b", "a"])
    held = Rows(np.eye(2), y, codes=np.array([1, 0]), dtype=torch.float32, device=CPU)
    assert is_skorch_dataset(Subset(held, [0]))
    assert held.y is y
    assert held[0][1] == "b"
    assert [target.tolist() for _, target in RowBatches(held, 2)] == [[1, 0]]


def test_a_split_of_a_split_chooses_among_what_the_first_chose():
    inner, index = without_subsets(Subset(Subset(rows(10), [9, 7, 5, 3]), [2, 0]))
    assert isinstance(inner, Rows)
    assert index.tolist() == [5, 9]
    batches = RowBatches(Subset(Subset(rows(10), [9, 7, 5, 3]), [2, 0]), 2)
    assert [y.tolist() for _, y in batches] == [[5, 9]]
    assert without_subsets(inner) == (inner, None)


def pixels(n):
    X = np.random.default_rng(0).integers(0, 256, (n, 3, 8, 8), dtype=np.uint8)
    return Rows(X, np.arange(n), dtype=torch.float32, device=CPU)


def changed_batches(held, augment, *, batch_size=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    batches = RowBatches(held, batch_size, shuffle=True, generator=generator)
    batches.augment = augment
    return batches


def test_batches_of_bytes_are_floats_of_the_same_values():
    held = pixels(33)
    for X, y in RowBatches(held, 16):
        assert X.dtype == torch.float32
        assert torch.equal(X, torch.tensor(held.X)[y].float())


def test_images_are_changed_as_was_drawn_beside_the_order_of_their_epoch():
    X = np.random.default_rng(0).integers(0, 256, (50, 3, 6, 12), dtype=np.uint8)
    held = Rows(X, np.arange(50), dtype=torch.float32, device=CPU)
    both = [RandomShift(0.5), RandomFlip()]
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(50, generator=generator)
    drawn = draw_augmentations(both, 50, (6, 12), draw_stream(generator))
    # Moves of a share of either side.
    assert drawn.abs().amax(0)[:2].tolist() == [3, 6]
    X, y = (torch.cat(p) for p in zip(*changed_batches(held, both), strict=True))
    assert torch.equal(y, order)
    assert torch.equal(X, augmented(torch.tensor(held.X)[order], both, drawn).float())


def test_blocks_and_batches_do_not_show_in_what_is_drawn():
    held = pixels(50)
    small = changed_batches(held, [RandomCrop(2)], batch_size=4)
    small.per_block = 1
    found = [torch.cat([X for X, _ in b]) for b in (small, changed_batches(held, [RandomCrop(2)]))]
    assert torch.equal(*found)


def test_each_epoch_changes_its_images_anew():
    held = Rows(np.full((4, 1, 9, 9), 7, dtype=np.uint8), np.arange(4), dtype=torch.float32)
    batches = changed_batches(held, [RandomCrop(3)], batch_size=4)
    first, second = (next(iter(batches))[0].sum((1, 2, 3)).sort().values for _ in range(2))
    assert not torch.equal(first, second)


def test_orders_are_the_same_with_and_without_changes():
    held, orders = pixels(20), []
    for augment in ([], [RandomFlip()]):
        batches = changed_batches(held, augment)
        orders.append([[y.tolist() for _, y in batches] for _ in range(3)])
    assert orders[0] == orders[1]


def test_a_module_that_works_in_place_leaves_the_rows_alone():
    held = rows(20)
    before = held.inputs.clone()
    for X, _ in RowBatches(held, 8):
        X.fill_(7)
    assert torch.equal(held.inputs, before)


@pytest.mark.parametrize("way", ["training", "prediction"])
def test_what_images_leave_in_memory_is_given_back(monkeypatch, way):
    passed = []
    monkeypatch.setattr(_batches.Passing, "note", lambda self, n_bytes: passed.append(n_bytes))
    held = pixels(20)
    answered = forward_batches(held.X, 8, torch.float32)
    assert sum(1 for _ in (RowBatches(held, 8) if way == "training" else answered)) > 0
    # Four bytes a value.
    assert sum(passed) == 20 * 3 * 8 * 8 * 4


def test_rows_that_are_not_shuffled_are_changed_in_a_copy():
    held, before = pixels(20), pixels(20).X
    batches = RowBatches(held, 8)
    batches.augment = [RandomFlip(1.0)]
    X = torch.cat([X for X, _ in batches])
    assert torch.equal(X, torch.tensor(before).flip(3).float())
    assert (before == held.X).all()


@pytest.mark.parametrize("batch_size", [3, 100])
def test_bytes_to_be_answered_are_cast_batch_by_batch(batch_size):
    X = pixels(10).X
    batches = list(forward_batches(X, batch_size, torch.float64))
    assert all(batch.dtype == torch.float64 for batch in batches)
    assert torch.equal(torch.cat(batches), torch.tensor(X).double())
