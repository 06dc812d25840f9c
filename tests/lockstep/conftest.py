"""Nets that are trained together, held against the same nets trained apart."""

from functools import partial

import numpy as np
import torch
from sklearn.base import clone
from skorch.dataset import Dataset
from torch import nn

from skensemble import NetClassifier, NetRegressor, SnapshotEnsembleClassifier
from skensemble.data import RowBatches
from skensemble.lockstep import Report, run_together
from skensemble.lockstep._paused_training import PausedTraining
from skensemble.seeding import initialize_seeded, streams_of
from skensemble.training import Data, ReadOnly, Request, ignore, train

RNG = np.random.default_rng(0)
X = RNG.normal(size=(65, 5))
LABELS, TARGETS = RNG.integers(0, 3, 65), RNG.normal(size=(65, 3))
WEIGHT = RNG.uniform(0.1, 3, 65)
SMALL = {"max_epochs": 12, "batch_size": 16, "device": "cpu", "precision": "float64"}
CPU = torch.device("cpu")


def net(module=None, kind=NetClassifier, **settings):
    """Give a small net, of the built-in module or of another one."""
    if module is None:
        return kind(**(SMALL | {"module__hidden_units": (7,)} | settings))
    return kind(module, **(SMALL | settings))


def snapshots(net, **parameters):
    return SnapshotEnsembleClassifier(net, **({"M": 2, "random_state": 0} | parameters))


def initialized(module=None, seed=0, **settings):
    """Give a net for the rows of this file, with its weights and its seed of the order."""
    sizes = {"module__n_features": 5, "module__n_outputs": 3}
    made = net(module, **(sizes | settings))
    initialize_seeded(made, streams_of(seed), CPU)
    return made


def paused(net, data=None, *, schedule=lambda t, T: 0.1, moment=lambda t, T: False, observe=ignore):
    """Give a training that waits for others."""
    y = TARGETS if isinstance(net, NetRegressor) else LABELS
    data = Data(X, y) if data is None else data
    return PausedTraining(Request(net, data, schedule, moment, observe))


def weights_of(net):
    return np.concatenate([p.detach().numpy().ravel() for p in net.module_.parameters()])


def train_one(
    *,
    kind=NetClassifier,
    X=X[:37],
    y=None,
    weight=None,
    seed=0,
    rate=0.1,
    moment=lambda t, T: True,
    change=lambda net: None,
    n_trainings=1,
    torch_seed=0,
    length=None,
    **settings,
):
    """Train a net; give its weights, the losses at its moments, and what each training leaves."""
    net = initialized(seed=seed, kind=kind, **({"max_epochs": 6, "batch_size": 8} | settings))
    change(net)
    torch.manual_seed(torch_seed)
    y = (LABELS if kind is NetClassifier else TARGETS)[: len(X)] if y is None else y
    seen, traces = [], []
    for _ in range(n_trainings):
        trace = train(
            net,
            Data(X, y, weight),
            schedule=lambda t, T: rate / t,
            moment=moment,
            observe=ReadOnly(lambda step: seen.append(step.loss)),
            **(length or {}),
        )
        traces.append((trace.moments.tolist(), trace.learning_rates.tolist(), trace.loss_curve))
    return weights_of(net), seen, traces


def assert_same_trainings(found, expected):
    (weights, seen, traces), (weights_apart, seen_apart, traces_apart) = found, expected
    np.testing.assert_allclose(weights, weights_apart, rtol=0, atol=1e-12)
    # Losses at moments are fetched in float32.
    np.testing.assert_allclose(seen, seen_apart, rtol=1e-5)
    for (moments, rates, curve), (moments_apart, rates_apart, curve_apart) in zip(
        traces, traces_apart, strict=True
    ):
        assert moments == moments_apart
        assert rates == rates_apart
        np.testing.assert_allclose(curve, curve_apart, rtol=1e-9)


def fit_together(tasks, **settings):
    """Give what the fits return, raising the first error."""
    participants = run_together(tasks, **settings)
    for participant in participants:
        if participant.error is not None:
            raise participant.error
    return [participant.result for participant in participants]


def tasks_of(ensembles, y=LABELS, **fit):
    return [partial(ensemble.fit, X, y, **fit) for ensemble in ensembles]


def assert_same_ensembles(together, alone, tolerance=1e-13):
    for one, other in zip(together, alone, strict=True):
        assert one.member_steps_.tolist() == other.member_steps_.tolist()
        assert one.learning_rates_.tolist() == other.learning_rates_.tolist()
        np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, atol=tolerance)
        for state, expected in zip(one.members_, other.members_, strict=True):
            for name in expected:
                np.testing.assert_allclose(state[name], expected[name], atol=tolerance)


def assert_gives_what_separate_fits_give(tasks, tolerance=1e-13, **settings):
    """Run fits of ensembles together and apart, and give the report."""
    alone = [clone(task.func.__self__).fit(*task.args, **task.keywords) for task in tasks]
    report = Report()
    together = fit_together(tasks, report=report, **settings)
    assert_same_ensembles(together, alone, tolerance)
    return report


def moved(X, value):
    X = X.copy()
    X[-1, -1] += value
    return X


def swapped(y):
    return np.r_[y[:-2], y[-1], y[-2]] if y[-1] != y[-2] else np.r_[y[:-1], (y[-1] + 1) % 3]


def nudge(value):
    """Give a function that moves the last weight of a net a little."""

    def change(net):
        with torch.no_grad():
            [*net.module_.parameters()][-1][-1] += value

    return change


class Convolution(nn.Sequential):
    """A module of the user's own."""

    def __init__(self, n_features, n_outputs):
        super().__init__(
            nn.Unflatten(1, (1, n_features)), nn.Conv1d(1, 4, 3), nn.Tanh(), nn.Flatten(),
            nn.Linear(4 * (n_features - 2), n_outputs),
        )  # fmt: skip


class Own(nn.Linear):
    """One linear layer, of a class that the package does not know."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)


class Branches(Own):
    """A module whose path depends on the rows of larger batches."""

    def forward(self, x):
        """Double the output of some batches."""
        output = super().forward(x)
        return 2 * output if len(x) > 2 and output.sum() > 0 else output


class Counting(Own):
    """A module whose output depends on how often it was called."""

    n_calls = 0

    def forward(self, x):
        """Give more and more of the output in training."""
        if not self.training:
            return super().forward(x)
        self.n_calls += 1
        return super().forward(x) * min(1.0, self.n_calls / 20)


class Normed(nn.Sequential):
    """A module with running statistics."""

    def __init__(self, n_features, n_outputs):
        super().__init__(nn.BatchNorm1d(n_features), nn.Linear(n_features, n_outputs))


class Dropping(nn.Sequential):
    """A module of the user's own with dropout."""

    def __init__(self, n_features, n_outputs, p=0.2):
        super().__init__(nn.Dropout(p), nn.Linear(n_features, n_outputs))


class Tied(nn.Sequential):
    """A module with a layer that stands twice, or once."""

    def __init__(self, n_features, n_outputs, layer=nn.Tanh, n_times=2):
        repeated = layer() if layer is nn.Tanh else layer(n_features, n_features)
        last = nn.Linear(n_features, n_outputs)
        super().__init__(repeated, nn.Sigmoid(), *[repeated] * (n_times - 1), last)


class Scaled(Own):
    """A module whose output depends on attributes that its repr does not show."""

    def __init__(self, n_features, n_outputs, scale=1.0, **held):
        super().__init__(n_features, n_outputs)
        self.scale = scale
        self.held = held
        self.array = np.array([0.0, scale])

    def forward(self, x):
        """Give the scaled output."""
        return self.scale * self.held.get("factor", 1.0) * super().forward(x)


class Held(Own):
    """A module that holds a function made on the spot."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.function = lambda x: x

    def forward(self, x):
        """Give the output."""
        return self.function(super().forward(x))


class Hooked(Own):
    """A module with a hook on its weight."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.weight.register_hook(halved)


def halved(gradient):
    return gradient / 2


class Centred(Own):
    """A module that looks at all rows of a batch at once."""

    def forward(self, x):
        """Give the output for the rows around their mean."""
        return super().forward(x - x.mean(0))


class Averaging(Own):
    """A module for rows of any length."""

    def forward(self, x):
        """Give the output for the means of the rows."""
        return super().forward(x.mean(1))


class OwnNet(NetClassifier):
    """A net that makes its loss its own way."""

    def get_loss(self, *args, **kwargs):
        """Give the loss."""
        return super().get_loss(*args, **kwargs)


class OwnBatches(RowBatches):
    """An iterator of the user's own."""


class OwnDataset(Dataset):
    """A dataset of the user's own."""


def halved_loss():
    criterion = nn.CrossEntropyLoss()
    criterion.register_forward_hook(lambda module, inputs, loss: loss / 2)
    return criterion


class OwnLoss(nn.CrossEntropyLoss):
    """A criterion of the user's own."""
