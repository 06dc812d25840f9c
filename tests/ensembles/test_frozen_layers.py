"""Pretrained nets with frozen layers, in every method."""

import copy
import pickle
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Freezer, Unfreezer
from torch import nn

from skensemble import (
    CrossFittedEnsembleClassifier,
    DeepEnsembleClassifier,
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SWAClassifier,
)
from skensemble._checks import InvalidParameterError
from skensemble.ensembles import methods
from skensemble.weight_space import average_of, with_members

# Trainings are as short as can be, and ensembles warn of that.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ALL = [getattr(methods, name) for name in methods.__all__]
WITH_INSTANCE = [method for method in ALL if "Deep" not in method.__name__]


def make_body():
    """Return a body whose statistics are none that rows would give, with all kinds of layers."""
    torch.manual_seed(7)
    layers = nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, 6)
    body = nn.Sequential(*layers, nn.BatchNorm1d(6, affine=False))
    body[1].running_mean.fill_(0.25)
    body[5].running_var.fill_(2.0)
    return body


BODY = {f"0.{name}": tensor.numpy() for name, tensor in make_body().state_dict().items()}


def make(n_outputs=3, is_frozen=True):
    """Build a net: the body is always the same, the head is drawn."""
    with torch.random.fork_rng():
        body = make_body().requires_grad_(not is_frozen)
    head = nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.2), nn.Linear(5, n_outputs)
    return nn.Sequential(body, *head)


def fitted(method, module, rows, **arguments):
    """Fit a method in a few steps, with a decay that would move any weight."""
    is_classifier = method.__name__.endswith("Classifier")
    own, net = method().get_params(), NetClassifier if is_classifier else NetRegressor
    arguments = {"M": 3, "n_averaged": 3, "pretrain_fraction": 0.5, **arguments}
    arguments = {name: value for name, value in arguments.items() if name in own}
    kinds = {"max_epochs": 6, "batch_size": 40, "optimizer__weight_decay": 0.05}
    X, y = rows
    y = y if is_classifier else X[:, 0]
    return method(net(module, **kinds), **arguments, random_state=0).fit(X, y)


def assert_frozen(ensemble):
    """Hold members to the pretrained body, on one memory, and to heads that are not."""
    first, *others = ensemble.members_
    for name, array in BODY.items():
        np.testing.assert_array_equal(first[name], array)
        assert all(member[name] is first[name] for member in others), name
    modules = [getattr(member, "module_", member) for member in ensemble._predictor_.members]
    assert len({module[0][4].weight.data_ptr() for module in modules}) == 1
    # Of Monte Carlo dropout all weights are the same, and of variational layers biases.
    if others and "Dropout" not in type(ensemble).__name__:
        heads = {member["5.weight"].tobytes() for member in ensemble.members_}
        assert len(heads) == len(ensemble.members_)


@pytest.mark.parametrize("method", WITH_INSTANCE)
def test_an_instance_gives_members_that_share_what_is_frozen(method, iris):
    torch.manual_seed(0)
    n_outputs = 3 if method.__name__.endswith("Classifier") else 1
    module = make(n_outputs)
    before = copy.deepcopy(module.state_dict())
    assert_frozen(fitted(method, module, iris))
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize("method", ALL)
def test_a_function_gives_members_that_share_what_is_frozen(method, iris):
    assert_frozen(fitted(method, make, iris))


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.RMSprop])
@pytest.mark.parametrize("fast", [True, False])
def test_no_step_moves_what_is_frozen(optimizer, fast, iris):
    kinds = {"optimizer": optimizer, "optimizer__weight_decay": 0.1, "fast": fast}
    net = NetClassifier(make, **kinds, max_epochs=2, batch_size=50)
    assert_frozen(SnapshotEnsembleClassifier(net, M=2, alpha_zero=0.01, random_state=0).fit(*iris))


def test_fast_and_plain_epochs_train_alike_around_frozen_layers(iris):
    def members(fast):
        net = NetClassifier(make, fast=fast, max_epochs=4, batch_size=50)
        return SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(*iris).members_

    for one, other in zip(members(True), members(False), strict=True):
        for name, array in one.items():
            np.testing.assert_allclose(array, other[name], rtol=1e-4, atol=1e-6)


def test_statistics_of_trained_layers_are_trained(iris):
    ensemble = fitted(SWAClassifier, make, iris)
    assert ensemble.members_[0]["2.num_batches_tracked"] > 0
    assert (ensemble.members_[0]["2.running_mean"] != 0).all()


def test_double_precision_shares_too(iris):
    net = NetClassifier(make, precision="float64", max_epochs=2)
    one, other = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(*iris).members_
    assert one["0.0.weight"].dtype == np.float64
    assert one["0.0.weight"] is other["0.0.weight"]


def test_each_net_of_a_function_has_a_head_of_its_own_from_the_seed(iris):
    def heads(random_state):
        net = NetClassifier(make, max_epochs=1)
        deep = DeepEnsembleClassifier(net, M=3, alpha_zero=1e-30, random_state=random_state)
        return [member["5.weight"] for member in deep.fit(*iris).members_]

    first, again, other = heads(0), heads(0), heads(1)
    assert len({head.tobytes() for head in [*first, *other]}) == 6
    assert all((one == two).all() for one, two in zip(first, again, strict=True))
    # As torch draws the weights of a linear layer of five inputs.
    assert all(np.abs(head).max() <= 5**-0.5 for head in first)


@pytest.mark.parametrize("cold_restart", [False, True])
def test_layers_that_a_callback_freezes_are_shared_too(cold_restart, iris):
    callbacks = [Freezer("0.*")]
    net = NetClassifier(partial(make, is_frozen=False), callbacks=callbacks, max_epochs=4)
    ways = {"M": 2, "cold_restart": cold_restart, "random_state": 0}
    one, other = SnapshotEnsembleClassifier(net, **ways).fit(*iris).members_
    assert all(one[name] is other[name] for name in BODY if not name.startswith("0.5"))
    assert (one["0.1.running_mean"] == 0.25).all()
    assert one["5.weight"] is not other["5.weight"]
    deep = DeepEnsembleClassifier(net, M=2, random_state=0).fit(*iris)
    assert deep.members_[0]["0.0.weight"] is deep.members_[1]["0.0.weight"]


def test_layers_that_are_unfrozen_later_leave_earlier_members_alone(iris):
    # Three cycles of two epochs each; the body joins in with the last one.
    net = NetClassifier(make, callbacks=[Unfreezer("0.*", at=5)], max_epochs=6, batch_size=50)
    first, second, third = SnapshotEnsembleClassifier(net, M=3, random_state=0).fit(*iris).members_
    for name, array in BODY.items():
        np.testing.assert_array_equal(first[name], array)
        assert second[name] is first[name]
    assert all((third[f"0.{name}"] != first[f"0.{name}"]).any() for name in ("0.weight", "4.bias"))
    assert third["0.1.num_batches_tracked"] == 2 * 3


def test_a_further_fit_goes_on_with_weights_of_its_own(iris):
    ensemble = fitted(SnapshotEnsembleClassifier, make, iris, warm_start=True)
    proba = ensemble.predict_proba(iris[0])
    ensemble._kept_training_.net.module_.requires_grad_(True)
    ensemble.set_params(M=4).fit(*iris)
    first, *_, last = ensemble.members_
    np.testing.assert_array_equal(first["0.0.weight"], BODY["0.0.weight"])
    assert (last["0.0.weight"] != first["0.0.weight"]).all()
    ensemble.members_.pop(), ensemble._predictor_.members.pop()
    np.testing.assert_array_equal(ensemble._predictor_.mean(iris[0], np.full(3, 1 / 3)), proba)


@pytest.mark.parametrize("method", [SnapshotEnsembleClassifier, DeepEnsembleClassifier])
def test_a_file_holds_what_is_frozen_once(method, iris, tmp_path):
    wide = partial(make_wide, width=300)
    ensemble = method(NetClassifier(wide, max_epochs=5), M=5, random_state=0).fit(*iris)
    one_body = 4 * 300 * 300
    path = tmp_path / "ensemble.joblib"
    joblib.dump(ensemble, path)
    assert one_body < path.stat().st_size < 1.2 * one_body
    assert len(pickle.dumps(ensemble)) < 1.2 * one_body
    for other in (pickle.loads(pickle.dumps(ensemble)), joblib.load(path), copy.deepcopy(ensemble)):
        first, *others = other.members_
        assert all(member["0.1.weight"] is first["0.1.weight"] for member in others)
        modules = other._predictor_.members
        assert len({module[0][1].weight.data_ptr() for module in modules}) == 1
        with pytest.raises(ValueError, match="read-only"):
            first["0.1.weight"][0] = 0.0
        np.testing.assert_array_equal(other.predict_proba(iris[0]), ensemble.predict_proba(iris[0]))


def make_wide(n_outputs, width):
    """Build a net most of which is frozen."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        body = nn.Sequential(nn.Linear(4, width), nn.Linear(width, width)).requires_grad_(False)
    return nn.Sequential(body, nn.Linear(width, n_outputs))


def test_members_put_in_keep_what_is_frozen_and_share_it(iris):
    X, _ = iris
    ensemble = fitted(SnapshotEnsembleClassifier, make, iris)
    before = [{name: array.copy() for name, array in own.items()} for own in ensemble.members_]
    mean = average_of(ensemble.members_, [3, 2, 1])
    other = with_members(ensemble, [mean, ensemble.members_[0]], X)
    for name, array in BODY.items():
        np.testing.assert_array_equal(other.members_[0][name], array)
        assert all(member[name] is ensemble.members_[0][name] for member in other.members_)
    # The statistics of the head are computed anew: over all rows, not those of the mean.
    assert (other.members_[0]["2.running_mean"] != mean["2.running_mean"]).all()
    # A copy of a member of its own shares no more than the members did.
    assert ensemble.members_[-1]["5.weight"].flags.writeable
    last = with_members(ensemble, [ensemble.members_[-1]]).members_[0]
    assert last["5.weight"] is not ensemble.members_[-1]["5.weight"]
    assert ensemble.members_[-1]["5.weight"].flags.writeable
    for own, kept in zip(ensemble.members_, before, strict=True):
        assert all((own[name] == array).all() for name, array in kept.items())
    again = with_members(pickle.loads(pickle.dumps(ensemble)), [mean], X)
    np.testing.assert_allclose(
        again.members_[0]["2.running_var"], other.members_[0]["2.running_var"]
    )
    np.testing.assert_array_equal(again.members_[0]["0.1.running_mean"], BODY["0.1.running_mean"])


def test_a_cross_fitted_ensemble_shares_what_is_frozen_among_all_nets(iris):
    method = SnapshotEnsembleClassifier(NetClassifier(make, max_epochs=4), M=2)
    ensemble = CrossFittedEnsembleClassifier(method, n_nets=2, cv=2, random_state=0).fit(*iris)
    assert_frozen(ensemble)
    assert len(ensemble.members_) == 4


@pytest.mark.parametrize(
    "ensemble",
    [
        DeepEnsembleClassifier(make()),
        SnapshotEnsembleClassifier(make(), cold_restart=True),
        CrossFittedEnsembleClassifier(make()),
    ],
)
def test_nets_that_begin_anew_ask_for_a_function(ensemble, iris):
    with pytest.raises(InvalidParameterError, match=r"got <class .*Sequential.*\(function\)\."):
        ensemble.fit(*iris)


def test_a_function_whose_nets_would_train_the_same_weights_is_refused(iris):
    body = make_body()
    net = NetClassifier(lambda n_outputs: nn.Sequential(body, nn.Linear(6, n_outputs)))
    with pytest.raises(InvalidParameterError, match=r"train the same '0.0.weight'.*deepcopy"):
        DeepEnsembleClassifier(net, M=2).fit(*iris)


def test_a_function_whose_nets_have_frozen_weights_in_common_is_fine(iris):
    body = make_body().requires_grad_(False)
    net = NetClassifier(lambda n_outputs: nn.Sequential(body, nn.Linear(6, n_outputs)))
    one, other = DeepEnsembleClassifier(net, M=2, random_state=0).fit(*iris).members_
    np.testing.assert_array_equal(body[1].running_mean.numpy(), BODY["0.1.running_mean"])
    assert one["0.0.weight"] is other["0.0.weight"]
    assert (one["1.weight"] != other["1.weight"]).any()


def test_a_stock_net_moves_statistics_as_torch_does_and_shares_the_weights(iris):
    X, y = iris
    net = NeuralNetClassifier(
        make, module__n_outputs=3, criterion=nn.CrossEntropyLoss, max_epochs=2
    )
    net.set_params(train_split=None, verbose=0)
    one, other = SnapshotEnsembleClassifier(net, M=2, random_state=0).fit(X, y).members_
    assert one["0.0.weight"] is other["0.0.weight"]
    assert (one["0.1.running_mean"] != 0.25).all()
