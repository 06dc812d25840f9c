"""Figures of the documentation: ``python docs/figures.py`` draws them into docs/figures."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.datasets import make_moons
from sklearn.metrics import log_loss

from skensemble import NetClassifier, SnapshotEnsembleClassifier

M = 5
MEMBER, AVERAGE = "tab:blue", "tab:red"


def draw_all(folder: Path) -> None:
    """Draw every figure into a folder, which is made if it is not there."""
    folder.mkdir(exist_ok=True)
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False}):
        draw_snapshot_ensemble().savefig(folder / "snapshot_ensemble.png", dpi=160)


def draw_snapshot_ensemble() -> Figure:
    """Draw the rate, the loss, the snapshots, and what each member has learnt by then."""
    X, y = make_moons(100, noise=0.3, random_state=0)
    X_test, y_test = make_moons(2000, noise=0.3, random_state=1)
    net = NetClassifier(module__hidden_units=(64, 64), max_epochs=100, batch_size=10)
    ensemble = SnapshotEnsembleClassifier(net, M=M, alpha_zero=0.2, random_state=0).fit(X, y)

    figure = Figure(figsize=(10, 5.4), layout="constrained")
    grid = figure.add_gridspec(3, M + 1, height_ratios=(1, 1, 1.5))
    rate = figure.add_subplot(grid[0, :M])
    loss = figure.add_subplot(grid[1, :M], sharex=rate)
    _draw_rate(rate, ensemble)
    _draw_loss(loss, ensemble)
    members = ensemble.member_predict_proba(X_test)
    average = ensemble.predict_proba(X_test)
    scores = [log_loss(y_test, proba) for proba in [*members, average]]
    _draw_scores(figure.add_subplot(grid[:2, M]), scores)
    titles = [f"member {k}" for k in range(1, M + 1)] + [f"average of the {M}"]
    for k, surface in enumerate(_surfaces(ensemble)):
        axes = figure.add_subplot(grid[2, k])
        _draw_surface(axes, surface, X, y)
        axes.set_title(titles[k], color=AVERAGE if k == M else MEMBER, fontsize=9)
    return figure


def _draw_rate(axes: Axes, ensemble: SnapshotEnsembleClassifier) -> None:
    steps = np.arange(1, ensemble.n_steps_ + 1)
    axes.plot(steps, ensemble.learning_rates_, color="0.2")
    _mark_snapshots(axes, ensemble)
    axes.set(ylabel="learning rate", xlim=(0, ensemble.n_steps_), ylim=(0, None))
    axes.tick_params(labelbottom=False)


def _draw_loss(axes: Axes, ensemble: SnapshotEnsembleClassifier) -> None:
    n_epochs = len(ensemble.loss_curve_)
    ends = np.arange(1, n_epochs + 1) * ensemble.n_steps_ / n_epochs
    axes.plot(ends, ensemble.loss_curve_, color="0.2")
    _mark_snapshots(axes, ensemble)
    axes.set(ylabel="training loss", xlabel="optimizer step; dashed: a snapshot is taken")


def _mark_snapshots(axes: Axes, ensemble: SnapshotEnsembleClassifier) -> None:
    for step in ensemble.snapshot_steps_:
        axes.axvline(step, color=MEMBER, linestyle="--", linewidth=1)


def _draw_scores(axes: Axes, scores: list[float]) -> None:
    axes.plot(range(1, M + 1), scores[:M], "o", color=MEMBER, label="each member")
    axes.axhline(scores[M], color=AVERAGE, label="their average")
    axes.set(title="test log-loss", xticks=range(1, M + 1), xlabel="member")
    axes.legend(frameon=False, fontsize=8)


def _surfaces(ensemble: SnapshotEnsembleClassifier) -> list[np.ndarray]:
    """Probability of the second class on a grid, of each member and of the average."""
    x1, x2 = np.meshgrid(np.linspace(-2, 3, 80), np.linspace(-1.5, 2, 80))
    points = np.column_stack([x1.ravel(), x2.ravel()])
    probas = [*ensemble.member_predict_proba(points), ensemble.predict_proba(points)]
    return [proba[:, 1].reshape(x1.shape) for proba in probas]


def _draw_surface(axes: Axes, surface: np.ndarray, X: np.ndarray, y: np.ndarray) -> None:
    box = {"extent": (-2, 3, -1.5, 2), "origin": "lower"}
    axes.imshow(surface, cmap="RdBu_r", vmin=0, vmax=1, alpha=0.8, aspect="auto", **box)
    axes.contour(surface, levels=[0.5], colors="black", linewidths=1, **box)
    axes.scatter(*X.T, c=y, cmap="RdBu_r", s=6, edgecolors="white", linewidths=0.4)
    axes.set(xticks=[], yticks=[])


if __name__ == "__main__":
    draw_all(Path(__file__).parent / "figures")
