"""Trainings of some epochs or steps in lock-step, held against the same trainings one by one."""

from functools import partial

import numpy as np
import pytest

from skensemble.lockstep import Report, run_together
from skensemble.lockstep._run_together import _held_bytes
from skensemble.training import Data
from tests.lockstep.conftest import (
    LABELS,
    X,
    assert_same_trainings,
    fit_together,
    initialized,
    paused,
    train_one,
)

# 37 rows in batches of 8 are five steps an epoch.
LENGTHS = [{"n_steps": 7}, {"n_steps": 10}, {"n_steps": 3}, {"n_epochs": 2}]


@pytest.mark.parametrize("length", LENGTHS, ids=str)
@pytest.mark.parametrize("n_trainings", [1, 3])
def test_trainings_of_a_length_are_those_made_apart(length, n_trainings):
    nets = [{"seed": k, "length": length, "n_trainings": n_trainings} for k in range(3)]
    report = Report()
    tasks = [partial(train_one, **one) for one in nets]
    for found, one in zip(fit_together(tasks, report=report), nets, strict=True):
        assert_same_trainings(found, train_one(**one))
    assert [group["n_nets"] for group in report.groups] == [3] * n_trainings


def test_trainings_of_other_lengths_are_other_groups():
    report = Report()
    lengths = [{"n_steps": 7}, {"n_steps": 7}, {"n_steps": 8}, {"n_epochs": 1}, {"n_steps": 5}]
    nets = [{"seed": k, "length": length} for k, length in enumerate(lengths)]
    for found, one in zip(
        fit_together([partial(train_one, **one) for one in nets], report=report), nets, strict=True
    ):
        assert_same_trainings(found, train_one(**one))
    # An epoch is five steps, however it was asked for.
    assert sorted(group["n_nets"] for group in report.groups) == [2, 2]
    assert report.alone == {"no other training is like it": 1}


def masks(n_rows=37, n_folds=4):
    fold = np.arange(n_rows) % n_folds
    return [(fold != k).astype(float) for k in range(n_folds)]


@pytest.mark.parametrize("settings", [{}, {"module__dropout": 0.3}], ids=str)
def test_nets_that_leave_out_rows_of_their_own_are_those_made_apart(settings):
    nets = [{"weight": mask, "torch_seed": k, **settings} for k, mask in enumerate(masks())]
    report = Report()
    tasks = [partial(train_one, **one) for one in nets]
    found = fit_together(tasks, report=report)
    for one, apart in zip(found, nets, strict=True):
        assert_same_trainings(one, train_one(**apart))
    assert report.groups == [{"engine": "closed form", "n_nets": 4, "n_fits": 4}]
    assert len({weights.tobytes() for weights, *_ in found}) == 4


def test_what_is_left_out_has_no_effect():
    mask = masks()[0]
    changed = X[:37].copy()
    changed[mask == 0] *= -1
    labels = np.where(mask == 0, (LABELS[:37] + 1) % 3, LABELS[:37])
    tasks = [
        partial(train_one, weight=mask, X=rows, y=y)
        for rows, y in ((X[:37], LABELS[:37]), (changed, labels))
    ]
    (one, *_), (other, *_) = fit_together(tasks)
    np.testing.assert_array_equal(one, other)


def test_rows_that_several_fits_wait_with_count_once_for_memory():
    fits = [type("Fit", (), {"training": paused(initialized(seed=k))}) for k in range(3)]
    weights = 8 * 8 * (5 * 7 + 7 + 7 * 3 + 3)
    assert _held_bytes(fits) == 3 * weights + 8 * 65 * 5
    fits.append(type("Fit", (), {"training": paused(initialized(), Data(X.copy(), LABELS))}))
    assert _held_bytes(fits) == 4 * weights + 2 * 8 * 65 * 5


def test_fits_whose_shared_rows_fit_into_memory_train_together():
    report, rows = Report(), np.repeat(X, 40, axis=0)
    one = {"X": rows, "y": np.repeat(LABELS, 40), "batch_size": 32, "max_epochs": 1}
    tasks = [partial(train_one, seed=k, **one) for k in range(3)]
    run_together(tasks, memory_bytes=int(1.9 * rows.nbytes), report=report)
    assert [group["n_nets"] for group in report.groups] == [3]
