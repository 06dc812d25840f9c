"""What the classifier and the regressor net share, seen through their public methods."""

import inspect
import re
from ast import literal_eval

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.base import clone
from skorch.callbacks import Checkpoint, EpochScoring, GradientNormClipping
from skorch.dataset import ValidSplit
from torch import nn
from torch.utils.data import DataLoader

from skensemble import NetClassifier, NetRegressor
from skensemble.nets import FastReport

SMALL = {
    "module__hidden_units": (8,),
    "max_epochs": 10,
    "batch_size": 32,
    "random_state": 0,
}


class Normed(nn.Sequential):
    """A module that cannot learn from a batch of one row."""

    def __init__(self, n_features, n_outputs):
        super().__init__(nn.BatchNorm1d(n_features), nn.Linear(n_features, n_outputs))


def proba_of(X, y, *, sample_weight=None, **settings):
    return NetClassifier(**SMALL | settings).fit(X, y, sample_weight).predict_proba(X)


def test_it_prints_nothing(iris, capsys):
    NetClassifier(**SMALL).fit(*iris)
    assert capsys.readouterr().out == ""


def test_each_iterator_over_training_rows_has_an_order_of_its_own(iris):
    net = NetClassifier(**SMALL).fit(*iris)
    rows = net.get_dataset(*iris)
    seen = [torch.cat([X for X, _ in net.get_iterator(rows, training=True)]) for _ in range(2)]
    assert not torch.equal(*seen)


def test_verbose_prints_a_line_an_epoch_and_holds_out_what_is_asked(iris, capsys):
    split = ValidSplit(5, stratified=True)
    NetClassifier(**SMALL, verbose=1, train_split=split).fit(*iris)
    out = capsys.readouterr().out
    assert "valid_loss" in out
    assert len(out.splitlines()) == 2 + 10


def test_same_seed_same_bits_other_seed_other_bits(iris):
    proba = proba_of(*iris)
    assert (proba_of(*iris) == proba).all()
    assert (proba_of(*iris, random_state=1) != proba).any()


def test_the_order_of_rows_comes_from_the_seed_and_not_from_the_global_state(iris):
    proba = proba_of(*iris)
    torch.manual_seed(99)
    assert (proba_of(*iris) == proba).all()


def test_shuffle_matters(iris):
    assert (proba_of(*iris, iterator_train__shuffle=False) != proba_of(*iris)).any()


def test_bf16_computes_in_lower_precision(iris):
    exact, coarse = proba_of(*iris), proba_of(*iris, precision="bf16")
    # bfloat16 has 8 bits: far off in the digits of float32, near in all.
    assert 1e-6 < np.abs(coarse - exact).max() < 0.1
    assert coarse.dtype == np.float32


@pytest.mark.parametrize("precision", ["float32", "float64", "bf16"])
def test_precision_is_that_of_weights_and_outputs(iris, precision):
    X, y = iris
    net = NetClassifier(**SMALL, precision=precision).fit(X, y)
    expected = torch.float64 if precision == "float64" else torch.float32
    assert {p.dtype for p in net.module_.parameters()} == {expected}
    assert net.predict_proba(X).dtype == (np.float64 if precision == "float64" else np.float32)


def test_weights_count_as_repeated_rows_where_a_batch_holds_all(iris):
    X, y = iris
    weight = np.arange(150) % 3
    settings = {"batch_size": -1, "max_epochs": 5, "precision": "float64", "random_state": 0}
    weighted = NetClassifier(**settings).fit(X, y, sample_weight=weight)
    repeated = NetClassifier(**settings).fit(X.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-9)


def test_weights_work_through_the_epoch_of_skorch_and_its_loader(iris):
    X, y = iris
    settings = {"iterator_train__shuffle": False, "sample_weight": np.linspace(0, 2, 150)}
    lean = proba_of(X, y, **settings)
    slow = proba_of(X, y, **settings, callbacks=[GradientNormClipping(1e9)])
    loader = proba_of(X, y, **settings, iterator_train=DataLoader)
    np.testing.assert_allclose(lean, slow, atol=1e-5)
    # The loader leaves a last batch of its own size; 149 rows of weight make none of one row.
    np.testing.assert_allclose(lean, loader, atol=1e-5)


def test_weights_of_rows_and_of_classes_multiply(iris):
    settings = {"criterion__weight": torch.tensor([1.0, 2.0, 3.0])}
    plain = proba_of(*iris, **settings)
    ones = proba_of(*iris, **settings, sample_weight=np.ones(150))
    np.testing.assert_allclose(plain, ones, atol=1e-5)


def test_weights_of_one_fit_are_not_those_of_the_next(iris):
    X, y = iris
    net = NetClassifier(**SMALL).fit(X, y, sample_weight=np.linspace(0.1, 2, 150))
    assert net.get_dataset(X[:5], y[:5]).sample_weight is None
    assert (net.fit(X, y).predict_proba(X) == proba_of(X, y)).all()


def test_weights_need_rows_that_are_an_array(iris):
    X, y = iris
    inputs = {"x": X}
    with pytest.raises(ValueError, match="sample_weight must be None for rows that are no array"):
        NetClassifier(nn.Linear(4, 3)).fit(inputs, y, sample_weight=np.ones(150))


def test_a_criterion_without_reduction_cannot_weigh(iris):
    class Loss(nn.Module):
        def forward(self, y_pred, y_true):
            return nn.functional.cross_entropy(y_pred, y_true)

    with pytest.raises(ValueError, match="criterion must be one with a `reduction`"):
        NetClassifier(criterion=Loss).fit(*iris, sample_weight=np.ones(150))


def test_probabilities_may_come_from_the_module_as_in_skorch(iris):
    X, y = iris
    module = nn.Sequential(nn.Linear(4, 3), nn.Softmax(-1))
    net = NetClassifier(module, criterion=nn.NLLLoss, max_epochs=20).fit(X, y)
    assert net.predict_proba(X).sum(1) == pytest.approx(np.ones(150))
    assert net.score(X, y) > 0.9


def test_a_probability_of_0_has_a_loss_that_is_finite():
    net = NetClassifier(nn.Linear(4, 3), criterion=nn.NLLLoss).initialize()
    loss = net.get_loss(torch.tensor([[0.0, 1.0]]), torch.tensor([0]))
    assert loss.item() == pytest.approx(-np.log(np.finfo(np.float32).eps))


def test_rows_in_prediction_keep_their_order_in_batches_of_their_own_size(iris):
    X, y = iris
    net = NetClassifier(**SMALL).fit(X, y)
    (batch, labels), *others = net.get_iterator(net.get_dataset(X, y))
    assert others == []
    assert batch.tolist() == X.tolist()
    assert labels.tolist() == y.tolist()


def test_a_batch_comes_to_the_device_of_the_net():
    net = NetClassifier(nn.Linear(4, 3), device="meta").initialize()
    assert net.infer(torch.ones(2, 4)).device.type == "meta"
    assert net.get_loss(net.infer(torch.ones(2, 4)), torch.tensor([0, 1])).device.type == "meta"


def test_a_last_batch_of_one_row_does_not_break_batch_normalisation(iris):
    X, y = iris
    rows = np.r_[0:48, 100:149]
    assert len(rows) % 32 == 1
    NetClassifier(Normed, max_epochs=2, batch_size=32, random_state=0).fit(X[rows], y[rows])


def test_sparse_rows_give_what_dense_rows_give(iris):
    X, y = iris
    assert (proba_of(csr_array(X), y) == proba_of(X, y)).all()


def test_every_kind_of_input_gives_the_same(iris):
    X, y = iris
    expected = proba_of(X, y)
    for rows, labels in [(torch.tensor(X), torch.tensor(y)), (X.tolist(), y.tolist())]:
        assert (proba_of(rows, labels) == expected).all()


def test_dicts_go_to_the_module_by_name(iris):
    class TwoInputs(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 3)

        def forward(self, left, right):
            return self.linear(torch.cat([left, right], 1))

    X, y = iris
    inputs = {"left": X[:, :2], "right": X[:, 2:]}
    net = NetClassifier(TwoInputs, max_epochs=20).fit(inputs, np.array(list("abc"))[y])
    assert net.predict(inputs).tolist().count("a") == 50


def test_partial_fit_goes_on_from_where_it_is(iris):
    X, y = iris
    net = NetClassifier(**SMALL).partial_fit(X[:50], y[:50], classes=[0, 1, 2])
    assert net.classes_.tolist() == [0, 1, 2]
    assert (net.predict(X) == 0).mean() > 0.5
    net.partial_fit(X, y)
    assert len(net.history) == 2 * 10
    assert net.classes_.tolist() == [0, 1, 2]
    assert net.score(X, y) > 0.8


def test_a_regressor_has_no_classes(diabetes):
    X, y = diabetes
    net = NetRegressor(**SMALL).partial_fit(X, y)
    with pytest.raises(ValueError, match="classes must be None for a regressor, got"):
        net.partial_fit(X, y, classes=[1, 2])
    assert len(net.partial_fit(X, y).history) == 2 * 10


def test_fit_starts_afresh_unless_warm(iris):
    X, y = iris
    net = NetClassifier(**SMALL)
    proba = net.fit(X, y).predict_proba(X)
    assert (net.fit(X, y).predict_proba(X) == proba).all()
    net.set_params(warm_start=True).fit(X, y)
    assert (net.predict_proba(X) != proba).any()


def test_a_scoring_callback_of_skorch_works(iris):
    net = NetClassifier(**SMALL, train_split=ValidSplit(5, stratified=True))
    net.set_params(callbacks=[EpochScoring("accuracy", lower_is_better=False)]).fit(*iris)
    # Chance is 1 in 3.
    assert net.history[-1, "accuracy"] > 0.6


def test_checkpoints_of_skorch_find_the_best_loss(iris, tmp_path):
    split = ValidSplit(5, stratified=True)
    for monitor, train_split in [("train_loss_best", None), ("valid_loss_best", split)]:
        checkpoint = Checkpoint(monitor=monitor, dirname=tmp_path)
        net = NetClassifier(**SMALL, callbacks=[checkpoint], train_split=train_split).fit(*iris)
        losses = net.history[:, monitor.removesuffix("_best")]
        best = [loss < min(losses[:k], default=np.inf) for k, loss in enumerate(losses)]
        assert net.history[:, monitor] == best


def test_parameters_are_those_that_users_may_set():
    net = NetClassifier(module__hidden_units=(8,), optimizer__dampening=0.0)
    names = net.get_params(deep=False)
    assert not any(name.startswith("_") for name in names)
    assert {"module__hidden_units", "optimizer__dampening", "random_state"} <= set(names)
    assert clone(net).get_params(deep=False) == names


class Own(NetClassifier):
    """A net that may have changed anything."""


@pytest.mark.parametrize(
    ("kind", "settings", "reason"),
    [
        (NetClassifier, {}, None),
        (Own, {}, "Own is a subclass, which may change anything"),
        (NetClassifier, {"precision": "bf16"}, None),
    ],
)
def test_gradients_have_a_closed_form_where_nothing_else_changes_them(iris, kind, settings, reason):
    net = kind(**SMALL, **settings, device="cpu").fit(*iris)
    assert net.fast_report_ == FastReport(closed_form=reason)


@pytest.mark.parametrize("kind", [NetClassifier, NetRegressor])
def test_defaults_are_those_of_the_docstring(kind):
    stated = re.findall(r"^    (\w+) : .*default=([-\d\".\w]+)$", kind.__doc__, re.M)
    parameters = inspect.signature(kind).parameters
    literals = {
        name: literal_eval(text) for name, text in stated if not text.startswith(("torch", "MLP"))
    }
    assert literals == {name: parameters[name].default for name in literals}
    assert len(literals) == {NetClassifier: 19, NetRegressor: 18}[kind]
