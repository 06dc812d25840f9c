"""Search the settings of a snapshot ensemble on the workers of a dask cluster.

skensemble does not know about dask: `GridSearchCV` gives its fits to joblib, and joblib gives them
to the cluster. Here the cluster is a set of processes on this machine. For any other cluster, write
``Client("address:8786")`` in place of ``Client(cluster)``.

* A worker is a process with one thread. Two threads would train two nets in one process, and both
  would draw from the same random state.
* With ``--gpus`` each worker sees one GPU, and `device="auto"` uses it.
* The scores are those of the same search without a cluster.

Set OMP_NUM_THREADS=1 in the shell: the workers use the setting of the shell.

    pip install "skensemble[dask]"
    OMP_NUM_THREADS=1 python search_on_dask.py --workers 2
    OMP_NUM_THREADS=1 python search_on_dask.py --workers 2 --gpus 0 1
"""

import argparse
import os
import sys
import time

import numpy as np
import torch
from joblib import cpu_count, parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skensemble import NetClassifier, SnapshotEnsembleClassifier

try:
    from dask.distributed import Client, LocalCluster, WorkerPlugin
except ImportError:
    sys.exit('dask is missing: pip install "skensemble[dask]"')

GRID = {"ensemble__M": [1, 5], "ensemble__alpha_zero": [0.03, 0.1]}


class OneGPU(WorkerPlugin):
    """Let each worker see one of some GPUs, also a worker that was restarted."""

    def __init__(self, gpus):
        self.gpus = gpus

    def setup(self, worker):
        """Choose by the number that a local cluster gives its worker as a name."""
        # CUDA reads the variable at its first call, which is in the first fit of the worker.
        os.environ["CUDA_VISIBLE_DEVICES"] = self.gpus[worker.name % len(self.gpus)]


def resources():
    """Return the threads and the GPUs that torch may use in the calling process."""
    return torch.get_num_threads(), os.environ.get("CUDA_VISIBLE_DEVICES", "not set")


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
    """Start a cluster, look at its workers and search on them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10, help="epochs of a training")
    parser.add_argument("--workers", type=int, default=2, help="processes of the cluster")
    parser.add_argument("--gpus", nargs="+", metavar="ID", help="GPUs to share out to the workers")
    args = parser.parse_args(argv)

    X, y = load_digits(return_X_y=True)
    # Another cluster on this machine may use the default port.
    options = {"threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(n_workers=args.workers, **options) as cluster, Client(cluster) as client:
        if args.gpus:
            client.register_plugin(OneGPU(args.gpus))
        for k, (n_threads, gpu) in enumerate(client.run(resources).values()):
            print(f"worker {k}: torch threads {n_threads}, CUDA_VISIBLE_DEVICES {gpu}")
        print(f"cores: {cpu_count()}")
        start = time.perf_counter()
        with parallel_config(backend="dask"):
            search = make_search(args.epochs).fit(X, y)
        print(f"\nSearch on the cluster: {time.perf_counter() - start:.1f} s")
    print_search(search.cv_results_)


# Each worker imports this file, and must not start another cluster.
if __name__ == "__main__":
    main()
