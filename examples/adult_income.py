"""Mixed columns, missing values, labels as text: incomes from the census of 1994.

A DataFrame goes in and text comes out. The pipeline turns the eight columns of text into a sparse
matrix of zeros and ones, in which a missing value is a category of its own. It standardises the six
columns of numbers, and trains on the sparse rows as they are.

What you learn, measured with seed 0 on 8,141 test rows: boosted trees win.

    single net, one cycle   accuracy 0.853, NLL 0.316
    mean of 5 snapshots     accuracy 0.852, NLL 0.313
    boosted trees           accuracy 0.872, NLL 0.284, in a fraction of the time

The mean is a little better than the single net in NLL, and not better in accuracy. On tables of
mixed columns, try trees first.

    python adult_income.py adult.csv.xz

PATH is the CSV of UCI adult (Kohavi, 1996) with a header: 14 columns and `Salary`.
"""

import argparse
import time
from pathlib import Path

import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skensemble import NetClassifier, SnapshotEnsembleClassifier


def load_incomes(path):
    """Read the people and split them 75/25; `?` marks a missing value."""
    table = pd.read_csv(path, skipinitialspace=True, na_values="?")
    salaries = table.pop("Salary")
    return train_test_split(table, salaries, test_size=0.25, random_state=0, stratify=salaries)


def make_columns():
    """Set up the columns: text to zeros and ones, numbers standardised."""
    return make_column_transformer(
        # A missing value becomes a category; a category that only new rows have becomes all zeros.
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
        (StandardScaler(), make_column_selector(dtype_include="number")),
    )


def make_ensemble(M, epochs, seed):
    """Set up the columns and a net of 64 hidden units, trained in M cycles."""
    net = NetClassifier(
        module__hidden_units=64,
        module__activation="relu",
        max_epochs=epochs,
        batch_size=128,
        optimizer__momentum=0.9,
        optimizer__nesterov=True,
        optimizer__weight_decay=1e-4,
    )
    return make_pipeline(
        make_columns(),
        SnapshotEnsembleClassifier(net, M=M, alpha_zero=0.1, random_state=seed),
    )


def make_boosting(seed):
    """Set up the boosted trees, which need neither scaling nor zeros and ones."""
    return HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)


def with_categories(table):
    """Return a table whose columns of text have the dtype that trees read categories from."""
    return table.astype(dict.fromkeys(table.select_dtypes(exclude="number"), "category"))


def evaluate(name, model, data):
    """Fit and score a model, and print its row."""
    X_train, X_test, y_train, y_test = data
    start = time.perf_counter()
    proba = model.fit(X_train, y_train).predict_proba(X_test)
    seconds = time.perf_counter() - start
    accuracy = accuracy_score(y_test, model.classes_[proba.argmax(axis=1)])
    nll = log_loss(y_test, proba, labels=model.classes_)
    print(f"{name:26} {accuracy:9.4f} {nll:8.4f} {seconds:8.1f}")
    return nll


def main(argv=None):
    """Train a net, an ensemble and boosted trees, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, metavar="PATH", help="adult.csv, or .csv.xz")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of each net")
    parser.add_argument("--cycles", type=int, default=5, help="cycles M, and members")
    parser.add_argument("--seed", type=int, default=0, help="of weights and order of the rows")
    args = parser.parse_args(argv)
    if not args.path.is_file():
        parser.error(f"PATH must be a file, got {args.path}")

    data = X_train, X_test, y_train, y_test = load_incomes(args.path)
    print(f"{len(X_train)} training rows, {X_train.isna().sum().sum()} values missing")
    print(f"{'':26} {'accuracy':>9} {'NLL':>8} {'seconds':>8}")
    single = make_ensemble(1, args.epochs, args.seed)
    ensemble = make_ensemble(args.cycles, args.epochs, args.seed)
    boosting = make_boosting(args.seed)
    categories = with_categories(pd.concat([X_train, X_test]))
    as_categories = (categories.loc[X_train.index], categories.loc[X_test.index], y_train, y_test)
    nlls = {
        "the single net": evaluate("single net, one cycle", single, data),
        "the ensemble": evaluate(f"mean of {args.cycles} snapshots", ensemble, data),
        "boosted trees": evaluate("boosted trees", boosting, as_categories),
    }
    print(f"Least NLL: {min(nlls, key=nlls.get)}.")
    print(f"First test rows: {ensemble.predict(X_test[:5]).tolist()}")


if __name__ == "__main__":
    main()
