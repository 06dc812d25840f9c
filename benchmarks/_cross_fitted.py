"""Cross-fitted nets, and the same training with batched products by hand under autograd."""

from collections.abc import Callable
from functools import partial
from math import cos, pi
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification
from torch import Tensor, nn

from skensemble import CrossFittedEnsembleClassifier, NetClassifier, SnapshotEnsembleClassifier

N_NETS, N_FOLDS, M = 8, 4, 5
HIDDEN, BATCH_SIZE, N_STEPS = 64, 128, 3000
ALPHA_ZERO, BETAS, WEIGHT_DECAY = 5e-3, (0.9, 0.95), 0.01

Rows = tuple[np.ndarray, np.ndarray]


def rows(*, quick: bool) -> tuple[Rows, np.ndarray]:
    """Make rows of 20 columns and two classes to train on, and as many to predict."""
    n = 500 if quick else 10_000
    X, y = make_classification(2 * n, 20, n_informative=10, flip_y=0.1, random_state=0)
    X = X.astype(np.float32)
    return (X[:n], y[:n]), X[n:]


def n_epochs(n_rows: int, *, quick: bool) -> int:
    """Count the epochs that come nearest to the steps."""
    return max(1, round((60 if quick else N_STEPS) / -(-n_rows // BATCH_SIZE)))


def ours(X: np.ndarray, y: np.ndarray, *, quick: bool, **settings: Any) -> Any:
    """Fit a cross-fitted ensemble."""
    net = NetClassifier(
        module__hidden_units=(HIDDEN, HIDDEN),
        module__activation="relu",
        optimizer=torch.optim.AdamW,
        optimizer__betas=BETAS,
        optimizer__weight_decay=WEIGHT_DECAY,
        optimizer__param_groups=[("*.bias", {"weight_decay": 0.0})],
        batch_size=BATCH_SIZE,
        max_epochs=n_epochs(len(X), quick=quick),
        device="cpu",
    )
    method = SnapshotEnsembleClassifier(net, M=M, cycle_mult=2.0, alpha_zero=ALPHA_ZERO)
    crossed = CrossFittedEnsembleClassifier(method, n_nets=N_NETS, cv=N_FOLDS, random_state=0)
    return crossed.set_params(**settings).fit(X, y)


def by_hand(X: np.ndarray, y: np.ndarray, *, quick: bool) -> None:
    """Train the same nets for as many steps: shared batches, masks, AdamW, growing cycles."""
    generator = torch.Generator().manual_seed(0)
    weights = [*_layer(X.shape[1], HIDDEN), *_layer(HIDDEN, HIDDEN), *_layer(HIDDEN, 2)]
    groups = [
        {"params": weights[::2], "weight_decay": WEIGHT_DECAY},
        {"params": weights[1::2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=ALPHA_ZERO, betas=BETAS, fused=True)
    rows, codes = torch.tensor(X), torch.tensor(y)
    fold = torch.arange(len(X)) % N_FOLDS
    masks = torch.stack([(fold != k % N_FOLDS).float() for k in range(N_NETS)])
    epochs = n_epochs(len(X), quick=quick)
    T, t = epochs * -(-len(X) // BATCH_SIZE), 0
    for _ in range(epochs):
        for index in torch.randperm(len(X), generator=generator).split(BATCH_SIZE):
            for group in optimizer.param_groups:
                group["lr"] = _rate(t, T)
            optimizer.zero_grad()
            logits = _forward(weights, rows[index].expand(N_NETS, -1, -1))
            targets = codes[index].repeat(N_NETS)
            losses = F.cross_entropy(logits.flatten(0, 1), targets, reduction="none")
            own = masks[:, index]
            ((losses.view(N_NETS, -1) * own).sum(1) / own.sum(1)).sum().backward()
            optimizer.step()
            t += 1


def _layer(n_inputs: int, n_outputs: int) -> list[Tensor]:
    weight = (torch.rand(N_NETS, n_inputs, n_outputs) * 2 - 1) / n_inputs**0.5
    return [nn.Parameter(weight), nn.Parameter(torch.zeros(N_NETS, 1, n_outputs))]


def _forward(weights: list[Tensor], x: Tensor) -> Tensor:
    x = torch.relu(torch.baddbmm(weights[1], x, weights[0]))
    x = torch.relu(torch.baddbmm(weights[3], x, weights[2]))
    return torch.baddbmm(weights[5], x, weights[4])


def _rate(t: int, T: int) -> float:
    """Return the rate of a half cosine in the cycle of a step; cycles double."""
    begin, length = 0.0, T / (2**M - 1)
    while t >= begin + length:
        begin, length = begin + length, 2 * length
    return ALPHA_ZERO * (1 + cos(pi * (t - begin) / length)) / 2


def fits(*, quick: bool) -> dict[str, Callable[[], Any]]:
    """Give the ways of training."""
    (X, y), _ = rows(quick=quick)
    return {
        "skensemble": partial(ours, X, y, quick=quick),
        "hand-written": partial(by_hand, X, y, quick=quick),
        "n_jobs=2": partial(ours, X, y, quick=quick, n_jobs=2),
    }


def predictions(*, quick: bool) -> dict[str, Callable[[], Any]]:
    """Give what predicts the rows: ours, and LightGBM's default of 100 trees where it lies."""
    (X, y), X_test = rows(quick=quick)
    ways = {"skensemble": partial(ours(X, y, quick=quick).predict_proba, X_test)}
    try:
        from lightgbm import LGBMClassifier
    except ImportError:
        return ways
    trees = LGBMClassifier(n_jobs=1, verbose=-1).fit(X, y)
    # Its own arrays have no names of columns, of which scikit-learn's check would warn.
    return ways | {"LightGBM": partial(trees.booster_.predict, X_test, num_threads=1)}
