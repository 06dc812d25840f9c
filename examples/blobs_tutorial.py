"""Train 1, get 10: a snapshot ensemble on three blobs, and what it does and does not gain.

One net with 50 hidden units is trained on 100 rows under a learning rate that falls ten times from
0.01 to nearly 0. The weights at the ends of the ten cycles are the members. The script shows how
good each member is by itself, how good the mean of the last m members is, and what weights do that
are fitted to 200 rows which no net has seen: for one seed, then for twenty.

What you learn, from 20 seeds for weights and order, with the same rows in all:

* The last snapshot is right for 0.809 of the 1,000 test rows, the mean of all ten for 0.813. The
  difference, 0.004 +- 0.003, is within the noise: the blobs overlap, and a slightly different
  border wins about as many rows as it loses.
* The NLL falls from 0.501 to 0.451 nats, by 0.049 +- 0.010. That is not noise: the mean is less
  sure where it is wrong.
* The last snapshot is an easy opponent. From the first cycle to the last the NLL of the 100
  training rows falls from 0.398 to 0.286, and that of the test rows rises from 0.446 after the
  second cycle to 0.501 after the tenth: the net over-fits 100 rows, and early members are better
  calibrated. The best single member, picked by the 200 held-out rows, has 0.443, and beats the mean
  of all ten by 0.008 +- 0.003.
* Weights that are fitted to these rows give 0.441, by 0.003 +- 0.001 less than the member that they
  pick. They stand on the first five cycles; of the last five each has 0.03 at most.
* The same 200 rows are worth more in the training: on all 300 the mean of all ten has 0.419, and an
  accuracy of 0.831. So held-out rows for weights pay where they can be spared; where they cannot,
  a cross-fitted ensemble trains on all of them and holds out by turns.
* In the table of one seed the rows differ by one per cent in accuracy. Its best row is luck.

    python blobs_tutorial.py --figure blobs.png
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.inspection import DecisionBoundaryDisplay

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.displays import ScheduleDisplay
from skensemble.model_selection import fit_over_seeds
from skensemble.weighting import log_loss_weights

M = 10
N_TRAIN = 100
N_HELD_OUT = 200
CLASSES = ["#56B4E9", "#E69F00", "#009E73"]
MEMBER, MEAN, FITTED = "#0072B2", "#D55E00", "#009E73"


def load_blobs():
    """Draw the tutorial's 1,100 rows, 100 to train on and 1,000 to test on, and 200 held out.

    Returns
    -------
    train, test, held_out : tuples of rows and labels
        The held-out rows are drawn from the same three blobs, and only fit weights of members.
    """
    X, y, centers = make_blobs(
        1100, centers=3, n_features=2, cluster_std=2, random_state=2, return_centers=True
    )
    held_out = make_blobs(N_HELD_OUT, centers=centers, cluster_std=2, random_state=3)
    return (X[:N_TRAIN], y[:N_TRAIN]), (X[N_TRAIN:], y[N_TRAIN:]), held_out


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


def evaluate(fitted, test, train, held_out):
    """Score all that one training gives.

    Returns
    -------
    scores : dict of ndarray of shape (n, 2, n_rows)
        Accuracy and NLL of each row: of the single members on test and training rows, oldest first;
        of the mean of the last 1, 2, ..., M members; of the member that is best on the held-out
        rows, and of the mean with weights that are fitted to those.
    weights : ndarray of shape (M,)
    """
    (X, y), (X_train, y_train), (X_held, y_held) = test, train, held_out
    members = fitted.member_predict_proba(X).astype(float)
    on_held_out = fitted.member_predict_proba(X_held)
    weights = log_loss_weights(on_held_out, y_held)
    best = score_rows(on_held_out, y_held)[:, 1].mean(axis=1).argmin()
    scores = {
        "single": score_rows(members, y),
        "train": score_rows(fitted.member_predict_proba(X_train), y_train),
        "last m": score_rows(fitted.staged_predict_proba(X), y),
        "picked": score_rows(members[[best]], y),
        "weighted": score_rows([np.tensordot(weights, members, axes=1)], y),
    }
    return scores, weights


def print_one_run(single, ensemble):
    """Print, for each m, the scores of the member that joins, and of the mean of the last m."""
    print(f"{'':3} {'member that joins, alone':>26} {'mean of the last m':>21}")
    print(f"{'m':>3} {'member':>8} {'accuracy':>9} {'NLL':>7} {'accuracy':>13} {'NLL':>7}")
    for m in range(1, M + 1):
        k = M - m
        accuracy, nll = single[k]
        accuracy_m, nll_m = ensemble[m - 1]
        print(f"{m:3} {k + 1:8} {accuracy:9.3f} {nll:7.4f} {accuracy_m:13.3f} {nll_m:7.4f}")


def print_repeats(single, ensemble):
    """Print means and spreads over the trainings, for scores of shape (seeds, M, 2)."""
    alone, mean, spread = single.mean(axis=0), ensemble.mean(axis=0), ensemble.std(axis=0, ddof=1)
    print(f"{'':3} {'member that joins, alone':>26} {'mean of the last m':>35}")
    print(f"{'m':>3} {'member':>8} {'accuracy':>9} {'NLL':>7} {'accuracy':>17} {'NLL':>17}")
    for m in range(1, M + 1):
        accuracy, nll = alone[M - m]
        cells = [f"{a:9.4f} +- {b:.4f}" for a, b in zip(mean[m - 1], spread[m - 1], strict=True)]
        print(f"{m:3} {M - m + 1:8} {accuracy:9.4f} {nll:7.4f} {' '.join(cells)}")


def print_verdict(scores, weights, more_rows):
    """Print what each choice of members scores, and whether chance explains what it gains."""
    choices = {
        "last snapshot": scores["last m"][:, 0],
        f"mean of all {M}": scores["last m"][:, -1],
        "best member by held-out rows": scores["picked"][:, 0],
        "weights from held-out rows": scores["weighted"][:, 0],
        f"mean of all {M}, on all 300 rows": more_rows,
    }
    print(f"Test scores, and what is gained over the mean of all {M}, in pairs (+- is the standard")
    print("error, from the draw of the seeds and of the test rows):")
    print(f"{'':31} {'accuracy':>8} {'NLL':>7} {'accuracy gained':>19} {'NLL gained':>18}")
    for name, chosen in choices.items():
        accuracy, nll = chosen.mean(axis=(0, 2))
        gains = [
            f"{gain:+9.4f} +- {error:.4f}"
            for gain, error in zip(*gain_of(chosen, choices[f"mean of all {M}"]), strict=True)
        ]
        print(f"{name:31} {accuracy:8.4f} {nll:7.4f} {'   '.join(gains)}")
    print(f"Mean of all {M} minus the last snapshot:")
    gain = gain_of(choices[f"mean of all {M}"], choices["last snapshot"])
    for name, mean, error in zip(["accuracy", "NLL"], *gain, strict=True):
        verdict = "within the noise" if abs(mean) < 2 * error else "more than noise"
        print(f"{name:>8} {mean:+.4f} +- {error:.4f}: {verdict}")
    on_training_rows = scores["train"][:, :, 1].mean(axis=(0, 2))
    for name, values, form in [
        (f"NLL of members 1 to {M} on the training rows", on_training_rows, ".3f"),
        (f"Weights of members 1 to {M} from held-out rows", weights.mean(axis=0), ".2f"),
    ]:
        print(f"{name}: {' '.join(f'{value:{form}}' for value in values)}")


def gain_of(chosen, other):
    """Return mean and standard error of a difference of scores of shape (seeds, 2, rows)."""
    # In pairs: both are from one training and see the same rows, which cancels most of the noise.
    gains = chosen - other
    n_seeds, _, n_rows = gains.shape
    # Two things were drawn: the seeds and the test rows. Each adds its part to the variance.
    from_seeds = gains.mean(axis=2).var(axis=0, ddof=1) / n_seeds
    from_rows = gains.mean(axis=0).var(axis=1, ddof=1) / n_rows
    return gains.mean(axis=(0, 2)), np.sqrt(from_seeds + from_rows)


def draw(fitted, train, scores, path):
    """Draw one training's schedule and surface, and the scores of all trainings."""
    figure, axes = plt.subplots(2, 2, figsize=(10, 7.5), layout="constrained")
    ScheduleDisplay.from_estimator(fitted, ax=axes[0, 0])
    axes[0, 0].set_title("ten cycles, a snapshot at the end of each")
    draw_surface(axes[1, 1], fitted, *train)
    n_seeds = len(scores["single"])
    per_seed = {name: rows.mean(axis=-1) for name, rows in scores.items()}
    for column, name, ax in [(0, "accuracy", axes[0, 1]), (1, "NLL (nats)", axes[1, 0])]:
        of_column = {key: values[:, :, column] for key, values in per_seed.items()}
        draw_scores(ax, of_column, with_training_rows=column == 1)
        ax.set(title=f"test {name}, mean and spread of {n_seeds} trainings", ylabel=name)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_scores(ax, scores, *, with_training_rows):
    """Draw one score of single members, of means and of fitted weights, in order of time."""
    k = np.arange(1, M + 1)
    # The mean of the last m begins with member M - m + 1, and stands above that.
    # A little aside, so that no bar hides another.
    draw_spread(ax, k - 0.1, scores["single"], "o", MEMBER, "member k alone")
    means = scores["last m"][:, ::-1]
    draw_spread(ax, k + 0.1, means, "-s", MEAN, f"mean of members k to {M}")
    weighted = scores["weighted"].mean()
    label = f"weights from {N_HELD_OUT} held-out rows"
    ax.axhline(weighted, color=FITTED, linestyle="--", label=label)
    if with_training_rows:
        label = "member k alone, training rows"
        ax.plot(k, scores["train"].mean(axis=0), ":", color=MEMBER, label=label)
    ax.set(xlabel=f"k: cycle at whose end the member was taken (of {M})", xticks=k)
    ax.legend(fontsize="small")


def draw_spread(ax, x, values, style, colour, label):
    """Draw the mean of (seeds, n) values, and a bar of one standard deviation to each side."""
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
    ax.errorbar(x, mean, spread, fmt=style, color=colour, label=label, ms=5, capsize=2, lw=1.2)


def draw_surface(ax, fitted, X, y):
    """Draw the ensemble's probabilities over the plane, and the rows it was trained on."""
    DecisionBoundaryDisplay.from_estimator(
        fitted,
        X,
        response_method="predict_proba",
        grid_resolution=300,
        multiclass_colors=CLASSES,
        alpha=0.6,
        ax=ax,
    )
    for label, (colour, marker) in enumerate(zip(CLASSES, "o^s", strict=True)):
        rows = X[y == label]
        style = {"color": colour, "edgecolor": "black", "lw": 0.5, "s": 25, "marker": marker}
        ax.scatter(*rows.T, **style, label=f"class {label}")
    ax.set(title=f"mean of all {M}, training rows", xlabel="feature 1", ylabel="feature 2")
    ax.legend(fontsize="small")


def main(argv=None):
    """Train once and look closely, then train with many seeds and look honestly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, default=Path("blobs_tutorial.png"), metavar="PATH")
    parser.add_argument("--seeds", type=int, default=20, help="trainings in the second part, >= 2")
    parser.add_argument("--epochs", type=int, default=500, help="epochs of a training")
    args = parser.parse_args(argv)
    if args.seeds < 2:
        parser.error(f"--seeds must be at least 2 to have a spread, got {args.seeds}")

    train, test, held_out = load_blobs()
    fitted = make_ensemble(args.epochs, 0).fit(*train)
    one_run, _ = evaluate(fitted, test, train, held_out)
    print(f"One training of {args.epochs} epochs, seed 0:")
    print_one_run(one_run["single"].mean(axis=-1), one_run["last m"].mean(axis=-1))

    # All seeds train their nets together as one population, in a fraction of the time.
    repeats = fit_over_seeds(make_ensemble(args.epochs, 0), *train, seeds=args.seeds)
    all_rows = (np.concatenate(parts) for parts in zip(train, held_out, strict=True))
    with_more = fit_over_seeds(make_ensemble(args.epochs, 0), *all_rows, seeds=args.seeds)
    more_rows = np.array([score_rows([e.predict_proba(test[0])], test[1])[0] for e in with_more])
    found, weights = zip(*(evaluate(e, test, train, held_out) for e in repeats), strict=True)
    scores = {name: np.array([seed[name] for seed in found]) for name in one_run}
    print(f"\n{args.seeds} trainings (+- is the standard deviation between them):")
    print_repeats(scores["single"].mean(axis=-1), scores["last m"].mean(axis=-1))
    print()
    print_verdict(scores, np.array(weights), more_rows)
    draw(fitted, train, scores, args.figure)
    print(f"Figure: {args.figure.resolve()}")


if __name__ == "__main__":
    main()
