"""The course of a training, on a net whose steps can be written out."""

from contextlib import suppress
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from skensemble import DivergenceError, NetClassifier
from skensemble.members import copy_state
from skensemble.seeding import initialize_seeded, streams_of
from skensemble.training import Data, train

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)), RNG.integers(0, 2, 20)
EPOCHS, BATCHES = 3, 4
T = EPOCHS * BATCHES


def net(**settings):
    """Give an initialised net of 4 batches an epoch."""
    settings = {
        "module": nn.Linear,
        "module__in_features": 3,
        "module__out_features": 2,
        "max_epochs": EPOCHS,
        "batch_size": 5,
        "precision": "float64",
        "device": "cpu",
        "optimizer__momentum": 0.0,
        "optimizer__weight_decay": 0.0,
    } | settings
    made = NetClassifier(**settings)
    initialize_seeded(made, streams_of(0), torch.device("cpu"))
    return made


def run(trained, schedule=lambda t, T: t / 100, moment=lambda t, T: True, observe=lambda s: None):
    return train(trained, Data(X, Y), schedule=schedule, moment=moment, observe=observe)


def test_an_observer_is_told_of_the_step_after_it_was_made():
    steps = []

    def observe(step):
        steps.append((step.t, step.T, step.rate, copy_state(step.module)["weight"]))

    trained = net()
    before = copy_state(trained.module_)["weight"]
    run(trained, observe=observe)
    assert [t for t, *_ in steps] == list(range(1, T + 1))
    assert {total for _, total, *_ in steps} == {T}
    assert [rate for _, _, rate, _ in steps] == [t / 100 for t in range(1, T + 1)]
    weights = [before, *(weight for *_, weight in steps)]
    assert all((one != other).any() for one, other in pairwise(weights))
    assert (weights[-1] == copy_state(trained.module_)["weight"]).all()


def test_the_loss_of_a_step_is_the_mean_over_the_last_epoch_of_steps():
    # At a rate of 0 nothing moves; all batches have as many rows.
    losses = []
    trained = net(iterator_train__shuffle=False)
    logits = trained.module_(torch.tensor(X)).detach()
    each = nn.functional.cross_entropy(logits, torch.tensor(Y), reduction="none")
    batches = each.view(BATCHES, 5).mean(1).numpy()
    run(trained, schedule=lambda t, T: 0.0, observe=lambda step: losses.append(step.loss))
    expected = [batches[:t].mean() for t in (1, 2, 3)] + [batches.mean()] * (T - 3)
    # Losses are kept and averaged in float32.
    assert losses == pytest.approx(expected, rel=1e-6)


def test_the_rate_is_written_before_the_step_it_belongs_to():
    class Noting(torch.optim.SGD):
        seen = ()

        def step(self, closure=None):
            self.seen = (*self.seen, self.param_groups[0]["lr"])
            return super().step(closure)

    trained = net(optimizer=Noting)
    run(trained)
    assert list(trained.optimizer_.seen) == [t / 100 for t in range(1, T + 1)]


GROUPS = [("bias", {"lr": 0.02})]


@pytest.mark.parametrize("make", [partial(net, lr=0.1), partial(net, lr=0.5)])
def test_groups_have_their_own_rates_back_after_the_training(make):
    trained = make(optimizer__param_groups=GROUPS)
    before = [group["lr"] for group in trained.optimizer_.param_groups]
    run(trained)
    assert [group["lr"] for group in trained.optimizer_.param_groups] == before
    # So that a second training scales them alike.
    rates = []
    run(trained, observe=lambda s: rates.append(trained.optimizer_.param_groups[0]["lr"]))
    assert rates == pytest.approx([0.02 / trained.lr * t / 100 for t in range(1, T + 1)])


def test_a_net_whose_own_rate_is_zero_follows_the_schedule():
    trained, rates = net(lr=0.0), []
    run(trained, observe=lambda s: rates.append(trained.optimizer_.param_groups[0]["lr"]))
    assert rates == [t / 100 for t in range(1, T + 1)]
    assert trained.optimizer_.param_groups[0]["lr"] == 0.0


def test_groups_have_their_rates_back_after_an_observer_has_ended_the_training():
    trained = net()
    run(trained, observe=lambda step: step.t == 2)
    assert trained.optimizer_.param_groups[0]["lr"] == trained.lr == 0.1


def test_a_moment_counts_once_its_observer_has_done_with_it():
    def observe(step):
        if step.t == 3:
            raise KeyboardInterrupt

    trace = run(net(), observe=observe)
    assert trace.moments.tolist() == [1, 2]
    assert len(trace.learning_rates) == 3


def fail_at_3(step):
    if step.t == 3:
        raise ValueError("not this one")


@pytest.mark.parametrize("observe", [lambda step: None, lambda step: step.t == 3, fail_at_3])
def test_nothing_of_a_training_is_left_for_the_next(observe):
    trained, before = net(), net()
    with suppress(ValueError):
        run(trained, observe=observe)
    assert len(trained.callbacks_) == len(before.callbacks_)
    steps = []
    trace = run(trained, schedule=lambda t, T: 0.0, observe=lambda step: steps.append(step.t))
    assert steps == trace.moments.tolist() == list(range(1, T + 1))
    assert trace.learning_rates.tolist() == [0.0] * T
    # The history of the net goes on, the loss curve of a training is its own.
    assert len(trace.loss_curve) == EPOCHS


def test_a_moment_that_ends_the_training_counts():
    trace = run(net(), observe=lambda step: step.t == 3)
    assert trace.moments.tolist() == [1, 2, 3]
    assert trace.learning_rates.tolist() == [0.01, 0.02, 0.03]
    assert trace.n_steps == T


@pytest.mark.parametrize("end", [3, T])
def test_the_last_step_is_the_last_that_was_made(end):
    trained = net()
    trace = run(trained, observe=lambda step: step.t == end)
    step = trace.last_step(trained.module_)
    assert (step.t, step.T, step.rate) == (end, T, end / 100)
    assert step.module is trained.module_
    assert step.loss == trace.last_loss


class EndAtOnce(Callback):
    """Ends a training before its first step."""

    def on_epoch_begin(self, net, **kwargs):
        """Ask for the end."""
        raise KeyboardInterrupt


def test_a_training_without_a_step_leaves_an_empty_trace():
    trace = run(net(callbacks=[EndAtOnce()]))
    assert trace.n_steps == 0
    assert trace.learning_rates.tolist() == trace.moments.tolist() == []
    assert trace.loss_curve.tolist() == []
    assert np.isnan(trace.last_loss)


def test_the_loss_curve_holds_epochs_that_were_finished():
    trace = run(net(), observe=lambda step: step.t == 2 * BATCHES)
    assert len(trace.loss_curve) == 1
    trace = run(net(), observe=lambda step: step.t == 2 * BATCHES + 1)
    assert len(trace.loss_curve) == 2


def test_only_moments_are_told_to_the_observer():
    steps = []
    trace = run(net(), moment=lambda t, T: t in (2, T), observe=lambda s: steps.append(s.t))
    assert steps == trace.moments.tolist() == [2, T]


@pytest.mark.parametrize("look", [False, True])
def test_divergence_is_found_at_the_end_of_the_epoch_or_when_somebody_looks(look):
    rows = X.copy()
    # The second row of the second batch.
    rows[6] = np.nan
    trained = net(iterator_train__shuffle=False)
    moment = (lambda t, T: t == 3) if look else (lambda t, T: False)
    with pytest.raises(DivergenceError, match=r"the training loss is .* at step 2, learning rat"):
        train(
            trained,
            Data(rows, Y),
            schedule=lambda t, T: 0.25,
            moment=moment,
            observe=lambda step: step.loss,
        )
    assert len(trained.history) == 1


def test_divergence_in_a_later_epoch_names_its_step():
    with pytest.raises(DivergenceError, match=r"at step [67], learning rate 0\.1\."):
        run(net(), schedule=lambda t, T: 1e308 if t == 5 else 0.1)


def test_a_stock_net_without_its_callbacks_has_a_loss_curve_too():
    stock = NeuralNetClassifier(
        nn.Linear(3, 2).double(), criterion=nn.CrossEntropyLoss, max_epochs=2, batch_size=5,
        train_split=None, verbose=0, callbacks__train_loss=None,
    ).initialize()  # fmt: skip
    trace = run(stock, schedule=lambda t, T: 0.0)
    logits = stock.module_(torch.tensor(X))
    expected = nn.functional.cross_entropy(logits, torch.tensor(Y)).item()
    assert trace.loss_curve == pytest.approx([expected] * 2)
