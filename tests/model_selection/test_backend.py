"""The joblib backend: what comes of its tasks, in which order, and when they run."""

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.lockstep import Report
from skensemble.model_selection import LockstepBackend

NET = NetClassifier(module__hidden_units=(8,), max_epochs=24, batch_size=32, device="cpu")
ENSEMBLE = SnapshotEnsembleClassifier(NET, M=2, random_state=0)


def test_anything_that_runs_through_joblib_can_use_the_backend(iris):
    backend = LockstepBackend()
    with parallel_config(backend=backend):
        scores = cross_val_score(ENSEMBLE, *iris, cv=4)
    assert scores.tolist() == cross_val_score(ENSEMBLE, *iris, cv=4).tolist()
    assert backend.report.groups == [{"engine": "closed form", "n_nets": 4, "n_fits": 4}]


def test_results_come_in_the_order_of_the_tasks():
    with parallel_config(backend=LockstepBackend()):
        assert Parallel()(delayed(pow)(k, 2) for k in range(7)) == [k**2 for k in range(7)]


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1])
def test_all_tasks_go_together_whatever_the_number_of_jobs(iris, n_jobs):
    report = Report()
    with parallel_config(backend=LockstepBackend(report=report)):
        Parallel(n_jobs=n_jobs)(
            delayed(clone(ENSEMBLE).set_params(random_state=k).fit)(*iris) for k in range(3)
        )
    assert [group["n_fits"] for group in report.groups] == [3]


def test_tasks_that_joblib_holds_back_run_too():
    with parallel_config(backend=LockstepBackend()):
        parallel = Parallel(pre_dispatch=2)
        assert parallel(delayed(pow)(k, 2) for k in range(9)) == [k**2 for k in range(9)]


def test_nothing_runs_before_a_result_is_asked_for():
    ran, told = [], []
    backend = LockstepBackend()
    tasks = [backend.submit(lambda k=k: ran.append(k) or k, told.append) for k in range(3)]
    assert ran == []
    assert backend.retrieve_result(tasks[1]) == 1
    assert ran == [0, 1, 2]
    assert told == [None] * 3
    assert [backend.retrieve_result(task) for task in tasks] == [0, 1, 2]
    assert ran == [0, 1, 2]


def test_tasks_that_are_given_up_never_run():
    ran = []
    backend = LockstepBackend()
    backend.submit(lambda: ran.append("given up"))
    backend.abort_everything()
    backend.retrieve_result(backend.submit(lambda: ran.append("run")))
    assert ran == ["run"]


def test_an_error_of_a_task_is_raised_where_its_result_is_asked_for():
    backend = LockstepBackend()
    bad, good = backend.submit(lambda: 1 / 0), backend.submit(lambda: 7)
    assert backend.retrieve_result(good) == 7
    with pytest.raises(ZeroDivisionError):
        backend.retrieve_result(bad)


def test_the_memory_is_that_of_the_backend(iris):
    backend = LockstepBackend(memory_bytes=1)
    with parallel_config(backend=backend):
        cross_val_score(ENSEMBLE, *iris, cv=3)
    assert not backend.report.groups
    assert sum(backend.report.alone.values()) == 3


def test_a_parallel_inside_a_task_runs_one_by_one():
    def inner():
        return type(Parallel()._backend).__name__, Parallel()(delayed(pow)(k, 2) for k in (2, 3))

    with parallel_config(backend=LockstepBackend()):
        assert Parallel()([delayed(inner)()]) == [("SequentialBackend", [4, 9])]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:.*non-finite:UserWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_search_within_a_search_outlives_candidates_that_fail(iris):
    X, y = iris[0][::2], iris[1][::2]
    ensemble = SnapshotEnsembleClassifier(
        clone(NET).set_params(batch_size=4, max_epochs=12), M=12, random_state=0
    )
    inner = GridSearchCV(ensemble, {"alpha_zero": [1e200, 0.1]}, cv=3, error_score=-9.0)
    scores = []
    for settings in ({}, {"backend": LockstepBackend()}):
        with parallel_config(**settings):
            found = cross_validate(inner, X, y, cv=2, return_estimator=True)
        scores.append([e.cv_results_["mean_test_score"].tolist() for e in found["estimator"]])
    assert np.allclose(*scores)


def test_tasks_share_the_memory_of_the_caller():
    seen = []
    with parallel_config(backend=LockstepBackend()):
        parallel = Parallel(require="sharedmem")
        assert isinstance(parallel._backend, LockstepBackend)
        parallel(delayed(seen.append)(k) for k in range(3))
    assert seen == [0, 1, 2]


def test_results_may_come_from_a_generator():
    with parallel_config(backend=LockstepBackend()):
        results = Parallel(return_as="generator")(delayed(pow)(k, 2) for k in range(3))
        assert next(results) == 0
        assert [*results] == [1, 4]


@pytest.mark.parametrize(("level", "inner"), [(None, 1), (0, 1), (2, 3)])
def test_a_parallel_inside_a_task_is_one_level_deeper(level, inner):
    backend, n_jobs = LockstepBackend(nesting_level=level).get_nested_backend()
    assert (backend.nesting_level, n_jobs) == (inner, None)
