"""What makes no look at the device: lock-step on torch's device without memory."""

import numpy as np
import pytest
import torch

from skensemble.data import BLOCK_VALUES, DEVICE_BLOCK_VALUES
from skensemble.lockstep import _loop
from skensemble.lockstep._loop import LockstepCourse
from skensemble.lockstep._population_steps import PopulationSteps
from skensemble.lockstep._populations import ClosedFormPopulation, FunctionalPopulation
from skensemble.lockstep._stacked_batches import StackedBatches
from skensemble.lockstep._stacked_optimizers import stack_optimizers
from skensemble.members import fetched
from skensemble.training import Data
from tests.lockstep.conftest import LABELS, WEIGHT, Convolution, Own, X, initialized, paused
from tests.nets.replays import noting_blocking_moves

WAYS = {
    "SGD": {},
    "clipped": {"max_grad_norm": 0.1},
    "AdamW": {"optimizer": torch.optim.AdamW},
    "columns": {"module__column_dropout": 0.3, "module__column_scale": True},
    "bf16": {"precision": "bf16"},
}


def make_epochs(population, trainings, n_epochs=3):
    """Make the steps of some epochs on a device, and return how many."""
    batches = StackedBatches(trainings)
    rates = np.full((n_epochs * batches.sizes.shape[1], len(trainings)), 0.1)
    population = population(trainings)
    optimizer = stack_optimizers(population, trainings, rates)
    steps = PopulationSteps(population, optimizer, batches.sizes, trainings[0])
    with noting_blocking_moves() as moved:
        losses = [steps.make(batch, t) for t, batch in enumerate(batches.epochs(n_epochs))]
    assert not moved
    assert {loss.device.type for loss in losses} == {"meta"}
    return len(losses)


def on_meta(weight=None, n_rows=(65, 65), module=None, **settings):
    nets = [initialized(module, k, device="meta", **settings) for k in range(len(n_rows))]
    weights = [weight if weight is None else weight[:n] for n in n_rows]
    data = [Data(X[:n], LABELS[:n], own) for n, own in zip(n_rows, weights, strict=True)]
    return [paused(net, own) for net, own in zip(nets, data, strict=True)]


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS)
def test_steps_of_mlps_make_no_look(settings, weight):
    # Of nets with other rows, and of those with the same.
    for n_rows in ((65, 60), (65, 65)):
        assert make_epochs(ClosedFormPopulation, on_meta(weight, n_rows, **settings)) >= 3 * 4


@pytest.mark.parametrize("module", [Own, Convolution])
def test_steps_of_other_modules_make_no_look(module):
    assert make_epochs(FunctionalPopulation, on_meta(module=module)) == 3 * 4


def test_columns_and_blocks_of_rows_go_to_a_device_in_few_ways():
    settings = WAYS["columns"]
    here = [paused(initialized(seed=k, **settings)) for k in range(2)]
    for trainings, is_ahead, n_values in (
        (here, False, BLOCK_VALUES),
        (on_meta(**settings), True, DEVICE_BLOCK_VALUES),
    ):
        batches = StackedBatches(trainings)
        assert batches.columns.is_ahead is is_ahead
        # A last row joins the batch before it.
        assert batches.per_block == n_values // (2 * 17 * 5)


def test_copies_of_all_nets_leave_a_device_at_once(monkeypatch):
    trainings = [paused(initialized(seed=k)) for k in range(3)]
    population = ClosedFormPopulation(trainings)
    course = LockstepCourse.__new__(LockstepCourse)
    course.population = population
    course.parameters = [dict(training.module.named_parameters()) for training in trainings]
    expected = course._copy_states([0, 2])
    sent = []

    def counted(tensors):
        """Note what is fetched."""
        sent.append(tensors)
        return fetched(tensors)

    monkeypatch.setattr(_loop, "fetched", counted)
    monkeypatch.setattr(torch.Tensor, "is_cpu", property(lambda self: False))
    found = course._copy_states([0, 2])
    assert len(sent) == 1
    assert {len(tensor) for tensor in sent[0]} == {2}
    for own, other in zip(found, expected, strict=True):
        assert list(own) == list(other)
        assert all(np.array_equal(own[name], other[name]) for name in own)
    assert course._copy_states([]) == []
