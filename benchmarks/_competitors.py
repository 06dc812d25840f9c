"""The problems, and every way to solve them that is measured: same net, batches and epochs."""

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from math import cos, pi
from typing import Any

import numpy as np
import torch
from sklearn.datasets import make_blobs, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from skensemble import NetClassifier, SnapshotEnsembleClassifier

MOMENTUM = {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}
BATCH_ROWS = 4096


@dataclass(frozen=True)
class Problem:
    """Rows to learn, and the settings that all competitors share.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
        float32, so that nobody has to convert.
    y : ndarray of shape (n_samples,)
        Codes of the classes.
    hidden_units : tuple of int
        Widths of the hidden layers.
    batch_size, max_epochs, M : int
        `max_epochs` is a multiple of M, as torchensemble asks for.
    alpha_zero : float
        Learning rate at the start of each cycle.
    """

    X: np.ndarray
    y: np.ndarray
    hidden_units: tuple[int, ...]
    batch_size: int
    max_epochs: int
    M: int
    alpha_zero: float

    @property
    def n_steps(self) -> int:
        """Optimizer steps in all."""
        return self.max_epochs * -(-len(self.X) // self.batch_size)

    @property
    def cycle_steps(self) -> int:
        """Optimizer steps of a cycle."""
        return self.n_steps // self.M


def blobs(*, quick: bool = False) -> Problem:
    """Make the tutorial's problem: tiny steps, so that what surrounds them shows."""
    X, y = make_blobs(1100, centers=3, n_features=2, cluster_std=2, random_state=2)
    X, y = X[:100].astype(np.float32), y[:100]
    return Problem(X, y, (50,), 32, 50 if quick else 500, 10, 0.01)


def tabular(*, quick: bool = False) -> Problem:
    """Make a problem of the size of everyday work: 54 features, 7 classes."""
    X, y = make_classification(
        2_000 if quick else 20_000, 54, n_informative=20, n_classes=7, random_state=0
    )
    return Problem(X.astype(np.float32), y, (256, 128), 128, 5, 5, 0.05)


def build_mlp(n_features: int, hidden_units: tuple[int, ...], n_classes: int) -> nn.Sequential:
    """Build the net that everyone trains."""
    layers: list[nn.Module] = []
    for n_in, n_out in zip((n_features, *hidden_units), hidden_units, strict=False):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden_units[-1], n_classes))


def ensemble(problem: Problem) -> SnapshotEnsembleClassifier:
    """Build our own ensemble."""
    net = NetClassifier(
        module__hidden_units=problem.hidden_units,
        module__activation="relu",
        optimizer__weight_decay=MOMENTUM["weight_decay"],
        max_epochs=problem.max_epochs,
        batch_size=problem.batch_size,
        device="cpu",
    )
    return SnapshotEnsembleClassifier(
        net, M=problem.M, alpha_zero=problem.alpha_zero, random_state=0
    )


def fit_ours(problem: Problem) -> Any:
    """Fit `skensemble.SnapshotEnsembleClassifier`."""
    return ensemble(problem).fit(problem.X, problem.y)


def fit_handwritten(problem: Problem) -> Any:
    """Run the loop that an expert would write for this one purpose, with nothing around it."""
    X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
    module = _module_for(problem)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(module.parameters(), lr=problem.alpha_zero, fused=True, **MOMENTUM)
    C, t, snapshots = problem.cycle_steps, 0, []
    module.train()
    for _ in range(problem.max_epochs):
        order = torch.randperm(len(X))
        batches = zip(
            X[order].split(problem.batch_size), y[order].split(problem.batch_size), strict=True
        )
        for X_batch, y_batch in batches:
            optimizer.param_groups[0]["lr"] = problem.alpha_zero / 2 * (cos(pi * (t % C) / C) + 1)
            optimizer.zero_grad()
            criterion(module(X_batch), y_batch).backward()
            optimizer.step()
            t += 1
            if t % C == 0:
                snapshots.append({k: v.clone() for k, v in module.state_dict().items()})
    return snapshots


def fit_skorch(problem: Problem) -> Any:
    """Fit stock skorch with torch's cyclic cosine; it keeps no snapshots."""
    schedule = LRScheduler(
        torch.optim.lr_scheduler.CosineAnnealingWarmRestarts,
        T_0=problem.cycle_steps,
        step_every="batch",
    )
    net = NeuralNetClassifier(
        _module_for(problem),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        lr=problem.alpha_zero,
        max_epochs=problem.max_epochs,
        batch_size=problem.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
        callbacks=[schedule],
        **{f"optimizer__{name}": value for name, value in MOMENTUM.items()},
    )
    return net.fit(problem.X, problem.y)


def fit_torchensemble(problem: Problem) -> Any:
    """Fit torchensemble's snapshot ensemble, told to log and save as little as it can."""
    rows = TensorDataset(torch.from_numpy(problem.X), torch.from_numpy(problem.y))
    loader = DataLoader(rows, batch_size=problem.batch_size, shuffle=True)
    from torchensemble import SnapshotEnsembleClassifier as TorchensembleClassifier

    ensemble = TorchensembleClassifier(
        estimator=_module_for(problem), n_estimators=problem.M, cuda=False
    )
    ensemble.set_optimizer("SGD", lr=problem.alpha_zero, **MOMENTUM)
    # Without TensorBoard it prints "None" at each of its log intervals.
    with redirect_stdout(io.StringIO()):
        ensemble.fit(loader, epochs=problem.max_epochs, log_interval=len(loader), save_model=False)
    return ensemble


def fit_sklearn(problem: Problem) -> Any:
    """Fit `sklearn.neural_network.MLPClassifier`; one net at a constant rate, in NumPy."""
    net = MLPClassifier(
        problem.hidden_units,
        solver="sgd",
        batch_size=problem.batch_size,
        learning_rate_init=problem.alpha_zero,
        max_iter=problem.max_epochs,
        tol=0,
        n_iter_no_change=problem.max_epochs + 1,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return net.fit(problem.X, problem.y)


FITS: dict[str, Callable[[Problem], Any]] = {
    "skensemble": fit_ours,
    "hand-written": fit_handwritten,
    "skorch": fit_skorch,
    "torchensemble": fit_torchensemble,
    "MLPClassifier": fit_sklearn,
}


def predictions(*, quick: bool = False) -> dict[str, Callable[[], np.ndarray]]:
    """Give the ways to predict with the same ten members, ours and two hand-written ones."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5_000 if quick else 100_000, 54), dtype=np.float32)
    X_train, y_train = X[:3_200], np.arange(3_200) % 7
    ensemble = fit_ours(Problem(X_train, y_train, (256, 128), 32, 1, 10, 0.01))
    modules = []
    for state in ensemble.members_:
        module = build_mlp(54, (256, 128), 7)
        module.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
        modules.append(module.eval())
    ways = {
        "skensemble": lambda: ensemble.predict_proba(X),
        "hand-written, all rows at once": lambda: predict_handwritten(modules, X, len(X)),
        f"hand-written, {BATCH_ROWS} rows": lambda: predict_handwritten(modules, X, BATCH_ROWS),
    }
    for way in ways.values():
        np.testing.assert_allclose(way(), ways["skensemble"](), atol=1e-5)
    return ways


def predict_handwritten(modules: list[nn.Module], X: np.ndarray, batch_size: int) -> np.ndarray:
    """Average probabilities over modules with a forward pass each, nothing around it."""
    means = []
    with torch.inference_mode():
        for batch in torch.from_numpy(X).split(batch_size):
            mean = torch.softmax(modules[0](batch), 1)
            for module in modules[1:]:
                mean += torch.softmax(module(batch), 1)
            means.append(mean.div_(len(modules)))
        return torch.cat(means).numpy()


def _module_for(problem: Problem) -> nn.Sequential:
    torch.manual_seed(0)
    n_classes = int(problem.y.max()) + 1
    return build_mlp(problem.X.shape[1], problem.hidden_units, n_classes)
