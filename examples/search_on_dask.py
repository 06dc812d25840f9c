"""Search the settings of a snapshot ensemble on the workers of a dask cluster.

Nothing of it belongs to skensemble: `GridSearchCV` hands its fits to joblib, and joblib hands them
to whatever runs behind ``parallel_config(backend="dask")``. Here that is a cluster of processes on
this machine; with ``Client("scheduler-address:8786")`` it is any other one.

* A worker is a process of one thread. Two fits in one process would share torch's random state,
  and torch would take as many threads for each as the machine has cores.
* With ``--gpus`` each worker sees one GPU only, and `device="auto"` takes it.
* Scores are those of the same search without a cluster, to the last bit on the same kind of CPU.

Needs dask and distributed: ``pip install "skensemble[dask]"``. Begin with OMP_NUM_THREADS=1 where
the shell sets another number: the workers take it over.

    python search_on_dask.py --workers 2
    python search_on_dask.py --gpus 0 1
"""

import argparse
import os
import time

import numpy as np
import torch
from joblib import cpu_count, parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skensemble import NetClassifier, SnapshotEnsembleClassifier

GRID = {"ensemble__M": [1, 5], "ensemble__alpha_zero": [0.03, 0.1, 0.3]}


def start_cluster(n_workers, gpus):
    """Start a process for each GPU, or for each worker that is asked for."""
    from dask.distributed import LocalCluster, Nanny, Scheduler, SpecCluster

    if not gpus:
        return LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None)
    # A LocalCluster gives all its workers the same environment.
    environments = [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in gpus]
    workers = [{"cls": Nanny, "options": {"nthreads": 1, "env": env}} for env in environments]
    scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "dashboard_address": None}}
    return SpecCluster(dict(enumerate(workers)), scheduler)


def resources():
    """Tell what torch takes in the process that runs this."""
    return torch.get_num_threads(), os.environ.get("CUDA_VISIBLE_DEVICES", "not set")


def make_search(max_epochs):
    """Set up the search, which knows nothing of where it runs."""
    net = NetClassifier(module__hidden_units=100, max_epochs=max_epochs, batch_size=32)
    ensemble = SnapshotEnsembleClassifier(net, random_state=0)
    pipeline = Pipeline([("scale", StandardScaler()), ("ensemble", ensemble)])
    return GridSearchCV(pipeline, GRID, cv=3, scoring="neg_log_loss")


def main(argv=None):
    """Search on a cluster of this machine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30, help="epochs of a training")
    parser.add_argument("--workers", type=int, default=2, help="processes of the cluster")
    parser.add_argument("--gpus", nargs="+", default=[], help="one worker for each of these GPUs")
    args = parser.parse_args(argv)
    try:
        from dask.distributed import Client
    except ImportError:
        parser.error('dask is missing: pip install "skensemble[dask]"')

    X, y = load_digits(return_X_y=True)
    search = make_search(args.epochs)
    with start_cluster(args.workers, args.gpus) as cluster, Client(cluster) as client:
        for k, (n_threads, gpu) in enumerate(client.run(resources).values()):
            print(f"worker {k}: torch threads {n_threads}, CUDA_VISIBLE_DEVICES {gpu}")
        print(f"cores: {cpu_count()}")
        start = time.perf_counter()
        with parallel_config(backend="dask"):
            search.fit(X, y)
    n_fits = len(search.cv_results_["params"]) * search.n_splits_
    print(f"\n{n_fits} fits and the last one: {time.perf_counter() - start:.1f} s")
    print(f"{'M':>3} {'alpha_zero':>11} {'held-out NLL':>13}")
    for k in np.argsort(-search.cv_results_["mean_test_score"]):
        M, alpha_zero = (search.cv_results_["params"][k][name] for name in GRID)
        print(f"{M:3} {alpha_zero:11} {-search.cv_results_['mean_test_score'][k]:13.4f}")


if __name__ == "__main__":
    main()
