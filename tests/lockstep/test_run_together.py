"""Fits that are run together: their groups, their memory, their errors, and what they leave."""

import gc
import signal
from functools import partial

import pytest
import torch

from skensemble import (
    FastGeometricEnsembleClassifier,
    InvalidParameterError,
    KFACLaplaceClassifier,
    MCDropoutClassifier,
    SWAClassifier,
    SWAGClassifier,
)
from skensemble.lockstep import Report, run_together
from skensemble.training import Data, train
from tests.lockstep.conftest import (
    LABELS,
    Convolution,
    Own,
    X,
    assert_gives_what_separate_fits_give,
    assert_same_ensembles,
    fit_together,
    initialized,
    net,
    snapshots,
    tasks_of,
)


@pytest.mark.parametrize(
    "method",
    [SWAClassifier, SWAGClassifier, FastGeometricEnsembleClassifier, KFACLaplaceClassifier],
)
def test_other_methods_train_together_too(method):
    ensembles = [method(net(), alpha_zero=rate, random_state=0) for rate in (0.06, 0.1)]
    for ensemble in ensembles:
        if "n_averaged" in ensemble.get_params():
            ensemble.set_params(n_averaged=5)
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), 1e-9)
    assert report.groups[0]["n_fits"] == 2


def test_mc_dropout_trains_together_too():
    nets = net(module__dropout=0.2)
    ensembles = [MCDropoutClassifier(nets, M=3, random_state=seed) for seed in (0, 1)]
    assert assert_gives_what_separate_fits_give(tasks_of(ensembles)).groups[0]["n_fits"] == 2


def test_other_architectures_are_other_groups():
    nets = [net(), net(batch_size=20), net(module__hidden_units=(8,)), net(max_epochs=13)]
    ensembles = [snapshots(one, random_state=seed) for one in nets for seed in (0, 1)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles))
    # Batches of 16 and of 20 rows are four an epoch both.
    assert [group["n_nets"] for group in report.groups] == [4, 2, 2]
    assert_gives_what_separate_fits_give(tasks_of(snapshots(one) for one in nets))


def test_nets_with_and_without_momentum_are_two_groups():
    # torch refuses Nesterov's momentum without a momentum, so that the nets differ in it.
    nets = [net(), net(optimizer__momentum=0.0)]
    pairs = [snapshots(one, random_state=seed) for one in nets for seed in (0, 1)]
    assert len(assert_gives_what_separate_fits_give(tasks_of(pairs)).groups) == 2


def test_momentum_and_none_with_dampening_are_two_groups():
    plain = {"optimizer__nesterov": False, "optimizer__dampening": 0.3}
    nets = [net(**plain), net(**plain, optimizer__momentum=0.0)]
    pairs = [snapshots(one, random_state=seed) for one in nets for seed in (0, 1)]
    assert len(assert_gives_what_separate_fits_give(tasks_of(pairs)).groups) == 2


def test_a_training_that_no_other_is_like_is_made_alone():
    ensembles = [snapshots(net()), snapshots(net(module__hidden_units=(8,)))]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles))
    assert not report.groups
    assert report.alone == {"no other training is like it": 2}


def table_rate(t, T, table):
    return table[t % 2]


@pytest.mark.parametrize("kind", [tuple, list])
def test_schedules_that_differ_in_what_they_are_bound_to_are_told_apart(kind):
    """Tuples can be hashed, lists cannot."""
    tables = (0.1, 0.2), (0.1, 0.3), (0.1, 0.2)

    def fit(table):
        schedule = partial(table_rate, table=kind(table))
        return train(initialized(), Data(X, LABELS), schedule=schedule).learning_rates.tolist()

    report = Report()
    rates = fit_together([partial(fit, table) for table in tables], report=report)
    assert rates == [[other, 0.1] * 24 for _, other in tables]
    assert report.groups == [{"engine": "closed form", "n_nets": 2, "n_fits": 3}]


def test_little_memory_makes_several_populations():
    ensembles = [snapshots(net(batch_size=4), random_state=seed) for seed in range(6)]
    # A fit holds 65 * 5 values and 8 times 66 weights: two of them are more than 10 kB.
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), memory_bytes=10_000)
    assert [group["n_nets"] for group in report.groups] == [2, 2, 2]


def test_populations_are_cut_to_what_their_steps_take():
    nets = net(batch_size=-1, max_epochs=20, module__activation="silu")
    ensembles = [snapshots(nets, random_state=seed) for seed in range(6)]
    # Of 65 rows 5 values, 5 + 7 + 7 saved activations and 3 outputs, which have gradients too.
    bytes_of_net = 8 * (3 * 66 + 65 * (5 + 2 * (5 + 7 + 7) + 2 * 3))
    for memory, n_nets in ((3 * bytes_of_net, [3, 3]), (3 * bytes_of_net - 1, [2, 2, 2])):
        report = assert_gives_what_separate_fits_give(tasks_of(ensembles), memory_bytes=memory)
        assert [group["n_nets"] for group in report.groups] == n_nets


def test_activations_of_any_module_count():
    nets = net(Convolution, module__n_features=5)
    ensembles = [snapshots(nets, random_state=seed) for seed in range(2)]
    # Rows, weights, gradients and momentum of both take 11 kB; two fits may wait.
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), memory_bytes=12_000)
    assert report.alone == {"no other net fits into memory beside it": 2}


@pytest.mark.parametrize(
    ("n_hidden", "n_nets"),
    [
        # 9 * 7,500 + 3 weights of 8 bytes: three nets have 1.6 MB, four more than the 2 MiB.
        (7_500, [3, 2]),
        # A single net has 2.2 MB. Two are the least.
        (30_000, [2, 2, 1]),
    ],
)
def test_populations_are_cut_to_fit_into_the_cache(n_hidden, n_nets):
    wide = net(module__hidden_units=(n_hidden,), batch_size=33)
    ensembles = [snapshots(wide, random_state=seed) for seed in range(5)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles))
    assert [group["n_nets"] for group in report.groups] == n_nets


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
    one = net(batch_size=-1, max_epochs=20, module__activation="silu")
    tasks = [partial(snapshots(one).fit, X[:n], LABELS[:n]) for n in (20, 64, 65)]
    report = Report()
    for participant in run_together(tasks, memory_bytes=60_000, report=report):
        assert participant.error is None
    # By the first alone, 7 kB a net, all three would have fitted; by 65 rows, 27 kB, two do.
    assert [group["n_nets"] for group in report.groups] == [2, 1]


def test_an_error_belongs_to_its_fit():
    tasks = tasks_of([snapshots(net()), snapshots(net(), M=0), snapshots(net(), M=3)])
    tasks.append(partial(snapshots(net(), schedule=lambda t, T: -1.0).fit, X, LABELS))
    ended = run_together(tasks)
    assert [type(p.error) for p in ended] == [
        type(None),
        InvalidParameterError,
        type(None),
        InvalidParameterError,
    ]


N_CALLS = [0]


class FailsLater(Own):
    """A module that fails in the middle of its training, after it has been tried out."""

    def forward(self, x):
        """Give the output, or fail."""
        N_CALLS[0] += 1
        if N_CALLS[0] == 9:
            self.fail()
        return super().forward(x)

    def fail(self):
        """Fail as a full memory does."""
        raise RuntimeError("out of memory")


class Pressing(FailsLater):
    """A module in whose training Ctrl-C is pressed."""

    def fail(self):
        """Press it."""
        signal.raise_signal(signal.SIGINT)


def test_an_error_in_the_middle_fails_the_fits_of_that_population():
    N_CALLS[0] = 0
    tasks = tasks_of(snapshots(net(FailsLater), random_state=seed) for seed in (0, 1))
    first, second, other = run_together([*tasks, *tasks_of([snapshots(net())])])
    assert [str(fit.error) for fit in (first, second)] == ["out of memory"] * 2
    assert N_CALLS == [9]
    assert other.error is None


def test_fits_inside_a_fit_join_the_others():
    def several():
        return fit_together(tasks_of(snapshots(net(), random_state=seed) for seed in (0, 1)))

    report = Report()
    pairs = fit_together([several, several], report=report)
    # The first fits of both go together, then the second ones; both are the same training.
    assert [group["n_fits"] for group in report.groups] == [2, 2]
    for pair in pairs:
        expected = [snapshots(net(), random_state=seed).fit(X, LABELS) for seed in (0, 1)]
        assert_same_ensembles(pair, expected)


def test_an_error_of_a_fit_inside_a_fit_belongs_to_it():
    def several():
        ended = run_together([lambda: 1 / 0, lambda: 7])
        return [(type(fit.error), fit.result, fit.has_ended) for fit in ended]

    (found,) = fit_together([several])
    assert found == [(ZeroDivisionError, None, True), (type(None), 7, True)]


def test_the_global_state_is_left_as_found():
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    fit_together(tasks_of(snapshots(net(module__dropout=0.1), M=M) for M in (2, 3)))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def press():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("task", [int, press])
def test_what_is_frozen_for_the_garbage_collector_is_thawed_afterwards(task):
    frozen = []
    assert gc.get_freeze_count() == 0
    try:
        run_together([lambda: frozen.append(gc.get_freeze_count()), task])
    except KeyboardInterrupt:
        assert task is press
    assert frozen[0] > 0
    assert gc.get_freeze_count() == 0


def test_what_somebody_else_has_frozen_stays_frozen():
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        run_together([int])
        assert gc.get_freeze_count() == before
    finally:
        gc.unfreeze()


def test_ctrl_c_ends_all_fits():
    N_CALLS[0], ended = 0, []

    def fit(seed):
        try:
            return snapshots(net(Pressing), random_state=seed).fit(X, LABELS)
        finally:
            ended.append(seed)

    with pytest.raises(KeyboardInterrupt):
        run_together([partial(fit, seed) for seed in range(3)])
    assert N_CALLS == [9]
    assert sorted(ended) == [0, 1, 2]
