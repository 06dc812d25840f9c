"""Stacked batches, held against orders drawn and cut by hand, net by net."""

from functools import partial

import numpy as np
import pytest
import torch

from skensemble import NetRegressor
from skensemble.lockstep import _stacked_batches
from skensemble.lockstep._stacked_batches import StackedBatches
from skensemble.preprocessing import encode_rows, fit_tables
from skensemble.training import Data
from tests.lockstep.conftest import (
    LABELS,
    TARGETS,
    WEIGHT,
    Centred,
    X,
    assert_gives_what_separate_fits_give,
    initialized,
    net,
    paused,
    snapshots,
)

# Rows of the nets, and how batches of 16 are cut; a last row alone joins the batch before it.
SIZES = {65: [16, 16, 16, 17], 64: [16] * 4, 55: [16, 16, 16, 7], 50: [16, 16, 16, 2]}


def trainings_of(n_rows, weighted=(), **settings):
    """Give trainings of nets that draw orders of their own, each of the first rows."""
    return [
        paused(
            initialized(seed=k, **settings),
            Data(X[:n], LABELS[:n], WEIGHT[:n] if k in weighted else None),
        )
        for k, n in enumerate(n_rows)
    ]


def alone(training, sizes, n_epochs):
    """Give the rows, targets and shares in the loss of a net's batches."""
    X, y, weight = training.data.coded
    weight = np.ones(len(y)) if weight is None else weight
    generator = torch.Generator().manual_seed(training.net.order_seed_)
    for _ in range(n_epochs):
        order = torch.randperm(len(y), generator=generator)
        if not training.net.iterator_train__shuffle:
            order = torch.arange(len(y))
        for index in map(np.asarray, order.split(sizes)):
            yield X[index], y[index], weight[index] / weight.mean() / len(index)


def assert_batches_are_those_of_each_net(trainings, sizes, n_epochs=3):
    expected = [
        [*alone(training, own, n_epochs)] for training, own in zip(trainings, sizes, strict=True)
    ]
    found = [
        [part.expand(len(trainings), *part.shape[1:]).clone().numpy() for part in batch]
        for batch in StackedBatches(trainings).epochs(n_epochs)
    ]
    assert len(found) == n_epochs * len(sizes[0])
    for t, (rows, targets, weights) in enumerate(found):
        own = [batches[t] for batches in expected]
        assert weights.shape == (len(trainings), max(len(y) for _, y, _ in own))
        for k, (X_own, y_own, weight_own) in enumerate(own):
            n = len(y_own)
            np.testing.assert_array_equal(rows[k, :n], X_own)
            np.testing.assert_array_equal(targets[k, :n], y_own)
            np.testing.assert_allclose(weights[k, :n], weight_own, rtol=1e-14)
            assert (weights[k, n:] == 0).all()


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("weighted", [(), (0, 1, 2, 3), (1, 3)])
def test_each_net_gets_its_own_rows_in_its_own_order(shuffle, weighted):
    trainings = trainings_of(SIZES, weighted, iterator_train__shuffle=shuffle)
    assert_batches_are_those_of_each_net(trainings, [*SIZES.values()])


def test_a_last_batch_is_as_wide_as_its_largest():
    """It has 4 rows, as many as there are batches, and 3."""
    trainings = trainings_of((52, 51))
    assert_batches_are_those_of_each_net(trainings, [[16, 16, 16, 4], [16, 16, 16, 3]])


def test_a_single_row_is_filled_up_to_the_batch_of_another_net():
    assert_batches_are_those_of_each_net(trainings_of((3, 1)), [[3], [1]])


def test_some_nets_shuffle_and_others_do_not():
    trainings = trainings_of((65, 65)) + trainings_of((65,), iterator_train__shuffle=False)
    assert_batches_are_those_of_each_net(trainings, [SIZES[65]] * 3)


def test_nets_of_one_seed_draw_one_order():
    trainings = [paused(initialized(seed=0)) for _ in range(2)]
    assert_batches_are_those_of_each_net(trainings, [SIZES[65]] * 2)


def test_targets_of_several_outputs_are_stacked():
    trainings = [
        paused(initialized(seed=k, kind=NetRegressor), Data(X[:n], TARGETS[:n]))
        for k, n in enumerate((64, 55))
    ]
    assert_batches_are_those_of_each_net(trainings, [SIZES[64], SIZES[55]])


@pytest.mark.parametrize("weighted", [(), (0, 1)])
@pytest.mark.parametrize("side", [60, 90, 181])
def test_wide_rows_are_gathered_in_blocks(side, weighted):
    """Of 2 nets with batches of 17 rows, 2**20 values are 8, 3 or 0 steps; an epoch has 4."""
    images = np.random.default_rng(0).normal(size=(65, side, side))
    trainings = [
        paused(training.net, training.data._replace(X=images[: len(training.data.y)]))
        for training in trainings_of((65, 50), weighted)
    ]
    assert_batches_are_those_of_each_net(trainings, [SIZES[65], SIZES[50]])


def test_sizes_are_those_of_each_net():
    assert StackedBatches(trainings_of((65, 55))).sizes.tolist() == [SIZES[65], SIZES[55]]


def test_rows_that_several_nets_train_on_are_held_once():
    assert len(StackedBatches(trainings_of((65, 65, 65))).X) == 65
    assert len(StackedBatches(trainings_of((65, 64, 65))).X) == 65 + 64


def test_nets_that_weigh_the_same_rows_differently_share_their_batches():
    weights = [np.repeat(mask, 13) for mask in ([0, 1, 1, 1, 1], [1, 1, 0, 1, 1])]
    trainings = [
        paused(initialized(seed=0), Data(X, LABELS, weight.astype(float))) for weight in weights
    ]
    batches = StackedBatches(trainings)
    assert len(batches.X) == 65
    # The rows of the fits themselves, not a copy of them.
    assert batches.X.data_ptr() == X.ctypes.data
    assert batches.places.shape[0] == 1
    for (rows,), (targets,), shares in batches.epochs(2):
        for share, weight in zip(shares, weights, strict=True):
            places = [int(np.flatnonzero((row.numpy() == X).all(1))[0]) for row in rows]
            np.testing.assert_array_equal(targets, LABELS[places])
            # A row that is left out keeps a weight that no sum can feel.
            expected = weight[places] / weight.mean() / len(rows)
            np.testing.assert_allclose(share, expected, rtol=1e-14, atol=1e-30)


@pytest.mark.parametrize("n_rows", SIZES)
def test_batches_that_are_shared_are_those_of_a_net_whatever_is_left_for_the_last(n_rows):
    trainings = trainings_of((n_rows,), weighted=(0,))
    assert_batches_are_those_of_each_net(trainings, [SIZES[n_rows]])


def test_nets_with_other_rows_of_the_same_number_share_nothing():
    trainings = [
        paused(initialized(seed=0), Data(rows, y))
        for rows, y in ((X[:64], LABELS[:64]), (X[1:], LABELS[1:]), (X[:64], LABELS[1:]))
    ]
    assert_batches_are_those_of_each_net(trainings, [SIZES[64]] * 3)


def test_the_seed_of_the_order_moves_on_as_it_does_alone():
    """One iterator counts the batches, and one trains."""
    trainings = trainings_of((65, 64))
    before = [training.net.order_seed_ for training in trainings]
    StackedBatches(trainings)
    assert [training.net.order_seed_ for training in trainings] == [seed + 2 for seed in before]


def test_no_rows_are_added_to_a_batch_that_is_looked_at_as_a_whole():
    # The last of four batches has 9 rows.
    tasks = [
        partial(snapshots(net(Centred), random_state=k).fit, X[:57], LABELS[:57]) for k in (0, 1)
    ]
    assert assert_gives_what_separate_fits_give(tasks).groups[0]["engine"] == "torch.func"


@pytest.mark.parametrize("weighted", [(), (1,)])
def test_rows_of_nets_in_bf16_are_cast_and_their_shares_are_not(weighted):
    half, exact = (
        trainings_of((65, 55), weighted, precision=precision) for precision in ("bf16", "float32")
    )
    batches = zip(StackedBatches(half).epochs(1), StackedBatches(exact).epochs(1), strict=True)
    for (x, y, shares), (exact_x, exact_y, exact_shares) in batches:
        assert x.dtype == torch.bfloat16
        assert torch.equal(x, exact_x.bfloat16())
        assert torch.equal(y, exact_y)
        assert shares.dtype == torch.float32
        assert torch.equal(shares, exact_shares)


@pytest.mark.parametrize("n_rows", [(65, 65), (65, 50)])
@pytest.mark.parametrize("is_once", [True, False])
def test_rows_are_encoded_once_or_batch_by_batch(n_rows, is_once, monkeypatch):
    tables = fit_tables(X.astype(np.float32), np.zeros(5, int), n_cosines=3)
    n_values = tables.n_features * (65 if n_rows == (65, 65) else 115)
    monkeypatch.setattr(_stacked_batches, "ENCODED_VALUES", n_values - (not is_once))
    trainings = trainings_of(n_rows, precision="float32", module__encoding=tables)
    batches = StackedBatches(trainings)
    assert batches.X.shape[1] == (tables.n_features if is_once else 5)
    assert (batches.encode is None) == is_once
    plain = StackedBatches(trainings_of(n_rows, precision="float32"))
    for (x, *rest), (rows, *others) in zip(batches.epochs(2), plain.epochs(2), strict=True):
        expected = encode_rows(tables, rows.reshape(-1, 5).numpy())
        np.testing.assert_allclose(x.reshape(expected.shape), expected, rtol=1e-6, atol=1e-7)
        assert all(torch.equal(*pair) for pair in zip(rest, others, strict=True))
