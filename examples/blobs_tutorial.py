"""Train 1, get 10: a snapshot ensemble on three blobs, and what it does and does not buy.

One net with 50 hidden units is trained on 100 rows under a learning rate that falls ten times from
0.01 to nearly 0. The weights at the ends of the ten cycles are the members; the script shows how
good each is alone and how good the mean of the last m is, first for one seed, then for many.

What one learns, from 20 seeds (weights and order of the rows drawn anew, rows the same; OUTCOME):

The blobs overlap, and a line drawn a little elsewhere costs as much as it gains. The average
cannot be more often right here; it is less sure where it is wrong, which the NLL sees. The table of
a single seed shows up to a per cent between its rows: the best row of such a table is luck.

    python blobs_tutorial.py --figure blobs.png
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import make_blobs
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.metrics import accuracy_score, log_loss

from skensemble import NetClassifier, SnapshotEnsembleClassifier

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
        max_epochs=max_epochs,
        batch_size=32,
        optimizer__momentum=0.9,
        optimizer__nesterov=False,
        optimizer__weight_decay=0.0,
    )
    return SnapshotEnsembleClassifier(net, M=M, alpha_zero=0.01, random_state=random_state)


def score(probas, y):
    """Give accuracy and NLL of each of some predictions, as an array of shape (n, 2)."""
    return np.array([(accuracy_score(y, p.argmax(axis=1)), log_loss(y, p)) for p in probas])


def print_one_run(single, ensemble):
    """Print, for each m, the member that joins and the ensemble of the last m."""
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
    # Half a per cent is noise: leave room around the points, that they do not look like more.
    axes[0, 1].set_ylim(0.75, 0.87)
    axes[0, 1].legend()
    draw_surface(axes[1, 1], fitted, X, y)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_schedule(ax, fitted):
    """Draw the learning rate of each step, and the steps after which members were taken."""
    steps = fitted.snapshot_steps_
    ax.plot(np.arange(1, fitted.n_steps_ + 1), fitted.learning_rates_, lw=1)
    ax.plot(steps, fitted.learning_rates_[steps - 1], "v", color="tab:red", label="snapshot")
    ax.set(xlabel="optimizer step", ylabel="learning rate")
    ax.legend(loc="upper right", framealpha=1)


def draw_scores(ax, single, ensemble, name):
    """Draw one score of the members alone and of the ensembles, over m."""
    m = np.arange(1, M + 1)
    ax.plot(m, single[::-1], "o", color="grey", label="member that joins, alone")
    ax.plot(m, ensemble, "-s", color="tab:red", label="mean of the last m")
    ax.set(xlabel="m", ylabel=name, xticks=m)


def draw_surface(ax, fitted, X, y):
    """Draw the ensemble's probabilities over the plane, and the rows it was trained on."""
    DecisionBoundaryDisplay.from_estimator(
        fitted, X, response_method="predict_proba", multiclass_colors=COLOURS, alpha=0.6, ax=ax
    )
    for label, colour in enumerate(COLOURS):
        rows = X[y == label]
        ax.scatter(*rows.T, color=colour, edgecolor="black", lw=0.5, s=25)
    ax.set(xlabel="feature 1", ylabel="feature 2")


def evaluate_seed(max_epochs, seed):
    """Train with one seed; give accuracy and NLL of the last 1, 2, ... members, (M, 2)."""
    X_train, X_test, y_train, y_test = load_blobs()
    fitted = make_ensemble(max_epochs, seed).fit(X_train, y_train)
    return score(fitted.staged_predict_proba(X_test), y_test)


def standard_error(values):
    """Standard error of the mean over seeds, the first axis."""
    return values.std(axis=0, ddof=1) / np.sqrt(len(values))


def print_repeats(scores):
    """Print mean and spread over seeds, and whether the gain over the last snapshot is noise."""
    mean, spread = scores.mean(axis=0), scores.std(axis=0, ddof=1)
    print(f"{'m':>3} {'accuracy':>17} {'NLL':>19}")
    for m in range(1, M + 1):
        columns = zip(mean[m - 1], spread[m - 1], strict=True)
        (accuracy, accuracy_std), (nll, nll_std) = columns
        print(f"{m:3} {accuracy:9.4f} +- {accuracy_std:.4f} {nll:10.4f} +- {nll_std:.4f}")
    # Pairs: both are from the same training, so most of the spread between seeds cancels.
    difference = scores[:, -1] - scores[:, 0]
    gains = zip(difference.mean(axis=0), standard_error(difference), strict=True)
    print(f"\nMean of all {M} minus last snapshot, in pairs (+- is the standard error):")
    for name, (gain, error) in zip(["accuracy", "NLL"], gains, strict=True):
        size = abs(gain) / error
        verdict = "no more than noise" if size < 2 else "not noise"
        print(f"{name:>8} {gain:+.4f} +- {error:.4f}, {size:.1f} standard errors: {verdict}")


def main(argv=None):
    """Train once and look closely, then train with many seeds and look honestly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, default=Path("blobs_tutorial.png"), metavar="PATH")
    parser.add_argument("--seeds", type=int, default=20, help="trainings in the second part, >= 2")
    parser.add_argument("--epochs", type=int, default=500, help="epochs of a training")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time")
    args = parser.parse_args(argv)
    if args.seeds < 2:
        parser.error(f"--seeds must be at least 2 to have a spread, got {args.seeds}")

    X_train, X_test, y_train, y_test = load_blobs()
    fitted = make_ensemble(args.epochs, 0).fit(X_train, y_train)
    single = score(fitted.member_predict_proba(X_test), y_test)
    ensemble = score(fitted.staged_predict_proba(X_test), y_test)
    print(f"One training of {args.epochs} epochs, seed 0:")
    print_one_run(single, ensemble)
    draw(fitted, X_train, y_train, single, ensemble, args.figure)
    print(f"Figure: {args.figure.resolve()}")

    tasks = (delayed(evaluate_seed)(args.epochs, seed) for seed in range(args.seeds))
    scores = np.array(Parallel(n_jobs=args.jobs)(tasks))
    print(f"\n{args.seeds} trainings, mean of the last m (+- is the standard deviation):")
    print_repeats(scores)


if __name__ == "__main__":
    main()
