"""The `estimator` of an ensemble: which nets it may be, its sizes, and the width of its output."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.base import clone
from skorch import NeuralNetClassifier, NeuralNetRegressor
from torch import nn

from skensemble import (
    DeepEnsembleClassifier,
    InvalidParameterError,
    NetClassifier,
    NetRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)
from skensemble.ensembles._net import build_module, check_output_width, fill_sizes, make_net
from skensemble.modules import MLP
from tests.ensembles.conftest import assert_refused

ROWS = np.zeros((2, 4), np.float32)


class TooWide(MLP):
    """A module with one output too many."""

    def __init__(self, n_features, n_outputs):
        super().__init__(n_features, n_outputs + 1)


class Flat(MLP):
    """A regression module that forgets the axis of the targets."""

    def forward(self, x):
        """Give values of shape (n_samples,)."""
        return super().forward(x)[:, 0]


class Column(MLP):
    """The same module with that axis."""


class Twin(MLP):
    """A module of two outputs, the second too wide."""

    def forward(self, x):
        """Give the output, and the output twice."""
        output = super().forward(x)
        return output, torch.cat([output, output], dim=1)


def test_a_net_that_is_given_is_cloned():
    net = NetClassifier(max_epochs=7)
    made = make_net(net, NetClassifier, (NeuralNetClassifier,))
    assert made is not net
    assert made.max_epochs == 7


def test_arguments_for_none_are_not_those_for_a_module_class():
    parameters = {"max_epochs": 7}
    assert make_net(None, NetClassifier, (NeuralNetClassifier,), parameters).max_epochs == 7
    own = make_net(MLP, NetClassifier, (NeuralNetClassifier,), parameters)
    assert own.max_epochs == NetClassifier().max_epochs


@pytest.mark.parametrize("ensemble", [SnapshotEnsembleClassifier, SnapshotEnsembleRegressor])
def test_a_module_class_that_is_no_net_gets_the_default_net(ensemble, iris):
    fitted = ensemble(MLP, M=2, random_state=0).fit(*iris)
    assert type(fitted.template_net_) is ensemble._default_net


@pytest.mark.parametrize("given", [{}, {"n_features": 9}, {"n_outputs": 9}])
def test_sizes_are_filled_in_where_none_are_given(given):
    net = NetClassifier(**{f"module__{name}": size for name, size in given.items()})
    fill_sizes(net, X=np.zeros((5, 4)), n_outputs=3)
    sizes = {"n_features": 4, "n_outputs": 3} | given
    assert net.get_params_for("module").items() >= sizes.items()


def test_a_module_is_built_without_torchs_random_state():
    net = NetClassifier(module__n_features=4, module__n_outputs=3)
    before = torch.random.get_rng_state()
    one, other = build_module(net), build_module(net)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one[0].weight, other[0].weight)
    assert one is not other


def initialized(module, criterion=nn.CrossEntropyLoss, **keywords):
    net = NetClassifier(module, criterion=criterion, device="cpu", **keywords).initialize()
    return net, net._get_predict_nonlinearity()


def sized(module):
    return partial(module, 4, 3)


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], csr_array(ROWS)])
@pytest.mark.parametrize("module", [MLP, Twin])
def test_an_output_of_the_right_width_passes(module, rows):
    check_output_width(*initialized(sized(module)), rows, 3)


@pytest.mark.parametrize(("n_features", "n_outputs"), [(4, 2), (4, 4)])
def test_another_width_is_refused_also_of_the_own_mlp(n_features, n_outputs):
    message = rf"output has shape \(2, {n_outputs}\) .* got shape \(2, 3\) from MLP"
    with pytest.raises(InvalidParameterError, match=message):
        check_output_width(*initialized(partial(MLP, n_features, 3)), ROWS, n_outputs)


def test_an_own_mlp_of_other_features_is_tried_out():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        check_output_width(*initialized(partial(MLP, 5, 3)), ROWS, 3)


def test_nothing_is_learnt_from_the_rows_that_are_tried_out():
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    net, transform = initialized(module)
    check_output_width(net, transform, ROWS, 3)
    assert net.module_[1].num_batches_tracked == 0
    assert all(p.grad is None for p in net.module_.parameters())


def test_logits_are_refused_where_skorch_takes_the_logarithm():
    net, transform = initialized(sized(MLP), criterion=nn.NLLLoss)
    nn.init.constant_(net.module_[-1].weight, 0)
    nn.init.constant_(net.module_[-1].bias, -1)
    with pytest.raises(InvalidParameterError, match=r"ends in a softmax for criterion NLLLoss"):
        check_output_width(net, transform, ROWS, 3)
    check_output_width(*initialized(nn.Sequential(MLP(4, 3), nn.Softmax(-1)), nn.NLLLoss), ROWS, 3)


def test_a_stock_skorch_net_is_trained_as_it_is(iris):
    X, y = iris
    stock = NeuralNetClassifier(
        partial(MLP, 4, 3), criterion=nn.CrossEntropyLoss, max_epochs=20, verbose=0
    )
    ensemble = SnapshotEnsembleClassifier(stock, M=2, random_state=0).fit(
        X, np.array(list("abc"))[y]
    )
    # skorch holds 30 of 150 rows out: one batch of 120 an epoch.
    assert ensemble.n_steps_ == 20
    assert set(ensemble.predict(X)) == set("abc")
    proba = clone(ensemble).fit(X, np.array(list("abc"))[y]).predict_proba(X)
    assert (proba == ensemble.predict_proba(X)).all()


def test_sizes_are_filled_in_for_a_stock_net_too(iris, diabetes):
    stock = NeuralNetClassifier(
        MLP, criterion=nn.CrossEntropyLoss, max_epochs=20, verbose=0, train_split=None
    )
    ensemble = SnapshotEnsembleClassifier(stock, M=2, random_state=0).fit(*iris)
    shapes = {name: array.shape for name, array in ensemble.members_[0].items()}
    assert (shapes["0.weight"], shapes["2.weight"]) == ((64, 4), (64, 64))
    stock = NeuralNetRegressor(MLP, max_epochs=20, verbose=0, train_split=None)
    ensemble = SnapshotEnsembleRegressor(stock, M=2, random_state=0).fit(*diabetes)
    shapes = {name: array.shape for name, array in ensemble.members_[0].items()}
    assert (shapes["0.weight"], shapes["2.weight"]) == ((64, 10), (64, 64))


def test_a_stock_net_whose_module_gives_probabilities(iris):
    X, y = iris
    module = nn.Sequential(nn.Linear(4, 3), nn.Softmax(-1))
    stock = NeuralNetClassifier(module, max_epochs=30, verbose=0, train_split=None)
    ensemble = SnapshotEnsembleClassifier(stock, M=2, random_state=0).fit(X, y)
    assert ensemble.predict_proba(X).sum(1) == pytest.approx(np.ones(150), abs=1e-5)
    assert module[0].weight.grad is None


NET_PARAMETERS = [
    (
        {"module": TooWide},
        r"module whose output has shape \(2, \d\) .* got shape \(2, \d\) from TooW",
    ),
    ({"device": "abacus"}, r"device must be 'auto' or a device that torch knows, got 'abacus'\."),
    ({"precision": "half"}, r"precision must be one of .*, got 'half'\."),
    ({"max_epochs": 0}, r"max_epochs must be an int >= 1, got 0\."),
    ({"batch_size": 0}, r"batch_size must be an int >= 1, got 0\."),
]


@pytest.mark.parametrize(("parameters", "message"), NET_PARAMETERS)
def test_bad_parameters_of_the_net(make_snapshot, data, parameters, message):
    net = type(make_snapshot().estimator)(**parameters)
    assert_refused(make_snapshot, data, message, lambda e: e.fit(*data), estimator=net)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_where_there_is_none(make_ensemble, data):
    net = type(make_ensemble().estimator)(device="cuda:0")
    message = r"device must be on this machine \(0 device\(s\) of type 'cuda' found\), got 'cuda:0'"
    assert_refused(make_ensemble, data, message, lambda e: e.fit(*data), estimator=net)


def test_a_flat_output_of_a_stock_net_is_refused_as_it_would_meet_every_target(
    make_regressor, diabetes
):
    message = r"output has shape \(2, 1\) for 2 row\(s\), got shape \(2,\) from Flat"
    stock = NeuralNetRegressor(Flat, module__n_features=10, module__n_outputs=1, verbose=0)
    assert_refused(make_regressor, diabetes, message, lambda e: e.fit(*diabetes), estimator=stock)


def test_a_flat_output_is_one_column(make_regressor, diabetes):
    X, y = diabetes
    flat = make_regressor(estimator=NetRegressor(Flat)).fit(X, y)
    column = make_regressor(estimator=NetRegressor(Column)).fit(X, y)
    assert flat.predict(X) == pytest.approx(column.predict(X), rel=1e-4)


def test_a_module_is_trained_as_a_copy_as_by_a_net_around_it(make_classifier, iris):
    module = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    before = [parameter.clone() for parameter in module.parameters()]
    bare = clone(make_classifier(estimator=module)).fit(*iris)
    in_net = make_classifier(estimator=NetClassifier(module)).fit(*iris)
    assert (bare.predict_proba(iris[0]) == in_net.predict_proba(iris[0])).all()
    assert bare.score(*iris) > 0.8
    assert all(map(torch.equal, module.parameters(), before))


@pytest.mark.parametrize(
    "ensemble",
    [DeepEnsembleClassifier, partial(SnapshotEnsembleClassifier, cold_restart=True)],
)
def test_where_members_begin_anew_a_module_is_not_enough(iris, ensemble):
    message = "estimator must be a net whose module is a class or a function, .*Linear"
    with pytest.raises(InvalidParameterError, match=message):
        ensemble(nn.Linear(4, 3)).fit(*iris)


def test_a_parameter_of_the_net_of_a_module_is_to_be_written_out():
    ensemble = SnapshotEnsembleClassifier(nn.Linear(4, 3))
    message = (
        r"Use SnapshotEnsembleClassifier\(estimator=NetClassifier\(Linear\(\.\.\.\), lr=\.\.\.\)"
    )
    with pytest.raises(InvalidParameterError, match=message):
        ensemble.set_params(estimator__lr=0.1)


def build(n_outputs):
    return nn.Linear(4, n_outputs)


def test_a_function_that_builds_modules_is_an_argument_of_a_net(iris):
    with pytest.raises(
        InvalidParameterError, match=r"a module in NetClassifier\(function\), got <"
    ):
        SnapshotEnsembleClassifier(build).fit(*iris)
