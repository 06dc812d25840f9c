"""Which optimizers make their steps together."""

import pytest
import torch

from skensemble.lockstep._net_optimizer import MEMORY
from skensemble.lockstep._populations import ClosedFormPopulation
from skensemble.lockstep._stacked_adam import StackedAdam
from skensemble.lockstep._stacked_optimizers import STACKED
from skensemble.lockstep._stacked_sgd import StackedSGD
from tests.lockstep.conftest import assert_gives_what_separate_fits_give, net, snapshots, tasks_of
from tests.lockstep.stacked_steps import nets_of, stacked


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (torch.optim.SGD, StackedSGD),
        (torch.optim.Adam, StackedAdam),
        (torch.optim.AdamW, StackedAdam),
    ],
)
def test_each_optimizer_has_its_own_steps(optimizer, expected):
    _, made = stacked(ClosedFormPopulation, nets_of([{"optimizer": optimizer}] * 3))
    assert type(made) is expected


def test_each_that_has_steps_has_a_memory():
    assert STACKED.keys() == MEMORY.keys()


GROUPS = [("*.bias", {"weight_decay": 0.0}), ("0.weight", {"lr": 0.03})]


@pytest.mark.parametrize("optimizer", STACKED)
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("rates", [(0.01, 0.01, 0.01), (0.01, 0.02, 0.005)])
def test_groups_of_weights_train_together(optimizer, precision, tolerance, rates):
    own = net(optimizer=optimizer, precision=precision, optimizer__param_groups=GROUPS)
    ensembles = [snapshots(own, alpha_zero=r, random_state=k) for k, r in enumerate(rates)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), tolerance)
    assert report.groups == [{"engine": "closed form", "n_nets": 3, "n_fits": 3}]
