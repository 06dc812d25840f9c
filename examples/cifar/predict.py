"""Compare what `train.py` has trained: the best snapshot, equal weights, fitted weights.

    python predict.py --data cifar10-jpeg.tar.xz --model wrn --wrn_N 2 --wrn_k 4

The three columns of titu1994's Snapshot-Ensembles, without the test images in what is chosen: the
best snapshot is that with the highest accuracy on held-out training images, and fitted weights have
the least log-loss there. That repository took the best epoch by the test images, fitted weights on
the images that the nets had learnt from, and kept the fit with the best accuracy on the test
images; its columns are those of other nets, too (see `train.py`).

Its options are taken: `--optimize -1` prints equal weights only, `--optimize 0` or `1` fitted
weights only. There, 1 searches for the weights that 0 takes from a file; here `train.py` has found
them. `--num_tests`, there the number of starts of that search, does nothing: the log-loss is convex
in the weights, and one start finds the least.
"""

import argparse
from pathlib import Path
from pickle import UnpicklingError

import joblib
import numpy as np
from _shared import add_data_options, add_net_options, net_name, read_split
from sklearn.metrics import log_loss

BEST, EQUAL, FITTED = (
    "best snapshot by held-out images",
    "equal weights",
    "weights fitted on held-out images",
)
COLUMNS = {None: (BEST, EQUAL, FITTED), -1: (EQUAL,), 0: (FITTED,), 1: (FITTED,)}
"""What is printed, by `--optimize`."""


def parse_arguments(argv):
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--optimize",
        type=int,
        choices=(-1, 0, 1),
        help="print one line only: -1 equal weights, 0 or 1 fitted weights",
    )
    parser.add_argument("--num_tests", type=int, help="does nothing: one start finds the weights")
    add_net_options(parser)
    add_data_options(parser, required=True)
    parser.add_argument("--weights", type=Path, metavar="FILE", help="(the net's name).joblib")
    args = parser.parse_args(argv)
    args.weights = args.weights or Path(f"{net_name(args)}.joblib")
    if not args.weights.is_file():
        parser.error(f"--weights must be a file that train.py has written, got {args.weights}")
    if not args.data.exists():
        parser.error(f"--data must be a file or a folder, got {args.data}")
    return parser, args


def weights_of_columns(ensemble, y_val, proba_val):
    """Give the weights of each column, from the members' probabilities of held-out images."""
    right = ensemble.classes_[proba_val.argmax(axis=-1)] == y_val
    best = right.mean(axis=1).argmax()
    n_members = len(proba_val)
    return {
        BEST: np.eye(n_members)[best],
        EQUAL: np.full(n_members, 1 / n_members),
        FITTED: ensemble.set_params(weights="validation").weights_,
    }


def score(classes, y, proba):
    """Return the accuracy in per cent and the log-loss in nats."""
    accuracy = 100 * (classes[proba.argmax(axis=1)] == y).mean()
    return accuracy, log_loss(y, proba / proba.sum(axis=1, keepdims=True), labels=classes)


def main(argv=None):
    """Read the ensemble and the images that it was trained beside, and print the columns."""
    parser, args = parse_arguments(argv)
    try:
        stored = joblib.load(args.weights)
        ensemble, images = stored["ensemble"], stored["images"]
    except (
        UnpicklingError,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
        ImportError,
        AttributeError,
    ):
        parser.error(f"--weights must be a file that train.py has written, got {args.weights}")
    try:
        split = read_split(args.data, args.reader, args.cache, **images)
        proba_val, proba = (
            ensemble.member_predict_proba(X).astype(np.float64) for X in (split.X_val, split.X_test)
        )
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))
    print(
        f"{len(proba)} snapshots; {len(split.y_val)} held-out and {len(split.y_test)} test images"
    )
    print(f"{'':36} {'accuracy %':>10} {'log-loss':>9}  weights")
    for column, weights in weights_of_columns(ensemble, split.y_val, proba_val).items():
        if column in COLUMNS[args.optimize]:
            accuracy, loss = score(
                ensemble.classes_, split.y_test, np.tensordot(weights, proba, axes=1)
            )
            shown = " ".join(f"{weight:.2f}" for weight in weights)
            print(f"{column:36} {accuracy:10.2f} {loss:9.4f}  {shown}")


if __name__ == "__main__":
    main()
