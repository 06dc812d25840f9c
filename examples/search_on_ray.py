"""Search the settings of a snapshot ensemble on the workers of a ray cluster.

ray is not a dependency of skensemble, and our tests do not cover it. If ray is not installed, this
example says what to install, and ends.

* Set ``n_jobs``: without it, joblib's ray backend runs one fit after the other.
* With ``--gpus-per-worker`` ray lets each worker see that number of GPUs, and `device="auto"` uses
  the first. ray knows how many GPUs there are, and starts no more workers than it has GPUs for.

    pip install ray
    OMP_NUM_THREADS=1 python search_on_ray.py --workers 2
    OMP_NUM_THREADS=1 python search_on_ray.py --workers 2 --gpus-per-worker 1
"""

import argparse
import time

import numpy as np
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skensemble import NetClassifier, SnapshotEnsembleClassifier

try:
    import ray
    from ray.util.joblib import register_ray
except ImportError:
    ray = None

GRID = {"ensemble__M": [1, 5], "ensemble__alpha_zero": [0.03, 0.1]}


def make_search(max_epochs):
    """Set up a search that does not know where it will run."""
    net = NetClassifier(module__hidden_units=100, max_epochs=max_epochs, batch_size=32)
    ensemble = SnapshotEnsembleClassifier(net, random_state=0)
    pipeline = Pipeline([("scale", StandardScaler()), ("ensemble", ensemble)])
    return GridSearchCV(pipeline, GRID, cv=3, scoring="neg_log_loss")


def print_search(results):
    """Print the grid with its scores, best first."""
    print(f"{'M':>3} {'alpha_zero':>11} {'held-out NLL':>13}")
    for k in np.argsort(-results["mean_test_score"]):
        M, alpha_zero = (results["params"][k][name] for name in GRID)
        print(f"{M:3} {alpha_zero:11} {-results['mean_test_score'][k]:13.4f}")


def main(argv=None):
    """Start ray on this machine and search on it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10, help="epochs of a training")
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time")
    parser.add_argument("--gpus-per-worker", type=float, default=0, help="a share, or whole ones")
    args = parser.parse_args(argv)
    if ray is None:
        print("This example needs ray, which is not installed: pip install ray")
        return

    X, y = load_digits(return_X_y=True)
    # To use a cluster that is already running: ray.init(address="auto").
    ray.init(num_cpus=args.workers, include_dashboard=False)
    register_ray()
    # Each worker counts as one core.
    needs = {"num_cpus": 1, "num_gpus": args.gpus_per_worker}
    start = time.perf_counter()
    with parallel_config(backend="ray", n_jobs=args.workers, ray_remote_args=needs):
        search = make_search(args.epochs).fit(X, y)
    print(f"Search on {args.workers} workers: {time.perf_counter() - start:.1f} s")
    print_search(search.cv_results_)
    ray.shutdown()


if __name__ == "__main__":
    main()
