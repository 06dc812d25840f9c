"""What could make a fit beside others another one than alone: shared trainings, failures, hooks."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from torch import nn

from skensemble import (
    DeepEnsembleClassifier,
    InvalidParameterError,
    KFACLaplaceClassifier,
    LockstepGridSearchCV,
    NetClassifier,
    SnapshotEnsembleClassifier,
)
from skensemble.lockstep import PausedFit, Report, run_together
from skensemble.model_selection import LockstepBackend
from skensemble.seeding import initialize_seeded, streams_of
from skensemble.training import Data, ReadOnly, train

RNG = np.random.default_rng(0)
X = RNG.normal(size=(65, 5))
LABELS = RNG.integers(0, 3, 65)
SMALL = {"max_epochs": 12, "batch_size": 16, "device": "cpu", "precision": "float64"}


def net(module=None, **settings):
    if module is None:
        return NetClassifier(**{**SMALL, "module__hidden_units": (7,)} | settings)
    return NetClassifier(module, **SMALL | settings)


def snapshots(net, **parameters):
    return SnapshotEnsembleClassifier(net, **{"M": 2, "random_state": 0} | parameters)


def assert_gives_what_separate_fits_give(ensembles):
    report = Report()
    ended = run_together([partial(clone(e).fit, X, LABELS) for e in ensembles], report=report)
    for participant, ensemble in zip(ended, ensembles, strict=True):
        if participant.error is not None:
            raise participant.error
        alone = clone(ensemble).fit(X, LABELS)
        for state, expected in zip(participant.result.members_, alone.members_, strict=True):
            for name in expected:
                np.testing.assert_allclose(state[name], expected[name], atol=1e-13)
    return report


def test_fits_that_share_a_training_and_go_on_with_its_net():
    ensembles = [
        KFACLaplaceClassifier(net(), M=3, random_state=0, std_scale=s) for s in (0.5, 0.1, 0.01)
    ]
    report = assert_gives_what_separate_fits_give(ensembles)
    assert report.groups == [{"engine": "closed form", "n_nets": 1, "n_fits": 3}]


def test_a_fit_that_fails_leaves_those_that_share_its_training():
    def fit(fails):
        def look(step):
            if fails:
                raise ValueError("not this one")

        one = initialized()
        data = Data(X, LABELS)
        train(one, data, schedule=rate_of, moment=every_step, observe=ReadOnly(look))
        return weights_of(one)

    report = Report()
    first, second, third = run_together([partial(fit, k == 0) for k in range(3)], report=report)
    assert report.groups[0]["n_nets"] == 1
    assert str(first.error) == "not this one"
    for participant in (second, third):
        np.testing.assert_allclose(participant.result, fit(False), atol=1e-13)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:.*non-finite:UserWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_search_within_a_search_outlives_candidates_that_fail():
    ensemble = snapshots(net(batch_size=4), M=12)
    inner = GridSearchCV(ensemble, {"alpha_zero": [1e200, 0.1]}, cv=3, error_score=-9.0)
    scores = []
    for settings in ({}, {"backend": LockstepBackend()}):
        with parallel_config(**settings):
            found = cross_validate(inner, X, LABELS, cv=2, return_estimator=True)
        scores.append([e.cv_results_["mean_test_score"].tolist() for e in found["estimator"]])
    assert np.allclose(*scores)


@pytest.mark.parametrize("settings", [{"lockstep": False}, {"n_jobs": 2}, {}])
def test_a_search_over_deep_ensembles_is_refitted(settings):
    ensemble = DeepEnsembleClassifier(net(), M=2, random_state=0, **settings)
    grid = {"alpha_zero": [0.1, 0.2]}
    one, other = (
        search(ensemble, grid, cv=2).fit(X, LABELS)
        for search in (LockstepGridSearchCV, GridSearchCV)
    )
    np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-12)


class Counting(nn.Linear):
    """A module whose output depends on how often it was called."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.n_calls = 0

    def forward(self, x):
        """Give more and more of the output in training."""
        if not self.training:
            return super().forward(x)
        self.n_calls += 1
        return super().forward(x) * min(1.0, self.n_calls / 20)


class Branching(nn.Linear):
    """A module that looks at values in batches of some size alone."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)

    def forward(self, x):
        """Double what is above zero."""
        output = super().forward(x)
        return output * 2 if len(x) > 2 and (output > 0).any() else output


class Hooked(nn.Linear):
    """A module with a hook on its weight."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.weight.register_hook(halved)


def halved(gradient):
    return gradient / 2


class Plain(nn.Linear):
    """A module of the user's own."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)


def halved_loss():
    criterion = nn.CrossEntropyLoss()
    criterion.register_forward_hook(lambda module, inputs, loss: loss / 2)
    return criterion


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (net(Counting), "it keeps something of what it has seen"),
        (net(Branching), "torch.func refuses the module"),
        (net(Hooked), "a hook looks into the module"),
        (net(Plain, criterion=halved_loss()), "a hook looks into the module or the criterion"),
        (net(verbose=1), "the net is verbose"),
    ],
)
def test_what_goes_alone(one, reason):
    report = assert_gives_what_separate_fits_give(
        [snapshots(one, alpha_zero=rate) for rate in (0.05, 0.1)]
    )
    assert not report.groups
    assert all(reason in said for said in report.alone)


def initialized(**settings):
    fresh = net(module__n_features=5, module__n_outputs=3, **settings)
    initialize_seeded(fresh, streams_of(0), torch.device("cpu"))
    return fresh


def weights_of(net):
    return np.concatenate([p.detach().numpy().ravel() for p in net.module_.parameters()])


def train_twice(**settings):
    """Train a net twice; give its weights and what torch draws next."""
    one, data = initialized(**settings), Data(X, LABELS)
    for _ in range(2):
        train(one, data, schedule=lambda t, T: 0.05)
    return weights_of(one), torch.rand(3).numpy()


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_net_is_left_as_after_a_training_alone(dropout):
    def task():
        torch.manual_seed(0)
        return train_twice(module__dropout=dropout)

    report = Report()
    ended = run_together([task] * 2, report=report)
    assert report.groups == [{"engine": "closed form", "n_nets": 1, "n_fits": 2}] * 2
    for participant in ended:
        for found, expected in zip(participant.result, task(), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-13)


@pytest.mark.parametrize("ends", [(8, 10), (9, 10), (8, 48), (10, 8)])
def test_fits_that_share_a_training_end_it_where_they_would_alone(ends):
    def end_at(n):
        one = initialized()
        trace = train(
            one,
            Data(X, LABELS),
            schedule=rate_of,
            moment=every_step,
            observe=ReadOnly(lambda step: step.t == n),
        )
        return trace.loss_curve, trace.last_loss, weights_of(one)

    for participant, n in zip(run_together([partial(end_at, n) for n in ends]), ends, strict=True):
        for found, expected in zip(participant.result, end_at(n), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-13)


def rate_of(t, T):
    return 0.05


def every_step(t, T):
    return True


def test_filters_of_warnings_are_those_of_each_fit():
    def strict():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            snapshots(net()).fit(X, LABELS)

    def plain():
        snapshots(net(), random_state=1).fit(X, LABELS)
        warnings.warn("a word", UserWarning, stacklevel=1)

    with pytest.warns(UserWarning, match="a word"):
        first, second = run_together([strict, plain])
    assert first.error is None
    assert second.error is None


def test_a_thread_that_cannot_be_started_ends_the_others(monkeypatch):
    started = []
    start = PausedFit.start

    def refuse_the_third(self):
        started.append(self)
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(PausedFit, "start", refuse_the_third)
    tasks = [partial(snapshots(net(), random_state=k).fit, X, LABELS) for k in range(4)]
    with pytest.raises(RuntimeError, match="can't start"):
        run_together(tasks)
    assert all(participant.has_ended for participant in started[:2])


def test_little_memory_is_a_reason_to_train_alone():
    ensembles = [snapshots(net(), random_state=k) for k in range(3)]
    report = Report()
    run_together([partial(e.fit, X, LABELS) for e in ensembles], memory_bytes=1, report=report)
    # When the last begins there is no other left to wait for.
    assert report.alone["no other training is like it among those that memory lets begin"] == 2


@pytest.mark.parametrize("memory_bytes", [0, "1 GB"])
def test_memory_that_is_none_is_refused(memory_bytes):
    with pytest.raises(InvalidParameterError, match="memory_bytes must be an int >= 1"):
        run_together([int], memory_bytes=memory_bytes)


def test_the_largest_batch_of_a_group_counts_for_its_memory():
    one = net(batch_size=-1, max_epochs=20)
    tasks = [partial(snapshots(one).fit, X[:n], LABELS[:n]) for n in (20, 64, 65)]
    report = Report()
    for participant in run_together(tasks, memory_bytes=60_000, report=report):
        assert participant.error is None
    # By the first alone, 7 kB a net, all three would have fitted; by 65 rows, 27 kB, two do.
    assert [group["n_nets"] for group in report.groups] == [2, 1]
