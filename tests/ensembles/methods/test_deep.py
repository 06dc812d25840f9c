"""What deep ensembles do beyond the contract."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
from joblib import parallel_config, register_parallel_backend
from joblib.parallel import ParallelBackendBase
from skorch.callbacks import EarlyStopping
from torch import nn

from skensemble import DeepEnsembleClassifier, InvalidParameterError, NetClassifier
from skensemble.modules import MLP
from skensemble.schedules import cyclic_cosine

SMALL = {"module__hidden_units": (8,), "max_epochs": 20, "batch_size": 32}


def make(net=None, **parameters):
    net = NetClassifier(**SMALL) if net is None else net
    return DeepEnsembleClassifier(net, **({"M": 3, "random_state": 0} | parameters))


def flat(member):
    return np.concatenate([value.ravel() for value in member.values()])


def members_of(ensemble, iris):
    return np.array([flat(member) for member in ensemble.fit(*iris).members_])


def test_each_net_is_trained_along_a_cosine_of_its_own(iris):
    ensemble = make().fit(*iris)
    cosine = [cyclic_cosine(t, 100, M=1, alpha_zero=0.1) for t in range(1, 101)]
    assert ensemble.learning_rates_.tolist() == cosine * 3
    assert ensemble.member_steps_.tolist() == [100, 200, 300]
    assert ensemble.n_steps_ == 300
    assert len(ensemble.loss_curve_) == 3 * 20
    # Each net begins again at the loss of fresh weights, about log(3).
    assert (ensemble.loss_curve_[[0, 20, 40]] > 3 * ensemble.loss_curve_[[19, 39, 59]]).all()


def test_each_net_begins_with_weights_of_its_own(iris):
    # Steps this short leave the weights where they were.
    net = NetClassifier(**(SMALL | {"max_epochs": 1}))
    members = members_of(make(net, alpha_zero=1e-12, M=20), iris)
    correlation = np.corrcoef(members)[np.triu_indices(20, 1)]
    # 67 weights: a correlation has an error of 1 / sqrt(67) = 0.12.
    assert abs(correlation).max() < 0.6
    assert abs(correlation.mean()) < 0.1


class Recorder(MLP):
    """An MLP that notes the first value of each row that it is trained on."""

    order: ClassVar[list] = []

    def forward(self, x):
        """Note the rows, then give the output."""
        if self.training:
            self.order.append(x[:, 0].numpy().copy())
        return super().forward(x)


def test_each_net_sees_the_rows_in_an_order_of_its_own(iris):
    _, y = iris
    X = np.arange(600, dtype=np.float32).reshape(150, 4) / 600
    Recorder.order.clear()
    make(NetClassifier(Recorder, **(SMALL | {"max_epochs": 2}))).fit(X, y)
    # Three nets of two epochs.
    orders = np.concatenate(Recorder.order).reshape(3 * 2, 150)
    assert all(sorted(order) == sorted(X[:, 0]) for order in orders)
    assert len({tuple(order) for order in orders}) == 3 * 2


def test_more_members_begin_with_the_same_ones(iris):
    assert (members_of(make(M=4), iris)[:2] == members_of(make(M=2), iris)).all()


@pytest.mark.slow
def test_several_jobs_give_the_same_bits(iris):
    net = NetClassifier(**SMALL, module__dropout=0.2)
    alone = make(net, lockstep=False).fit(*iris)
    together = make(net, n_jobs=2).fit(*iris)
    for one, other in zip(alone.members_, together.members_, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in one)
    assert (alone.loss_curve_ == together.loss_curve_).all()


def test_nets_trained_in_lock_step_are_those_trained_apart(iris):
    net = NetClassifier(**SMALL, module__dropout=0.2, precision="float64")
    alone, together = (make(net, lockstep=way).fit(*iris) for way in (False, True))
    for one, other in zip(alone.members_, together.members_, strict=True):
        np.testing.assert_allclose(flat(one), flat(other), rtol=0, atol=1e-12)
    assert alone.member_steps_.tolist() == together.member_steps_.tolist()
    np.testing.assert_allclose(alone.loss_curve_, together.loss_curve_)


def test_nets_are_trained_in_lock_step_unless_processes_are_asked_for(iris):
    # In float32 the products of a population round otherwise than those of one net.
    together, alone = members_of(make(lockstep=True), iris), members_of(make(lockstep=False), iris)
    assert (together != alone).any()
    for parameters in ({}, {"n_jobs": 1}, {"lockstep": "auto"}):
        assert (members_of(make(**parameters), iris) == together).all()


def test_lock_step_in_several_processes_is_refused(iris):
    with pytest.raises(InvalidParameterError, match="n_jobs must be None with lockstep=True"):
        make(lockstep=True, n_jobs=2).fit(*iris)
    with pytest.raises(InvalidParameterError, match="lockstep must be True, False or 'auto'"):
        make(lockstep="yes").fit(*iris)


def test_probabilities_are_the_mean_of_those_of_the_members(iris):
    X, y = iris
    ensemble = make(m=2).fit(X, y)
    mean = ensemble.member_predict_proba(X)[-2:].mean(0)
    np.testing.assert_allclose(ensemble.predict_proba(X), mean, rtol=1e-5)


def test_early_stopping_ends_each_net_and_all_members_are_kept(iris):
    # A loss that must fall by 10 does not: each net is stopped after its second epoch.
    stopping = EarlyStopping("train_loss", patience=1, threshold=10.0, threshold_mode="abs")
    ensemble = make(NetClassifier(**SMALL, callbacks=[stopping])).fit(*iris)
    assert len(ensemble.members_) == 3
    assert ensemble.member_steps_.tolist() == [10, 20, 30]
    assert ensemble.n_steps_ == 30
    assert ensemble.weights_.tolist() == pytest.approx([1 / 3] * 3)


def test_a_module_instance_is_refused(iris):
    with pytest.raises(InvalidParameterError, match="module is a class or a function"):
        make(NetClassifier(nn.Linear(4, 3))).fit(*iris)


@pytest.mark.parametrize("n_jobs", [0, 1.5, "all"])
def test_a_number_of_jobs_that_is_none_is_refused(iris, n_jobs):
    with pytest.raises(InvalidParameterError, match="n_jobs must be None or an int other than 0"):
        make(n_jobs=n_jobs).fit(*iris)


class CtrlCAfterTwo(ParallelBackendBase):
    """A backend of joblib that is interrupted while it waits for the third job."""

    supports_return_generator = True
    n_retrieved = 0

    def effective_n_jobs(self, n_jobs):
        """Give the number of jobs that was asked for."""
        assert n_jobs == 2
        return n_jobs

    def submit(self, job, callback=None):
        """Put a job off until its result is wanted."""
        return Job(self, job)

    # joblib below 1.5 calls it so.
    apply_async = submit

    def retrieve_result(self, job, timeout=None):
        """Run a job."""
        self.n_retrieved += 1
        if self.n_retrieved == 3:
            raise KeyboardInterrupt
        return job.task()


class Job(NamedTuple):
    """A task of the backend, which joblib below 1.5 asks for its result itself."""

    backend: CtrlCAfterTwo
    task: Callable[[], Any]

    def get(self, timeout=None):
        """Run the task."""
        return self.backend.retrieve_result(self)


def test_ctrl_c_while_processes_train_keeps_the_nets_that_came_back(iris):
    expected = make(M=4, lockstep=False).fit(*iris).members_[:2]
    register_parallel_backend("ctrl-c after two", CtrlCAfterTwo)
    ensemble = make(M=4, n_jobs=2)
    with (
        parallel_config("ctrl-c after two"),
        pytest.raises(KeyboardInterrupt),
        pytest.warns(UserWarning, match="stopped by ctrl-c .* the 2 of 4 members"),
    ):
        ensemble.fit(*iris)
    assert len(ensemble.members_) == 2
    for member, one in zip(ensemble.members_, expected, strict=True):
        assert (flat(member) == flat(one)).all()
