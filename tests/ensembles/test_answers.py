"""The last member is held to its net, and what differs by more than rounding is told."""

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import (
    DeepEnsembleClassifier,
    MCDropoutClassifier,
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)
from skensemble._checks import InvalidParameterError
from skensemble.ensembles._answers import check_last_member, differ, seeded_outputs
from skensemble.members import Predictor, copy_member
from skensemble.modules import MLP

X = np.linspace(-1, 1, 32, dtype=np.float32).reshape(8, 4)
OUTSIDE = {"scale": torch.ones(3)}


class Own(MLP):
    """A module of a class that nobody knows."""


class Global(MLP):
    """A module that computes from something that is not its own."""

    def forward(self, x):
        """Scale the output by something outside."""
        return super().forward(x) * OUTSIDE["scale"]


class Noisy(MLP):
    """A module that adds noise, in prediction too."""

    def forward(self, x):
        """Add noise."""
        output = super().forward(x)
        return output + torch.randn(output.shape)


def members_of(net, *states):
    predictor = Predictor(torch.device("cpu"), nn.Softmax(-1), None, 1)
    for state in states:
        predictor.add(None, state)
    return predictor


def own(module=Own):
    return NetClassifier(
        module, module__n_features=4, module__n_outputs=3, device="cpu"
    ).initialize()


def test_a_faithful_member_passes_and_the_net_keeps_its_weights():
    net = own()
    state = copy_member(net)
    with torch.no_grad():
        net.module_[0].weight.mul_(2)
    before = net.module_[0].weight.detach().clone()
    check_last_member(members_of(net, state), net, state, X)
    assert torch.equal(net.module_[0].weight, before)


@pytest.mark.parametrize("n_members", [1, 2])
def test_the_last_member_is_refused_that_answers_otherwise(n_members):
    net = own()
    states = [copy_member(net) for _ in range(n_members)]
    states[-1].parts["module_"][-1].bias.data.add_(torch.tensor([1.0, 0.0, 0.0]))
    # The net gets the array, which is the memory of the module: give it another.
    arrays = {**states[-1], "4.bias": states[-1]["4.bias"] - np.float32([1, 0, 0])}
    message = "whose members answer as it does, got outputs that differ by up to 0"
    with pytest.raises(InvalidParameterError, match=message):
        check_last_member(members_of(net, *states), net, arrays, X)


def test_a_member_that_still_takes_something_from_the_net_is_refused():
    net = own()
    state = copy_member(net)
    state.parts["module_"][0] = net.module_[0]
    with pytest.raises(InvalidParameterError, match="whose members no longer depend on it"):
        check_last_member(members_of(net, state), net, state, X)


def test_a_net_of_noise_passes_under_one_seed_and_is_told_of_without():
    net = own(Noisy)
    state = copy_member(net)
    check_last_member(members_of(net, state), net, state, X)
    generator = np.random.default_rng(0)

    class Drawing(MLP):
        def forward(self, x):
            noise = torch.tensor(generator.normal(size=3), dtype=x.dtype)
            return super().forward(x) + noise

    net = own(Drawing)
    state = copy_member(net)
    with pytest.warns(UserWarning, match="gives other outputs for the same rows each time"):
        check_last_member(members_of(net, state), net, state, X)


def test_draws_of_mc_dropout_are_off(iris):
    X, y = iris
    net = NetClassifier(Own, module__dropout=0.5, max_epochs=10)
    ensemble = MCDropoutClassifier(net, M=2, random_state=0).fit(X, y)
    proba = ensemble.member_predict_proba(X)
    assert not np.allclose(proba[0], proba[1], atol=1e-2)


class Outer(NetClassifier):
    """A net that scales rows by something of its class, which training changes."""

    scale = 1.0

    def on_epoch_end(self, net, **kwargs):
        """Change the scale."""
        super().on_epoch_end(net, **kwargs)
        type(self).scale = float(np.random.default_rng(len(self.history)).normal())

    def infer(self, x, **fit_params):
        """Scale the rows."""
        return super().infer(x * type(self).scale, **fit_params)


def test_an_ensemble_of_an_unfaithful_module_is_refused(iris):
    class Counting(MLP):
        calls = 0

        def forward(self, x):
            Counting.calls += not self.training
            return super().forward(x) + Counting.calls * torch.arange(3)

    with pytest.warns(UserWarning, match="other outputs for the same rows"):
        SnapshotEnsembleClassifier(NetClassifier(Counting, max_epochs=20), M=2).fit(*iris)


@pytest.mark.parametrize("kind", [SnapshotEnsembleClassifier, DeepEnsembleClassifier])
def test_ensembles_of_own_modules_answer_as_their_net(kind, iris):
    X, y = iris
    ensemble = kind(NetClassifier(Own, max_epochs=10), M=2, random_state=0).fit(X, y)
    assert ensemble.score(X, y) > 0.6
    D, t = X[:, :3], X[:, 3]
    regressor = SnapshotEnsembleRegressor(NetRegressor(Own, max_epochs=10), M=2).fit(D, t)
    assert regressor.score(D, t) > 0.5


@pytest.mark.parametrize(
    ("other", "does"),
    [
        ([[1.0, 2.0]], False),
        ([[1.0 + 1e-5, 2.0]], False),
        ([[1.01, 2.0]], True),
        ([[1.0, np.nan]], True),
        ([1.0, 2.0], True),
    ],
)
def test_outputs_differ_by_more_than_rounding(other, does):
    assert differ(np.array([[1, 2]], np.float32), np.array(other, np.float32)) is does


def test_float64_has_less_rounding_and_no_number_is_like_itself():
    one = np.array([[1.0, np.nan]])
    assert not differ(one, one)
    assert differ(one, one + 1e-5)
    assert not differ(one, one + 1e-5, 1e-3)
    assert not differ(np.array([[np.nan]]), np.array([[np.nan]]))


def test_outputs_are_drawn_from_one_seed_and_the_global_state_stays():
    net = own(Noisy)
    predictor = members_of(net, copy_member(net))
    before = torch.random.get_rng_state()
    one, other = (seeded_outputs(predictor, X) for _ in range(2))
    assert (one == other).all()
    assert one.shape == (1, 8, 3)
    assert torch.equal(torch.random.get_rng_state(), before)


class Shared(MLP):
    """A module that computes from something of its class, which the next one changes."""

    scale = torch.ones(3)

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs)
        type(self).scale = torch.randn(3)

    def forward(self, x):
        """Scale by what the class has."""
        return super().forward(x) * type(self).scale


def test_members_that_change_with_something_outside_are_refused(iris):
    net = NetClassifier(Shared, max_epochs=5)
    ensemble = DeepEnsembleClassifier(net, M=3, lockstep=False, random_state=0)
    with pytest.raises(InvalidParameterError, match="whose members stay as they are"):
        ensemble.fit(*iris)


class InPlace(nn.Sequential):
    """A module that writes into its rows."""

    def __init__(self, n_features, n_outputs):
        super().__init__(nn.ReLU(inplace=True), nn.Linear(n_features, n_outputs))


class Doubling(MLP):
    """A module of a class that nobody knows that does so too."""

    def forward(self, x):
        """Double the rows where they are."""
        return super().forward(x.mul_(2))


@pytest.mark.parametrize("module", [InPlace, Doubling])
def test_rows_are_never_written_to(iris, module):
    X, y = iris[0].astype(np.float32), iris[1]
    before, net = X.copy(), NetClassifier(module, max_epochs=10, iterator_train__shuffle=False)
    ensemble = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(X, y)
    proba = ensemble.predict_proba(X)
    assert (before == X).all()
    assert ensemble.member_predict_proba(X).mean(axis=0) == pytest.approx(proba, abs=1e-6)
    net.fit(X, y).predict_proba(X)
    assert (before == X).all()


def test_buffers_of_bits_are_looked_at_too(iris):
    class Masked(MLP):
        def __init__(self, n_features, n_outputs):
            super().__init__(n_features, n_outputs)
            self.register_buffer("mask", torch.tensor([True, False, True, True]))

        def forward(self, x):
            return super().forward(x * self.mask)

    SnapshotEnsembleClassifier(NetClassifier(Masked, max_epochs=20), M=2).fit(*iris)
