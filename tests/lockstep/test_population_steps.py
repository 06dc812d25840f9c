"""Steps of a population that are replayed, on the CPU: a stand-in calls what was recorded."""

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.lockstep import Report, _population_steps, run_together
from skensemble.lockstep._stacked_batches import StackedBatches
from tests.lockstep.conftest import initialized, paused
from tests.nets.replays import LOOKS, Refuses, StandIn, counting_looks

LINEAR = {"module": nn.Linear, "module__in_features": 4, "module__out_features": 3}
WAYS = {
    "SGD": {},
    "groups": {"optimizer__param_groups": [("*.bias", {"weight_decay": 0.0, "lr": 0.003})]},
    "Adam": {"optimizer": torch.optim.AdamW},
    "clipped": {"max_grad_norm": 0.1},
    "dropout": {"module__dropout": 0.5},
    "columns": {"module__column_dropout": 0.3},
    "bf16": {"precision": "bf16"},
    "linear": LINEAR,
}


class Counts(StandIn):
    """Counts what all of its kind have recorded."""

    n_of_all = 0

    def record(self, function):
        """Count, and note the function."""
        Counts.n_of_all += 1
        return super().record(function)


def fitted(X, y, rows=(150, 140, 150), batch_size=40, **settings):
    """Fit nets in lock-step, and give their probabilities and the losses of their epochs."""
    net = NetClassifier(max_epochs=12, batch_size=batch_size, device="cpu", **settings)
    method = SnapshotEnsembleClassifier(net, M=2, alpha_zero=0.01)
    tasks = [
        partial(clone(method).set_params(random_state=k).fit, X[:n], y[:n])
        for k, n in enumerate(rows)
    ]
    report = Report()
    ended = run_together(tasks, report=report)
    assert [participant.error for participant in ended] == [None] * len(rows)
    assert report.groups[0]["n_nets"] == len(rows)
    ensembles = [participant.result for participant in ended]
    losses = [[row["train_loss"] for row in own.history_] for own in ensembles]
    return [own.predict_proba(X) for own in ensembles], losses


def assert_same(one, other):
    assert np.array_equal(one[0], other[0])
    assert one[1] == other[1]


@pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS)
def test_replayed_steps_are_those_made_one_by_one(iris, settings, monkeypatch):
    # A population by autograd has batches of one size.
    rows = {"rows": (150,) * 3} if settings is LINEAR else {}
    plain = fitted(*iris, **settings, **rows)
    monkeypatch.setattr(_population_steps, "recorder_for", Counts)
    monkeypatch.setattr(Counts, "n_of_all", 0)
    replayed = fitted(*iris, **settings, **rows, cuda_graph="auto")
    # Of full batches, and of the last one.
    assert Counts.n_of_all == 2
    assert_same(plain, replayed)
    fitted(*iris, **settings, **rows)
    assert Counts.n_of_all == 2


@pytest.mark.parametrize("graph", ["auto", True])
def test_a_step_that_cannot_be_recorded_is_made_and_warned_of_once(iris, graph, monkeypatch):
    monkeypatch.setattr(_population_steps, "recorder_for", Refuses)
    with pytest.warns(UserWarning, match="lock-step are no CUDA graph: .*: not now") as caught:
        replayed = fitted(*iris, cuda_graph=graph)
    assert len(caught) == 1
    assert_same(fitted(*iris), replayed)


@pytest.mark.parametrize(("graph", "is_ahead"), [(False, False), ("auto", True)])
def test_columns_are_drawn_ahead_where_it_is_asked_for(graph, is_ahead):
    nets = [initialized(seed=k, module__column_dropout=0.2, cuda_graph=graph) for k in range(2)]
    assert StackedBatches([paused(net) for net in nets]).columns.is_ahead is is_ahead


@pytest.mark.parametrize("settings", [{}, WAYS["dropout"], WAYS["columns"]])
def test_looks_at_the_device_are_as_many_however_many_batches_an_epoch_has(iris, settings):
    found = []
    for batch_size in (50, 10):
        with counting_looks() as counts:
            fitted(*iris, rows=(150,) * 3, batch_size=batch_size, cuda_graph="auto", **settings)
        found.append(counts)
    # Columns that lie on the device get another type there in each step.
    for name in set(LOOKS) - ({"to"} if settings is WAYS["columns"] else set()):
        assert found[1][name] <= found[0][name], name
