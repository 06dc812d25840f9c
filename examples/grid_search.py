"""Search the settings of a snapshot ensemble in a pipeline, with all nets trained together.

A snapshot ensemble is a scikit-learn classifier: it works in a `Pipeline`, and `GridSearchCV`
reaches its parameters and, nested, those of its net. `LockstepGridSearchCV` can replace
`GridSearchCV`. It gives the same scores, and trains the nets of all candidates and folds together.
The script searches on one half of the digits. Cross-validation on the other half, which the search
has never seen, shows whether the search was worth it.

What you learn, measured:

* `alpha_zero` is worth a search: at 0.3 the held-out NLL is 0.36 or more, and at 0.03 and 0.1 it is
  0.18 to 0.19. These two are close, although the search has to call one of them the best. One cycle
  does as well here as five.
* On new rows, the best of the grid has an NLL of 0.129 and the untouched default 0.130. The
  difference, 0.001 +- 0.005 over five folds, is noise: here a search on 900 rows gains nothing.
* The scores of both searches agree up to rounding, with one exception. One cycle from 0.3 is close
  to divergence, which can amplify the last bit of a float into a different net.
* `m` does not belong in the grid of a `GridSearchCV`, where each value would cost a training. After
  one `fit`, `staged_score` gives the scores for all m in milliseconds, and `set_params` sets one.
  In lock-step, candidates that differ only in `m` share a training.

    python grid_search.py
"""

import argparse
import time

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skensemble import LockstepGridSearchCV, NetClassifier, SnapshotEnsembleClassifier

# A parameter of the net is one level deeper, such as "ensemble__estimator__batch_size".
GRID = {"ensemble__M": [1, 5], "ensemble__alpha_zero": [0.03, 0.1, 0.3]}


def make_pipeline(ensemble):
    """Put a scaler before an ensemble, under names short enough for a grid."""
    return Pipeline([("scale", StandardScaler()), ("ensemble", ensemble)])


def make_ensemble(max_epochs):
    """Set up the ensemble to search, with all settings that the search does not change."""
    net = NetClassifier(
        module__hidden_units=100,
        module__activation="relu",
        max_epochs=max_epochs,
        batch_size=32,
        optimizer__momentum=0.9,
        optimizer__nesterov=True,
        optimizer__weight_decay=1e-4,
    )
    return SnapshotEnsembleClassifier(net, random_state=0)


def search_both_ways(pipeline, X, y):
    """Search with scikit-learn and in lock-step, print the times, and return the second search."""
    options = {"cv": 3, "scoring": "neg_log_loss", "refit": False}
    scores = []
    for make_search in (GridSearchCV, LockstepGridSearchCV):
        start = time.perf_counter()
        search = make_search(pipeline, GRID, **options).fit(X, y)
        print(f"{make_search.__name__:20} {time.perf_counter() - start:5.1f} s")
        scores.append(search.cv_results_["mean_test_score"])
    is_calm = np.array([p["ensemble__alpha_zero"] < 0.3 for p in search.cv_results_["params"]])
    difference = np.abs(scores[0] - scores[1])[is_calm].max()
    print(f"largest difference of a score, alpha_zero below 0.3: {difference:.1g}")
    for group in search.lockstep_report_.groups:
        print(f"{group['n_nets']} nets were trained as one ({group['engine']})")
    return search


def print_search(results):
    """Print the grid with its scores, best first."""
    print(f"{'M':>3} {'alpha_zero':>11} {'held-out NLL':>13}")
    for k in np.argsort(-results["mean_test_score"]):
        M, alpha_zero = (results["params"][k][name] for name in GRID)
        print(f"{M:3} {alpha_zero:11} {-results['mean_test_score'][k]:13.4f}")


def best_of(search):
    """Return the index of the candidate with the best mean score."""
    return int(np.argmax(search.cv_results_["mean_test_score"]))


def print_comparison(best, default, X, y, n_jobs):
    """Cross-validate both on the same folds of rows that the search has not seen."""
    options = {"cv": 5, "scoring": "neg_log_loss", "n_jobs": n_jobs}
    best_nll = -cross_val_score(best, X, y, **options)
    default_nll = -cross_val_score(default, X, y, **options)
    difference = best_nll - default_nll
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    print(f"best of the grid   NLL {best_nll.mean():.4f}")
    print(f"untouched default  NLL {default_nll.mean():.4f}")
    print(f"difference         NLL {difference.mean():+.4f} +- {error:.4f} (standard error)")


def print_stages(pipeline, X_train, X_test, y_train, y_test):
    """Train five members once, then score every m."""
    start = time.perf_counter()
    pipeline.set_params(ensemble__M=5).fit(X_train, y_train)
    print(f"fit of M=5: {time.perf_counter() - start:.2f} s")

    start = time.perf_counter()
    scores = pipeline["ensemble"].staged_score(pipeline["scale"].transform(X_test), y_test)
    print(f"staged_score: {time.perf_counter() - start:.3f} s for the accuracy at every m")
    print("  " + "  ".join(f"m={m}: {score:.4f}" for m, score in enumerate(scores, start=1)))

    start = time.perf_counter()
    score = pipeline.set_params(ensemble__m=2).score(X_test, y_test)
    print(f"set_params(m=2) and score: {time.perf_counter() - start:.3f} s, accuracy {score:.4f}")


def main(argv=None):
    """Search on one half, compare on the other, and look at m."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30, help="epochs of a training")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time")
    args = parser.parse_args(argv)

    X, y = load_digits(return_X_y=True)
    X_search, X_new, y_search, y_new = train_test_split(
        X, y, test_size=0.5, random_state=0, stratify=y
    )
    pipeline = make_pipeline(make_ensemble(args.epochs))
    print(f"Search over {len(X_search)} digits, {args.epochs} epochs a training:")
    search = search_both_ways(pipeline, X_search, y_search)
    print_search(search.cv_results_)
    best = clone(pipeline).set_params(**search.cv_results_["params"][best_of(search)])

    print(f"\n5-fold cross-validation on {len(X_new)} digits new to the search:")
    default = make_pipeline(SnapshotEnsembleClassifier(random_state=0))
    print_comparison(clone(best), default, X_new, y_new, args.jobs)

    print("\nOne training gives all m, the number of last members in the mean:")
    print_stages(clone(best), X_search, X_new, y_search, y_new)


if __name__ == "__main__":
    main()
