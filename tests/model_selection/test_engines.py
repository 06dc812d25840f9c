"""scikit-learn's own search on engines of several processes, held against one process."""

import os
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from joblib import Parallel, cpu_count, delayed, parallel_config
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skensemble import NetClassifier, SnapshotEnsembleClassifier

pytestmark = pytest.mark.slow

N_WORKERS = 2
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def make_search():
    """Set up a search that also notes the process of each fit."""
    net = NetClassifier(module__hidden_units=(8,), max_epochs=24, batch_size=32, device="cpu")
    model = make_pipeline(StandardScaler(), SnapshotEnsembleClassifier(net, random_state=0))
    grid = {"snapshotensembleclassifier__M": [2, 4]}
    # A lambda travels by value: the workers cannot import this file.
    scoring = {"nll": "neg_log_loss", "process": lambda model, X, y: os.getpid()}
    return GridSearchCV(model, grid, scoring=scoring, refit="nll", cv=3)


def splits(search, name):
    return np.array([search.cv_results_[f"split{k}_test_{name}"] for k in range(3)])


def assert_same_scores_from_elsewhere(search, data):
    sequential = make_search().fit(*data)
    np.testing.assert_array_equal(splits(search, "nll"), splits(sequential, "nll"))
    proba = search.predict_proba(data[0])
    np.testing.assert_array_equal(proba, sequential.predict_proba(data[0]))
    assert os.getpid() not in splits(search, "process")


def threads_of_tasks():
    """Give torch's number of threads in some tasks of the engine that is set."""
    return Parallel()(delayed(torch.get_num_threads)() for _ in range(2 * N_WORKERS))


def fits_the_cores(n_threads):
    return N_WORKERS * n_threads <= max(N_WORKERS, cpu_count())


@pytest.fixture(scope="module")
def cluster():
    """Start a dask cluster of processes from a shell that sets no number of threads."""
    if find_spec("distributed") is None:
        pytest.skip("dask is not installed")
    from dask.distributed import Client, LocalCluster

    with pytest.MonkeyPatch.context() as patch:
        for name in THREAD_VARIABLES:
            patch.delenv(name, raising=False)
        # dask warns where another cluster has the usual port.
        cluster = LocalCluster(
            n_workers=N_WORKERS, threads_per_worker=1, processes=True, dashboard_address=":0"
        )
    with cluster, Client(cluster) as client:
        yield client


def test_a_search_on_loky_has_the_scores_of_one_process(iris):
    with parallel_config(backend="loky", n_jobs=N_WORKERS, inner_max_num_threads=1):
        search = make_search().fit(*iris)
    assert_same_scores_from_elsewhere(search, iris)


def test_a_search_on_dask_has_the_scores_of_one_process(cluster, iris):
    with parallel_config(backend="dask"):
        search = make_search().fit(*iris)
    assert_same_scores_from_elsewhere(search, iris)
    assert set(splits(search, "process").ravel()) <= set(cluster.run(os.getpid).values())


def test_the_threads_of_loky_are_no_more_than_the_cores(monkeypatch):
    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with parallel_config(backend="loky", n_jobs=N_WORKERS):
        assert all(map(fits_the_cores, threads_of_tasks()))


def test_loky_can_be_told_to_overrule_the_shell(monkeypatch):
    for name in THREAD_VARIABLES:
        monkeypatch.setenv(name, str(cpu_count()))
    with parallel_config(backend="loky", n_jobs=N_WORKERS, inner_max_num_threads=1):
        assert set(threads_of_tasks()) == {1}


def test_a_worker_of_dask_has_one_thread(cluster):
    with parallel_config(backend="dask"):
        assert set(threads_of_tasks()) == {1}
