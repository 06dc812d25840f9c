"""Nets that drop columns of a table, in lock-step and one by one."""

from functools import partial

import numpy as np
import pytest
import torch

from skensemble import NetRegressor
from skensemble.lockstep import Report
from skensemble.lockstep._stacked_batches import StackedBatches
from skensemble.lockstep._stacked_columns import StackedColumns
from skensemble.modules import ColumnDropout
from skensemble.training import Data
from tests.lockstep.conftest import (
    LABELS,
    WEIGHT,
    Own,
    X,
    assert_gives_what_separate_fits_give,
    assert_same_trainings,
    fit_together,
    initialized,
    net,
    paused,
    snapshots,
    tasks_of,
    train_one,
)

COLUMNS = np.array([0, 2, 0, 1, 2])
LAYERS = {
    "module__columns": COLUMNS,
    "module__column_scale": True,
    "module__column_dropout": 0.3,
}


def assert_trained_as_apart(nets, n_nets):
    report = Report()
    tasks = [partial(train_one, **LAYERS | one) for one in nets]
    for found, one in zip(fit_together(tasks, report=report), nets, strict=True):
        assert_same_trainings(found, train_one(**LAYERS | one))
    assert [group["n_nets"] for group in report.groups] == n_nets
    assert {group["engine"] for group in report.groups} <= {"closed form"}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"kind": NetRegressor},
        {"iterator_train__shuffle": False},
        {"module__column_scale": False},
        {"module__columns": None},
        {"module__dropout": 0.2},
        {"module__hidden_units": (3,)},
        {"length": {"n_steps": 7}},
        {"n_trainings": 2},
        {
            "optimizer": torch.optim.AdamW,
            "optimizer__param_groups": [("*scale", {"lr": 0.3, "weight_decay": 0.0})],
        },
    ],
    ids=str,
)
def test_nets_are_trained_as_apart(settings):
    nets = [{"seed": k} | settings for k in range(3)]
    assert_trained_as_apart(nets, [3] * settings.get("n_trainings", 1))


def test_rows_and_batches_may_be_of_each_net():
    # Five batches each, and rows that fill some of them up.
    nets = [{"X": X[:37]}, {"X": X[:35], "seed": 1}, {"X": X[:46], "batch_size": 10}, {"seed": 2}]
    # Two of them draw the same order, and cut it otherwise.
    nets += [{"X": X[:38]}, {"X": X[:38], "batch_size": 9}]
    assert_trained_as_apart(nets, [6])


def test_nets_that_share_their_batches_share_what_is_dropped():
    folds = np.arange(37) % 4
    weights = [(folds != k).astype(float) for k in range(4)]
    assert_trained_as_apart([{"weight": w, "y": LABELS[:37]} for w in weights], [4])
    trainings = [
        paused(initialized(seed=0, **LAYERS), Data(np.ones_like(X[:37]), LABELS[:37], weight))
        for weight in weights
    ]
    for rows, _, shares in StackedBatches(trainings).epochs(2):
        assert rows.shape[0] == 1
        assert len(shares) == 4
        assert set(rows.unique().tolist()) == {0, 1 / 0.7}


def test_wide_rows_are_gathered_in_blocks_and_drop_the_same():
    rows = np.random.default_rng(0).normal(size=(65, 90 * 90))
    columns = np.arange(90 * 90) % 7
    sizes = {"module__n_features": 90 * 90, "module__columns": columns, "max_epochs": 3}
    nets = [{"X": rows, "weight": WEIGHT, "seed": k, "rate": 1e-3} | sizes for k in range(2)]
    assert_trained_as_apart(nets, [2])


def test_nets_of_other_columns_are_trained_apart():
    first = net(**LAYERS)
    others = [{}, {"module__columns": COLUMNS[::-1].copy()}, {"module__column_dropout": 0.4}]
    tasks = tasks_of([snapshots(first.__class__(**first.get_params() | one)) for one in others])
    report = assert_gives_what_separate_fits_give(tasks)
    assert not [group for group in report.groups if group["n_nets"] > 1]


class Dropping(torch.nn.Sequential):
    """A module of the user's own that drops columns."""

    def __init__(self, n_features, n_outputs):
        super().__init__(ColumnDropout(range(n_features), 0.2), Own(n_features, n_outputs))


def test_another_module_that_drops_columns_is_trained_alone():
    report = assert_gives_what_separate_fits_give(
        tasks_of([snapshots(net(Dropping), random_state=k) for k in range(2)])
    )
    assert report.alone == {"the module has dropout, whose masks would differ": 2}


def test_batches_of_the_same_rows_have_the_same_columns_dropped():
    layer = ColumnDropout(COLUMNS, 0.5)
    sizes = torch.tensor([[4, 3], [4, 3], [4, 2], [4, 3]])
    columns = StackedColumns(layer, ["a", "a", "a", "b"], sizes)
    generators = {name: torch.Generator().manual_seed(k) for k, name in enumerate("ab")}
    for _ in range(2):
        columns.draw(generators)
    steps = [columns.drop(torch.ones(4, width, 5), t) for t, width in enumerate((4, 3, 4, 3))]
    for x, width in zip(steps, (4, 3, 4, 3), strict=True):
        assert torch.equal(x[0], x[1])
        assert not torch.equal(x[0], x[3])
        assert x.shape == (4, width, 5)
    # The third net has a batch of two rows, filled up with one that loses nothing.
    assert (steps[1][2, 2] == 2).all()
    assert torch.equal(steps[0][0], steps[0][2])
    assert not torch.equal(steps[0], steps[2])


def test_columns_that_are_drawn_ahead_are_those_drawn_step_by_step():
    sizes = torch.tensor([[4, 3], [4, 3], [2, 4]])
    layer, rows = ColumnDropout([0, 1, 1], p=0.5), torch.ones(3, 4, 3)
    found = []
    for is_ahead in (False, True):
        columns = StackedColumns(layer, ["a", "a", "b"], sizes, is_ahead=is_ahead)
        generators = {k: torch.Generator().manual_seed(i) for i, k in enumerate("ab")}
        for _ in range(2):
            columns.draw(generators)
        found.append([columns.drop(rows[:, : 4 - t % 2], t) for t in range(4)])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)
