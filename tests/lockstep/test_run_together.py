"""Fits whose trainings are made together, held against the same fits made one by one."""

import signal
import threading
from functools import partial

import numpy as np
import pytest
import torch
from sklearn import config_context, get_config
from sklearn.base import clone
from skorch.callbacks import EarlyStopping
from torch import nn

from skensemble import (
    CyclicalSGLDClassifier,
    DivergenceError,
    FastGeometricEnsembleClassifier,
    InvalidParameterError,
    KFACLaplaceClassifier,
    MCDropoutClassifier,
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
    SWAClassifier,
    SWAGClassifier,
)
from skensemble.lockstep import PausedFit, Report, run_together
from skensemble.lockstep._paused_fit import Cancelled
from skensemble.seeding import initialize_seeded, streams_of
from skensemble.training import Data, ReadOnly, train

RNG = np.random.default_rng(0)
X = RNG.normal(size=(65, 5))
LABELS, TARGETS = RNG.integers(0, 3, 65), RNG.normal(size=(65, 2))
WEIGHT = RNG.uniform(0.1, 3, 65)
SMALL = {"module__hidden_units": (7,), "max_epochs": 12, "batch_size": 16, "device": "cpu"}


def net(kind=NetClassifier, **settings):
    return kind(**{**SMALL, "precision": "float64"} | settings)


def snapshots(net, **parameters):
    return SnapshotEnsembleClassifier(net, **({"M": 2, "random_state": 0} | parameters))


def fit_together(tasks, **settings):
    """Give what the fits return, raising the first error."""
    participants = run_together(tasks, **settings)
    for participant in participants:
        if participant.error is not None:
            raise participant.error
    return [participant.result for participant in participants]


def assert_same_ensembles(together, alone, tolerance):
    for one, other in zip(together, alone, strict=True):
        assert one.member_steps_.tolist() == other.member_steps_.tolist()
        assert one.learning_rates_.tolist() == other.learning_rates_.tolist()
        np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, atol=tolerance)
        for state, expected in zip(one.members_, other.members_, strict=True):
            for name in expected:
                np.testing.assert_allclose(state[name], expected[name], atol=tolerance)


def assert_gives_what_separate_fits_give(tasks, tolerance=1e-13, **settings):
    alone = [clone(task.func.__self__).fit(*task.args, **task.keywords) for task in tasks]
    report = Report()
    together = fit_together(tasks, report=report, **settings)
    assert_same_ensembles(together, alone, tolerance)
    return report


def tasks_of(ensembles, y=LABELS, **fit):
    return [partial(ensemble.fit, X, y, **fit) for ensemble in ensembles]


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-13), ("float32", 2e-6)])
@pytest.mark.parametrize("activation", ["silu", "relu", "gelu", "tanh"])
def test_weights_are_those_of_separate_fits(precision, tolerance, activation):
    module = {"module__hidden_units": (7, 4), "module__activation": activation}
    ensembles = [
        snapshots(net(precision=precision, **module), M=M, alpha_zero=rate, random_state=seed)
        for M, rate, seed in [(2, 0.1, 0), (3, 0.05, 1), (4, 0.2, 0), (2, 0.05, 2)]
    ]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), tolerance)
    assert report.groups == [{"engine": "closed form", "n_nets": 4, "n_fits": 4}]
    assert not report.alone


def test_each_net_has_numbers_of_its_own():
    settings = [
        {"optimizer__momentum": 0.5},
        {"optimizer__weight_decay": 0.1},
        {"optimizer__weight_decay": 0.0, "max_grad_norm": None},
        {"max_grad_norm": 0.05},
    ]
    report = assert_gives_what_separate_fits_give(tasks_of(snapshots(net(**s)) for s in settings))
    assert report.groups[0]["n_nets"] == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer__nesterov": False},
        {"optimizer__nesterov": False, "optimizer__dampening": 0.3},
        {"optimizer__momentum": 0.0},
    ],
)
def test_plain_momentum_and_none(settings):
    pair = [snapshots(net(**settings), random_state=seed) for seed in (0, 1)]
    assert assert_gives_what_separate_fits_give(tasks_of(pair)).groups


def test_nets_with_and_without_momentum_are_two_groups():
    # torch refuses Nesterov's momentum without a momentum, so that the nets differ in it.
    nets = [net(), net(optimizer__momentum=0.0)]
    pairs = [snapshots(one, random_state=seed) for one in nets for seed in (0, 1)]
    assert len(assert_gives_what_separate_fits_give(tasks_of(pairs)).groups) == 2


def test_many_classes():
    labels = np.arange(65) % 11
    pair = [snapshots(net(), random_state=seed) for seed in (0, 1)]
    assert assert_gives_what_separate_fits_give(tasks_of(pair, labels)).groups


def test_folds_of_unequal_size_are_exact():
    # 64, 63, 62 and 61 rows make four batches each, 65 four too: one row joins the last.
    tasks = [
        partial(snapshots(net(), random_state=k).fit, X[k:], LABELS[k:], sample_weight=weight)
        for k in range(5)
        for weight in (None, WEIGHT[k:])
    ]
    report = assert_gives_what_separate_fits_give(tasks)
    assert report.groups == [{"engine": "closed form", "n_nets": 10, "n_fits": 10}]


def test_dropout_draws_the_masks_of_separate_fits():
    tasks = [
        partial(snapshots(net(module__dropout=0.3), random_state=k).fit, X[k:], LABELS[k:])
        for k in range(4)
    ]
    assert assert_gives_what_separate_fits_give(tasks).groups[0]["n_nets"] == 4


def test_regressors_of_several_targets():
    sizes = {"batch_size": -1, "max_epochs": 24}
    nets = [net(NetRegressor), net(NetRegressor), *(net(NetRegressor, **sizes) for _ in range(2))]
    ensembles = [SnapshotEnsembleRegressor(one, M=2, random_state=0) for one in nets]
    rates = (0.01, 0.02, 0.01, 0.02)
    ensembles = [e.set_params(alpha_zero=rate) for e, rate in zip(ensembles, rates, strict=True)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles, TARGETS))
    assert [group["n_nets"] for group in report.groups] == [2, 2]


def own_net(module, **settings):
    return NetClassifier(module, max_epochs=12, batch_size=16, device="cpu", **settings)


class Convolution(nn.Sequential):
    """A module of the user's own."""

    def __init__(self, n_outputs):
        super().__init__(
            nn.Unflatten(1, (1, 5)), nn.Conv1d(1, 4, 3), nn.Tanh(), nn.Flatten(),
            nn.Linear(12, n_outputs),
        )  # fmt: skip


def test_any_module_goes_through_torch_func():
    own = own_net(Convolution, precision="float64", criterion__label_smoothing=0.1)
    ensembles = [snapshots(own, alpha_zero=rate) for rate in (0.05, 0.1)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles, sample_weight=WEIGHT))
    assert report.groups == [{"engine": "torch.func", "n_nets": 2, "n_fits": 2}]


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


def test_a_training_that_several_fits_share_is_made_once():
    ensembles = [snapshots(net(), M=M, m=m) for M in (2, 3) for m in (1, 2, None)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles))
    assert report.groups == [{"engine": "closed form", "n_nets": 2, "n_fits": 6}]


class Branches(nn.Linear):
    """A module whose path depends on the data."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)

    def forward(self, x):
        """Double the output of some batches."""
        output = super().forward(x)
        return 2 * output if output.sum() > 0 else output


class Normed(nn.Sequential):
    """A module with running statistics."""

    def __init__(self, n_features, n_outputs):
        super().__init__(nn.BatchNorm1d(n_features), nn.Linear(n_features, n_outputs))


class Dropping(nn.Sequential):
    """A module of the user's own with dropout."""

    def __init__(self, n_features, n_outputs):
        super().__init__(nn.Dropout(0.2), nn.Linear(n_features, n_outputs))


class Scaled(nn.Linear):
    """A module whose output depends on an attribute that its repr does not show."""

    def __init__(self, n_features, n_outputs, scale=1.0):
        super().__init__(n_features, n_outputs)
        self.scale = scale

    def forward(self, x):
        """Give the scaled output."""
        return self.scale * super().forward(x)


class Held(nn.Linear):
    """A module that holds a function made on the spot."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        self.function = lambda x: x

    def forward(self, x):
        """Give the output."""
        return self.function(super().forward(x))


class OwnNet(NetClassifier):
    """A net that makes its loss its own way."""

    def get_loss(self, *args, **kwargs):
        """Give the loss."""
        return super().get_loss(*args, **kwargs)


@pytest.mark.parametrize(
    ("ensemble", "reason"),
    [
        (snapshots(net(optimizer=torch.optim.Adam)), "the optimizer is Adam, not SGD"),
        (snapshots(net(optimizer__param_groups=[("*bias", {"lr": 0.1})])), "several groups"),
        (
            snapshots(net(optimizer__param_groups=[("*", {"lr": 0.02})])),
            "the optimizer's group has a rate of its own",
        ),
        (snapshots(own_net(Held)), "holds what cannot be compared"),
        (snapshots(net(callbacks=[EarlyStopping("train_loss")])), "a skorch callback watches"),
        (snapshots(net(criterion__weight=torch.ones(3).double())), "weighs or ignores classes"),
        (snapshots(net(precision="bf16")), "autocast"),
        (snapshots(own_net(Normed)), "the module has buffers"),
        (snapshots(own_net(Dropping)), "whose masks would differ"),
        (snapshots(own_net(Branches)), "torch.func refuses the module: vmap"),
        (snapshots(OwnNet(**SMALL)), "OwnNet is neither NetClassifier nor NetRegressor"),
        (snapshots(net(), cold_restart=True), "changes the weights in mid-training"),
        (CyclicalSGLDClassifier(net(), M=2, random_state=0), "changes the weights"),
    ],
)
def test_what_cannot_go_together_goes_alone_and_says_why(ensemble, reason):
    ensembles = [clone(ensemble).set_params(alpha_zero=rate) for rate in (0.05, 0.1)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), 1e-6)
    assert not report.groups
    ((said, n_fits),) = report.alone.items()
    assert reason in said
    assert n_fits == 2


def test_other_architectures_are_other_groups():
    nets = [net(), net(batch_size=20), net(module__hidden_units=(8,)), net(max_epochs=13)]
    ensembles = [snapshots(one, random_state=seed) for one in nets for seed in (0, 1)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles))
    # Batches of 16 and of 20 rows are four an epoch both.
    assert [group["n_nets"] for group in report.groups] == [4, 2, 2]
    assert_gives_what_separate_fits_give(tasks_of(snapshots(one) for one in nets))


def test_modules_that_differ_in_an_attribute_are_other_groups():
    settings = {"precision": "float64"}
    nets = [own_net(Scaled, module__scale=scale, **settings) for scale in (1.0, 3.0)]
    ensembles = [snapshots(one, alpha_zero=rate) for one in nets for rate in (0.05, 0.1)]
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles))
    assert [group["n_nets"] for group in report.groups] == [2, 2]


class Centred(nn.Linear):
    """A module that looks at all rows of a batch at once."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)

    def forward(self, x):
        """Give the output for the rows around their mean."""
        return super().forward(x - x.mean(0))


def test_no_rows_are_added_to_a_batch_that_is_looked_at_as_a_whole():
    nets = own_net(Centred, precision="float64")
    ensembles = [snapshots(nets, random_state=seed) for seed in (0, 1)]
    # The last of four batches has 9 rows.
    tasks = [partial(ensemble.fit, X[:57], LABELS[:57]) for ensemble in ensembles]
    assert assert_gives_what_separate_fits_give(tasks).groups[0]["engine"] == "torch.func"


def test_momentum_and_none_with_dampening_are_two_groups():
    plain = {"optimizer__nesterov": False, "optimizer__dampening": 0.3}
    nets = [net(**plain), net(**plain, optimizer__momentum=0.0)]
    pairs = [snapshots(one, random_state=seed) for one in nets for seed in (0, 1)]
    assert len(assert_gives_what_separate_fits_give(tasks_of(pairs)).groups) == 2


def test_an_error_in_the_middle_fails_the_fits_of_that_population(monkeypatch):
    def fail(*args):
        raise RuntimeError("out of memory")

    monkeypatch.setattr("skensemble.lockstep._run_together.train_in_lockstep", fail)
    ended = run_together(tasks_of(snapshots(net(), random_state=seed) for seed in (0, 1)))
    assert [str(p.error) for p in ended] == ["out of memory"] * 2


def test_a_fit_has_the_settings_of_the_thread_that_began_it():
    def settings():
        return get_config()["assume_finite"], np.geterr()["divide"]

    with config_context(assume_finite=True), np.errstate(divide="raise"):
        (ended,) = run_together([settings])
    assert ended.result == (True, "raise")


def test_a_net_that_diverges_fails_alone():
    ensembles = [snapshots(net(), alpha_zero=rate) for rate in (0.05, 1e200, 0.1)]
    first, bad, last = run_together(tasks_of(ensembles))
    with pytest.raises(DivergenceError) as alone:
        clone(ensembles[1]).fit(X, LABELS)
    assert isinstance(bad.error, DivergenceError)
    assert str(bad.error) == str(alone.value)
    expected = [clone(ensembles[k]).fit(X, LABELS) for k in (0, 2)]
    assert_same_ensembles([first.result, last.result], expected, 1e-13)


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


class StopAfter:
    """Asks for the end of a training at a moment."""

    def __init__(self, n_moments):
        self.n_moments = n_moments
        self.steps = []

    def __call__(self, step):
        """Count the moments."""
        self.steps.append((step.t, step.loss, next(step.module.parameters()).detach().clone()))
        return len(self.steps) == self.n_moments


def traces_of(observers, together):
    """Train the same net for each observer, and give the traces."""

    def fit(observe):
        one = net().set_params(module__n_features=5, module__n_outputs=3)
        initialize_seeded(one, streams_of(0), torch.device("cpu"))
        settings = {"schedule": lambda t, T: 0.1, "moment": lambda t, T: t % 5 == 0}
        return train(one, Data(X, LABELS), **settings, observe=ReadOnly(observe))

    tasks = [partial(fit, observe) for observe in observers]
    return fit_together(tasks) if together else [task() for task in tasks]


def test_an_observer_ends_its_own_training_only():
    numbers = (1, 3, 3, 99)
    together = [StopAfter(n) for n in numbers]
    alone = [StopAfter(n) for n in numbers]
    pairs = zip(traces_of(together, True), traces_of(alone, False), strict=True)
    for trace, expected in pairs:
        assert trace.stopped_by == expected.stopped_by
        assert trace.n_steps == expected.n_steps
        assert trace.learning_rates.tolist() == expected.learning_rates.tolist()
        assert trace.moments.tolist() == expected.moments.tolist()
        assert trace.loss_curve == pytest.approx(expected.loss_curve, abs=1e-12)
        assert trace.last_loss == pytest.approx(expected.last_loss, rel=1e-6)
    for one, other in zip(together, alone, strict=True):
        for (t, loss, weight), (t_alone, loss_alone, weight_alone) in zip(
            one.steps, other.steps, strict=True
        ):
            assert t == t_alone
            assert loss == pytest.approx(loss_alone, rel=1e-6)
            torch.testing.assert_close(weight, weight_alone, rtol=0, atol=1e-13)


def test_little_memory_makes_several_populations():
    ensembles = [snapshots(net(batch_size=4), random_state=seed) for seed in range(6)]
    # A fit holds 65 * 5 values and 8 times 66 weights: two of them are more than 10 kB.
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), memory_bytes=10_000)
    assert [group["n_nets"] for group in report.groups] == [2, 2, 2]


def test_populations_are_cut_to_what_their_steps_take():
    nets = net(batch_size=-1, max_epochs=20)
    ensembles = [snapshots(nets, random_state=seed) for seed in range(6)]
    # Of 65 rows 5 values, 5 + 7 + 7 saved activations and 3 outputs, which have gradients too.
    bytes_of_net = 8 * (3 * 66 + 65 * (5 + 2 * (5 + 7 + 7) + 2 * 3))
    for memory, n_nets in ((3 * bytes_of_net, [3, 3]), (3 * bytes_of_net - 1, [2, 2, 2])):
        report = assert_gives_what_separate_fits_give(tasks_of(ensembles), memory_bytes=memory)
        assert [group["n_nets"] for group in report.groups] == n_nets


def test_activations_of_any_module_count():
    nets = own_net(Convolution, precision="float64")
    ensembles = [snapshots(nets, random_state=seed) for seed in range(2)]
    # Rows, weights, gradients and momentum of both take 11 kB; two fits may wait.
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles), memory_bytes=12_000)
    assert report.alone == {"no other net fits into memory beside it": 2}


def test_populations_are_cut_to_fit_into_the_cache(monkeypatch):
    ensembles = [snapshots(net(), random_state=seed) for seed in range(5)]
    # 66 weights of 8 bytes: three nets have 1,584 bytes of weights, four 2,112.
    monkeypatch.setattr("skensemble.lockstep._run_together.CACHED_WEIGHT_BYTES", 2000)
    report = assert_gives_what_separate_fits_give(tasks_of(ensembles))
    assert [group["n_nets"] for group in report.groups] == [3, 2]


def test_the_global_state_is_left_as_found():
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    fit_together(tasks_of(snapshots(net(module__dropout=0.1), M=M) for M in (2, 3)))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_fits_inside_a_fit_join_the_others():
    def several():
        return fit_together(tasks_of(snapshots(net(), random_state=seed) for seed in (0, 1)))

    report = Report()
    pairs = fit_together([several, several], report=report)
    # The first fits of both go together, then the second ones; both are the same training.
    assert [group["n_fits"] for group in report.groups] == [2, 2]
    for pair in pairs:
        expected = [snapshots(net(), random_state=seed).fit(X, LABELS) for seed in (0, 1)]
        assert_same_ensembles(pair, expected, 1e-13)


def test_ctrl_c_ends_all_fits(monkeypatch):
    ended = []

    def press(*args):
        raise KeyboardInterrupt

    def fit(seed):
        try:
            return snapshots(net(), random_state=seed).fit(X, LABELS)
        finally:
            ended.append(seed)

    monkeypatch.setattr("skensemble.lockstep._run_together.train_in_lockstep", press)
    with pytest.raises(KeyboardInterrupt):
        run_together([partial(fit, seed) for seed in range(3)])
    assert sorted(ended) == [0, 1, 2]


@pytest.mark.parametrize("at", [0, 1, 3])
def test_ctrl_c_after_the_training_ends_the_fits_that_are_still_to_go_on(at):
    went_on = []

    def fit(seed):
        ensemble = snapshots(net(), random_state=seed).fit(X, LABELS)
        if seed == at:
            # Python raises KeyboardInterrupt in the main thread, which waits for these fits.
            signal.raise_signal(signal.SIGINT)
        went_on.append(seed)
        return ensemble

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        run_together([partial(fit, seed) for seed in range(4)])
    assert threading.active_count() == before
    assert went_on[: at + 1] == list(range(at + 1))


def test_ctrl_c_ends_a_fit_that_trains_alone():
    steps = []

    def press(step):
        steps.append(step.t)
        if step.t == 3:
            # As the signal does: the thread that waits is interrupted, this one trains on.
            participant.is_cancelled = True

    def fit():
        one = net().set_params(module__n_features=5, module__n_outputs=3).initialize()
        settings = {"schedule": lambda t, T: 0.1, "moment": lambda t, T: True}
        return train(one, Data(X, LABELS), **settings, observe=press)

    participant = PausedFit(fit)
    participant.start()
    participant.resume(None)
    assert steps == [1, 2, 3]
    assert participant.has_ended
    assert isinstance(participant.error, Cancelled)
