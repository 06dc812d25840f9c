"""Figures of the documentation: ``python docs/figures.py`` draws them into docs/figures."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import log_loss

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.schedules import cycle_ends, cyclic_cosine

M = 5
LIMIT = 2.6
MEMBER, AVERAGE = "tab:blue", "tab:red"
LETTERS = Path(__file__).parents[1] / "benchmarks" / "results" / "letter.txt"


def draw_all(folder: Path) -> None:
    """Draw every figure into a folder, which is made if it is not there."""
    folder.mkdir(exist_ok=True)
    style = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    with mpl.rc_context(style):
        draw_snapshot_ensemble().savefig(folder / "snapshot_ensemble.png", dpi=160)
        draw_front().savefig(folder / "front.png", dpi=160)


def draw_front() -> Figure:
    """Draw what is trained, above, and what it gains on the letters, below."""
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    rate, gain = figure.subplots(2, height_ratios=(1, 1.5))
    n_steps, n_cycles = 600, 6
    steps = np.arange(1, n_steps + 1)
    rates = [cyclic_cosine(t, n_steps, M=n_cycles, alpha_zero=0.2) for t in steps]
    ends = np.array(cycle_ends(n_steps, n_cycles))
    rate.plot(steps / 10, rates, color="0.3")
    rate.plot(ends / 10, np.take(rates, ends - 1), "o", color=MEMBER, clip_on=False)
    rate.set(xlim=(0, 60), ylim=(0, None), ylabel="learning rate", xlabel="epoch")
    rate.set_title("one training, six snapshots", fontsize="medium")

    single, mean = letter_scores()
    seeds = np.arange(len(mean))
    gain.vlines(seeds, mean, single, color="0.7")
    gain.plot(seeds, single, "s", color="0.3", label="one net, one cycle of 60 epochs")
    gain.plot(seeds, mean, "o", color=AVERAGE, label="mean of six snapshots, 60 epochs in all")
    gain.set(xlabel="seed", ylabel="log-loss, nats", ylim=(0, 0.15), xticks=seeds)
    gain.set_title("5,000 test letters: lower is better", fontsize="medium")
    gain.legend(frameon=False, loc="lower left")
    return figure


def letter_scores() -> tuple[list[float], list[float]]:
    """Read the log-losses of one net and of six snapshots, a pair for each seed."""
    whole, _shorter = LETTERS.read_text().split("24 epochs, seed 0")
    lines = whole.splitlines()
    return tuple(
        [float(line.removeprefix(label).split()[1]) for line in lines if line.startswith(label)]
        for label in ("single net, one cycle", "mean of 6 snapshots")
    )


def draw_snapshot_ensemble() -> Figure:
    """Draw the rate, the loss, the snapshots, and what each member has learnt by then."""
    X, y = _two_spirals(300, seed=0)
    X_test, y_test = _two_spirals(2000, seed=1000)
    net = NetClassifier(
        module__hidden_units=(64, 64),
        module__activation="relu",
        max_epochs=50,
        batch_size=10,
        optimizer__weight_decay=1e-4,
    )
    ensemble = SnapshotEnsembleClassifier(net, M=M, alpha_zero=0.2, random_state=0).fit(X, y)

    figure = Figure(figsize=(10, 5), layout="constrained")
    grid = figure.add_gridspec(3, M + 1, height_ratios=(1, 1, 1.6))
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
        axes.set_title(titles[k], color=AVERAGE if k == M else MEMBER, fontsize="medium")
    return figure


def _two_spirals(n_samples: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw points about two arms that wind round each other."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n_samples)
    radius = rng.uniform(0.4, 2, n_samples)
    angle = 1.25 * np.pi * radius + np.pi * y
    arms = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return arms + 0.2 * rng.standard_normal((n_samples, 2)), y


def _draw_rate(axes: Axes, ensemble: SnapshotEnsembleClassifier) -> None:
    steps = np.arange(1, ensemble.n_steps_ + 1)
    axes.plot(steps, ensemble.learning_rates_, color="0.2")
    _mark_snapshots(axes, ensemble)
    lowest = ensemble.learning_rates_[ensemble.member_steps_ - 1]
    axes.plot(ensemble.member_steps_, lowest, "o", color=MEMBER, clip_on=False)
    axes.set(
        ylabel="learning rate",
        xticks=ensemble.member_steps_,
        xlim=(0, ensemble.n_steps_),
        ylim=(0, None),
    )
    axes.tick_params(labelbottom=False)


def _draw_loss(axes: Axes, ensemble: SnapshotEnsembleClassifier) -> None:
    n_epochs = len(ensemble.loss_curve_)
    ends = np.arange(1, n_epochs + 1) * ensemble.n_steps_ / n_epochs
    axes.plot(ends, ensemble.loss_curve_, color="0.2")
    _mark_snapshots(axes, ensemble)
    axes.set(ylabel="training loss", xlabel="optimizer step (dashed: a snapshot is taken)")


def _mark_snapshots(axes: Axes, ensemble: SnapshotEnsembleClassifier) -> None:
    for step in ensemble.member_steps_:
        axes.axvline(step, color=MEMBER, linestyle="--", linewidth=1)


def _draw_scores(axes: Axes, scores: list[float]) -> None:
    axes.plot(range(1, M + 1), scores[:M], "o", color=MEMBER, label="each member")
    axes.axhline(scores[M], color=AVERAGE, label="their average")
    axes.set_title("test log-loss", fontsize="medium")
    axes.set(xlim=(0.5, M + 0.5), ylim=(0, None), xticks=range(1, M + 1), xlabel="member")
    axes.legend(frameon=False, fontsize=8)


def _surfaces(ensemble: SnapshotEnsembleClassifier) -> list[np.ndarray]:
    """Probability of the second class on a grid, of each member and of the average."""
    ticks = np.linspace(-LIMIT, LIMIT, 80)
    x1, x2 = np.meshgrid(ticks, ticks)
    points = np.column_stack([x1.ravel(), x2.ravel()])
    probas = [*ensemble.member_predict_proba(points), ensemble.predict_proba(points)]
    return [proba[:, 1].reshape(x1.shape) for proba in probas]


def _draw_surface(axes: Axes, surface: np.ndarray, X: np.ndarray, y: np.ndarray) -> None:
    box = {"extent": (-LIMIT, LIMIT, -LIMIT, LIMIT), "origin": "lower"}
    axes.imshow(surface, cmap="RdBu_r", vmin=0, vmax=1, alpha=0.8, **box)
    axes.contour(surface, levels=[0.5], colors="black", linewidths=1, **box)
    axes.scatter(*X.T, c=y, cmap="RdBu_r", s=6, edgecolors="white", linewidths=0.4)
    axes.set(xticks=[], yticks=[])


if __name__ == "__main__":
    draw_all(Path(__file__).parent / "figures")
