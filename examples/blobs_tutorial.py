"""Train 1, get 10: a snapshot ensemble on three blobs, and what it does and does not gain.

One net with 50 hidden units is trained on 100 rows under a learning rate that falls ten times from
0.01 to nearly 0. The weights at the ends of the ten cycles are the members. The script shows how
good each member is by itself, and how good the mean of the last m members is: for one seed, then
for twenty.

What you learn, from 20 seeds for weights and order, with the same rows in all:

* The last snapshot is right for 0.809 of the 1,000 test rows, the mean of all ten for 0.813. The
  difference, 0.004 +- 0.003, is within the noise: the blobs overlap, and a slightly different
  border wins about as many rows as it loses.
* The NLL falls from 0.501 to 0.451 nats, by 0.049 +- 0.010. That is not noise: the mean is less
  sure where it is wrong.
* The last snapshot is an easy opponent, because the net overfits 100 rows from cycle to cycle. The
  members from cycles 2 and 3 have an NLL of 0.446 by themselves. The mean comes close to the best
  member, and needs no held-out rows to find out which member that is.
* In the table of one seed the rows differ by one per cent. Its best row is luck.

    python blobs_tutorial.py --figure blobs.png
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.inspection import DecisionBoundaryDisplay

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.model_selection import fit_over_seeds

M = 10
N_TRAIN = 100
COLOURS = ["tab:blue", "tab:orange", "tab:green"]


def load_blobs():
    """Draw the tutorial's 1,100 rows: the first 100 to train on, 1,000 to test on."""
    X, y = make_blobs(1100, centers=3, n_features=2, cluster_std=2, random_state=2)
    return X[:N_TRAIN], X[N_TRAIN:], y[:N_TRAIN], y[N_TRAIN:]


def make_ensemble(max_epochs, random_state):
    """Set up the tutorial's net, plain momentum and no weight decay, in ten cycles."""
    net = NetClassifier(
        module__hidden_units=50,
        module__activation="relu",
        max_epochs=max_epochs,
        batch_size=32,
        optimizer__momentum=0.9,
        optimizer__nesterov=False,
        optimizer__weight_decay=0.0,
    )
    return SnapshotEnsembleClassifier(net, M=M, alpha_zero=0.01, random_state=random_state)


def score_rows(probas, y):
    """Return whether each of n predictions is right for each row, and its NLL; (n, 2, rows).

    The means over the rows are scikit-learn's `accuracy_score` and `log_loss`.
    """
    probas = np.array(list(probas), dtype=float)
    is_right = probas.argmax(axis=2) == y
    nll = -np.log(probas[:, np.arange(len(y)), y])
    return np.stack([is_right, nll], axis=1)


def print_one_run(single, ensemble):
    """Print, for each m, the scores of the member that joins, and of the mean of the last m."""
    print(f"{'':3} {'member that joins, alone':>26} {'mean of the last m':>21}")
    print(f"{'m':>3} {'member':>8} {'accuracy':>9} {'NLL':>7} {'accuracy':>13} {'NLL':>7}")
    for m in range(1, M + 1):
        k = M - m
        accuracy, nll = single[k]
        accuracy_m, nll_m = ensemble[m - 1]
        print(f"{m:3} {k + 1:8} {accuracy:9.3f} {nll:7.4f} {accuracy_m:13.3f} {nll_m:7.4f}")


def draw(fitted, X, y, single, ensemble, path):
    """Draw the schedule, the scores and the decision surface of one run."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7.5), layout="constrained")
    draw_schedule(axes[0, 0], fitted)
    draw_scores(axes[0, 1], single[:, 0], ensemble[:, 0], "test accuracy")
    draw_scores(axes[1, 0], single[:, 1], ensemble[:, 1], "test NLL (nats)")
    # Half a per cent is noise: leave room around the points, so that they do not look like more.
    axes[0, 1].set_ylim(0.75, 0.87)
    axes[0, 1].legend()
    draw_surface(axes[1, 1], fitted, X, y)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_schedule(ax, fitted):
    """Draw the learning rate of each step, and the steps after which members were taken."""
    steps = fitted.member_steps_
    ax.plot(np.arange(1, fitted.n_steps_ + 1), fitted.learning_rates_, lw=1)
    ax.plot(steps, fitted.learning_rates_[steps - 1], "v", color="tab:red", label="snapshot")
    ax.set(title="ten cycles", xlabel="optimizer step", ylabel="learning rate")
    ax.set_ylim(top=1.2 * fitted.alpha_zero)
    ax.legend()


def draw_scores(ax, single, ensemble, name):
    """Draw one score of the single members and of the ensembles, over m."""
    m = np.arange(1, M + 1)
    ax.plot(m, single[::-1], "o", color="grey", label="member that joins, alone")
    ax.plot(m, ensemble, "-s", color="tab:red", label="mean of the last m")
    ax.set(title=f"{name}, one training", xlabel="m", ylabel=name, xticks=m)


def draw_surface(ax, fitted, X, y):
    """Draw the ensemble's probabilities over the plane, and the rows it was trained on."""
    DecisionBoundaryDisplay.from_estimator(
        fitted,
        X,
        response_method="predict_proba",
        grid_resolution=300,
        multiclass_colors=COLOURS,
        alpha=0.6,
        ax=ax,
    )
    for label, colour in enumerate(COLOURS):
        rows = X[y == label]
        ax.scatter(*rows.T, color=colour, edgecolor="black", lw=0.5, s=25)
    ax.set(title=f"mean of all {M}, training rows", xlabel="feature 1", ylabel="feature 2")


def evaluate(fitted, X, y):
    """Score each member, oldest first, and the mean of the last 1, 2, ...; both (M, 2, rows)."""
    single = score_rows(fitted.member_predict_proba(X), y)
    return single, score_rows(fitted.staged_predict_proba(X), y)


def print_repeats(scores):
    """Print means and spreads over the trainings, for `scores` of shape (seeds, 2, M, 2, rows)."""
    per_seed = scores.mean(axis=-1)
    mean, spread = per_seed.mean(axis=0), per_seed.std(axis=0, ddof=1)
    print(f"{'':3} {'member that joins, alone':>26} {'mean of the last m':>35}")
    print(f"{'m':>3} {'member':>8} {'accuracy':>9} {'NLL':>7} {'accuracy':>17} {'NLL':>17}")
    for m in range(1, M + 1):
        accuracy, nll = mean[0, M - m]
        cells = [
            f"{a:9.4f} +- {b:.4f}" for a, b in zip(mean[1, m - 1], spread[1, m - 1], strict=True)
        ]
        print(f"{m:3} {M - m + 1:8} {accuracy:9.4f} {nll:7.4f} {' '.join(cells)}")


def print_verdict(scores):
    """Print whether the mean of all members gains more over the last member than chance does."""
    # In pairs: both are from one training and see the same rows, which cancels most of the noise.
    gains = scores[:, 1, -1] - scores[:, 1, 0]
    n_seeds, _, n_rows = gains.shape
    # Two things were drawn: the seeds and the test rows. Each adds its part to the variance.
    from_seeds = gains.mean(axis=2).var(axis=0, ddof=1) / n_seeds
    from_rows = gains.mean(axis=0).var(axis=1, ddof=1) / n_rows
    errors = np.sqrt(from_seeds + from_rows)
    print(f"Mean of all {M} minus the last snapshot, in pairs (+- is the standard error, from the")
    print(f"draw of {n_seeds} seeds and of {n_rows} test rows):")
    names, means = ["accuracy", "NLL"], gains.mean(axis=(0, 2))
    for name, gain, error in zip(names, means, errors, strict=True):
        verdict = "within the noise" if abs(gain) < 2 * error else "more than noise"
        print(f"{name:>8} {gain:+.4f} +- {error:.4f}: {verdict}")


def main(argv=None):
    """Train once and look closely, then train with many seeds and look honestly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, default=Path("blobs_tutorial.png"), metavar="PATH")
    parser.add_argument("--seeds", type=int, default=20, help="trainings in the second part, >= 2")
    parser.add_argument("--epochs", type=int, default=500, help="epochs of a training")
    args = parser.parse_args(argv)
    if args.seeds < 2:
        parser.error(f"--seeds must be at least 2 to have a spread, got {args.seeds}")

    X_train, X_test, y_train, y_test = load_blobs()
    fitted = make_ensemble(args.epochs, 0).fit(X_train, y_train)
    single, ensemble = (scores.mean(axis=-1) for scores in evaluate(fitted, X_test, y_test))
    print(f"One training of {args.epochs} epochs, seed 0:")
    print_one_run(single, ensemble)
    draw(fitted, X_train, y_train, single, ensemble, args.figure)
    print(f"Figure: {args.figure.resolve()}")

    # All seeds train their nets together as one population, in a fraction of the time.
    repeats = fit_over_seeds(make_ensemble(args.epochs, 0), X_train, y_train, seeds=args.seeds)
    scores = np.array([evaluate(repeat, X_test, y_test) for repeat in repeats])
    print(f"\n{args.seeds} trainings (+- is the standard deviation between them):")
    print_repeats(scores)
    print()
    print_verdict(scores)


if __name__ == "__main__":
    main()
