"""The course of a training, held against loops written out by hand."""

import signal
from functools import partial
from math import ceil

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from skensemble import NetClassifier
from skensemble.members import copy_state
from skensemble.modules import MLP
from skensemble.schedules import cyclic_cosine, is_cycle_end
from skensemble.training import Data, train, train_to_end

X = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)).double().numpy()
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)
EPOCHS, BATCH, M, ALPHA = 6, 16, 4, 0.3
T = EPOCHS * ceil(50 / BATCH)
COSINE = partial(cyclic_cosine, M=M, alpha_zero=ALPHA)
ENDS = partial(is_cycle_end, M=M)


class RecordingSGD(torch.optim.SGD):
    """SGD that notes the rate of each group at each step."""

    def step(self, closure=None):
        """Note the rates, then step."""
        self.seen = [*getattr(self, "seen", []), [group["lr"] for group in self.param_groups]]
        return super().step(closure)


class BatchWatcher(Callback):
    """A skorch callback that looks into batches, so that skorch's own epoch runs."""

    def on_batch_end(self, net, training=False, **kwargs):
        """Count the training batches."""
        self.n_ = getattr(self, "n_", 0) + training


def module():
    torch.manual_seed(3)
    return MLP(4, 2, hidden_units=(5,)).double()


def net(**keywords):
    """Give an initialised float64 net that does not shuffle."""
    settings = {
        "module": module(),
        "max_epochs": EPOCHS,
        "batch_size": BATCH,
        "iterator_train__shuffle": False,
        "precision": "float64",
        "device": "cpu",
        "optimizer__weight_decay": 1e-4,
    }
    return NetClassifier(**(settings | keywords)).initialize()


def snapshots(trained, **keywords):
    """Train, and give the steps and copied states at the ends of cycles."""
    kept = []

    def observe(step):
        kept.append((step.t, copy_state(step.module)))

    settings = {"schedule": COSINE, "moment": ENDS, "observe": observe}
    trace = train(trained, Data(X, Y), **(settings | keywords))
    return trace, kept


def hand_written(weight=None):
    """Do the same training in plain torch: per step the rate, then the step, then the copy."""
    model, kept, t = module(), [], 0
    optimizer = torch.optim.SGD(
        model.parameters(), lr=1, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    rows, labels = torch.tensor(X), torch.tensor(Y)
    for _ in range(EPOCHS):
        for start in range(0, 50, BATCH):
            # The last batch of 50 = 3 * 16 + 2 rows has two.
            batch = slice(start, start + BATCH)
            t += 1
            optimizer.param_groups[0]["lr"] = COSINE(t, T)
            optimizer.zero_grad()
            losses = F.cross_entropy(model(rows[batch]), labels[batch], reduction="none")
            if weight is not None:
                losses = losses * torch.tensor(weight[batch] / weight.mean())
            losses.mean().backward()
            optimizer.step()
            if t in (6, 12, 18, 24):
                kept.append({name: v.clone().numpy() for name, v in model.state_dict().items()})
    return kept


def assert_same_states(kept, expected):
    assert [t for t, _ in kept] == [6, 12, 18, 24]
    for (_, state), other in zip(kept, expected, strict=True):
        for name, value in other.items():
            # Fused and plain updates round differently in the last bits.
            np.testing.assert_allclose(state[name], value, rtol=1e-9, atol=1e-12)


def test_snapshots_are_those_of_a_hand_written_loop():
    _, kept = snapshots(net())
    assert_same_states(kept, hand_written())


def test_weighted_snapshots_are_those_of_a_hand_written_loop():
    weight = np.linspace(0.1, 3, 50)
    kept = []
    train(
        net(),
        Data(X, Y, weight),
        schedule=COSINE,
        moment=ENDS,
        observe=lambda step: kept.append((step.t, copy_state(step.module))),
    )
    assert_same_states(kept, hand_written(weight))


def test_a_stock_skorch_net_gives_the_same_snapshots():
    stock = NeuralNetClassifier(
        module(),
        criterion=nn.CrossEntropyLoss,
        max_epochs=EPOCHS,
        batch_size=BATCH,
        optimizer__momentum=0.9,
        optimizer__nesterov=True,
        optimizer__weight_decay=1e-4,
        train_split=None,
        verbose=0,
    ).initialize()
    _, kept = snapshots(stock)
    assert_same_states(kept, hand_written())


def test_the_lean_epoch_makes_the_same_steps_as_that_of_skorch():
    watcher = BatchWatcher()
    slow_trace, slow = snapshots(net(callbacks=[watcher], max_grad_norm=0.2))
    lean_trace, lean = snapshots(net(max_grad_norm=0.2))
    assert watcher.n_ == T
    # float64, from gradients in closed form and from autograd.
    assert_same_states(lean, [state for _, state in slow])
    assert lean_trace.loss_curve == pytest.approx(slow_trace.loss_curve)


def test_the_optimizer_steps_at_the_rates_of_the_schedule():
    trained = net(optimizer=RecordingSGD)
    trace, _ = snapshots(trained)
    expected = [COSINE(t, T) for t in range(1, T + 1)]
    assert [rates[0] for rates in trained.optimizer_.seen] == expected
    assert trace.learning_rates.tolist() == expected
    assert trace.n_steps == T == 24


def test_a_group_with_a_rate_of_its_own_keeps_its_ratio():
    own = net(optimizer=RecordingSGD, lr=0.1, optimizer__param_groups=[("2.*", {"lr": 0.01})])
    snapshots(own)
    # skorch puts the named group first; its rate was a tenth of the net's.
    for t, (first, second) in enumerate(own.optimizer_.seen, start=1):
        assert (first, second) == pytest.approx((0.1 * COSINE(t, T), COSINE(t, T)))


def test_momentum_goes_on_through_a_restart():
    trained = net(optimizer=RecordingSGD, optimizer__weight_decay=0.0)
    velocity, gradient = {}, {}

    def observe(step):
        weight = trained.optimizer_.param_groups[0]["params"][0]
        velocity[step.t] = trained.optimizer_.state[weight]["momentum_buffer"].clone()
        gradient[step.t] = weight.grad.clone()

    # Step 6 ends the first cycle.
    snapshots(trained, moment=lambda t, T: t in (6, 7), observe=observe)
    torch.testing.assert_close(velocity[7], 0.9 * velocity[6] + gradient[7])


def test_the_loss_curve_weighs_batches_by_their_rows():
    trace, _ = snapshots(net(), schedule=lambda t, T: 0.0)
    logits = module()(torch.tensor(X))
    assert trace.loss_curve == pytest.approx([F.cross_entropy(logits, torch.tensor(Y)).item()] * 6)


def test_an_observer_ends_the_training():
    trace, _ = snapshots(net(), observe=lambda step: step.t == 12)
    assert trace.stopped_by == "observer"
    assert trace.moments.tolist() == [6, 12]
    assert len(trace.learning_rates) == 12


def test_a_skorch_callback_ends_the_training():
    stopping = EarlyStopping("train_loss", patience=1, threshold=10.0)
    trace, _ = snapshots(net(callbacks=[stopping]))
    assert trace.stopped_by == "skorch callback"
    assert len(trace.learning_rates) < T


@pytest.mark.parametrize("rate", [float("nan"), -0.1])
def test_a_schedule_that_gives_no_rate_is_refused(rate):
    with pytest.raises(ValueError, match=r"schedule must be .* got .* at step 3"):
        snapshots(net(), schedule=lambda t, T: rate if t == 3 else 0.1)


def test_divergence_names_the_step_and_the_rate():
    rows = X.copy()
    rows[20] = 1e308
    with pytest.raises(FloatingPointError, match=r"loss is .* at step 2, learning rate 0\.25\b"):
        train(
            net(),
            Data(rows, Y),
            schedule=lambda t, T: 0.25,
            moment=lambda t, T: t == T,
            observe=copy_state,
        )


class Listener(Callback):
    """Notes when a training begins and ends, and how many rows it is told of."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Note the beginning, and the rows."""
        self.heard_ = [*getattr(self, "heard_", []), ("begin", len(X), len(y))]

    def on_train_end(self, net, X=None, y=None, **kwargs):
        """Note the end, and the rows."""
        self.heard_.append(("end", len(X), len(y)))


def end_at_12(step):
    return step.t == 12


@pytest.mark.parametrize("observe", [lambda step: None, end_at_12])
def test_callbacks_hear_of_the_beginning_and_the_end(observe):
    listener = Listener()
    snapshots(net(callbacks=[listener]), observe=observe)
    assert listener.heard_ == [("begin", 50, 50), ("end", 50, 50)]


def test_the_last_loss_is_the_mean_over_the_last_epoch_of_steps():
    trace, _ = snapshots(net(), schedule=lambda t, T: 0.0)
    logits = module()(torch.tensor(X))
    batches = [slice(0, 16), slice(16, 32), slice(32, 48), slice(48, 50)]
    losses = [F.cross_entropy(logits[b], torch.tensor(Y)[b]).item() for b in batches]
    # Batches count alike here; losses are averaged in float32.
    assert trace.last_loss == pytest.approx(np.mean(losses), rel=1e-6)


class Ending(Callback):
    """Ends a training as skorch's callbacks do, or as Ctrl-C does."""

    def __init__(self, at, press=False):
        self.at = at
        self.press = press

    def on_epoch_begin(self, net, **kwargs):
        """Ask for the end."""
        if len(net.history) == self.at and self.press:
            signal.raise_signal(signal.SIGINT)
        if len(net.history) == self.at:
            raise KeyboardInterrupt


def test_a_training_to_the_end_may_be_ended_by_a_callback():
    trace = train_to_end(net(callbacks=[Ending(3)]), Data(X, Y), COSINE)
    assert len(trace.learning_rates) == 2 * 4
    assert trace.stopped_by is None
    assert not trace.was_interrupted


def test_a_training_to_the_end_without_a_step_has_no_end():
    trace = train_to_end(net(callbacks=[Ending(1)]), Data(X, Y), COSINE)
    assert len(trace.learning_rates) == 0
    assert trace.stopped_by == "skorch callback"


def test_ctrl_c_is_no_end():
    trace = train_to_end(net(callbacks=[Ending(3, press=True)]), Data(X, Y), COSINE)
    assert trace.stopped_by == "ctrl-c"
    assert trace.was_interrupted


def test_without_a_moment_there_are_none():
    assert train(net(), Data(X, Y), schedule=COSINE).moments.tolist() == []


def test_a_training_without_an_observer_goes_on_through_its_moments():
    trace = train(net(), Data(X, Y), schedule=COSINE, moment=ENDS)
    assert trace.stopped_by is None
    assert trace.moments.tolist() == [6, 12, 18, 24]
    assert len(trace.learning_rates) == T
