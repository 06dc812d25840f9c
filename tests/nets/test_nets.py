import copy
import pickle

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from skorch.callbacks import Checkpoint, EpochScoring, GradientNormClipping
from skorch.dataset import ValidSplit
from torch import nn
from torch.utils.data import DataLoader

from skensemble import NetClassifier, NetRegressor
from skensemble.nets._epoch import clip_gradients

SMALL = {
    "module__hidden_units": (8,),
    "max_epochs": 10,
    "batch_size": 32,
    "random_state": 0,
}


class Sized(nn.Module):
    """A module that wants the sizes of the data."""

    def __init__(self, n_features, n_classes, width=4):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_features, width), nn.Linear(width, n_classes))

    def forward(self, x):
        """Give logits."""
        return self.layers(x)


class Normed(nn.Sequential):
    """A module that cannot learn from a batch of one row."""

    def __init__(self, n_features, n_outputs):
        super().__init__(nn.BatchNorm1d(n_features), nn.Linear(n_features, n_outputs))


def test_the_default_net_fits_tabular_data(iris):
    X, y = iris
    assert NetClassifier(random_state=0).fit(X, y).score(X, y) > 0.95


def test_the_default_regressor_fits_targets_of_any_size(diabetes):
    X, y = diabetes
    linear = LinearRegression().fit(X, y).score(X, y)
    for scaled in (y, 1e-6 * y, 1e6 * y, y + 1e9):
        assert NetRegressor(random_state=0).fit(X, scaled).score(X, scaled) > linear


def test_labels_of_any_kind_come_back(iris):
    X, y = iris
    for labels in (np.array(["b", "a", "c"]), np.array([-5, 100, 7])):
        net = NetClassifier(**SMALL).fit(X, labels[y])
        assert set(net.predict(X)) == set(labels)
        assert net.classes_.tolist() == sorted(labels)


def test_sizes_are_filled_in_where_the_constructor_has_them(iris):
    X, y = iris
    net = NetClassifier(Sized, module__width=6).fit(X, y)
    first, last = net.module_.layers
    assert (first.in_features, first.out_features, last.out_features) == (4, 6, 3)


def test_sizes_that_are_given_stay(iris):
    X, y = iris
    net = NetClassifier(Sized, module__n_classes=5).fit(X, y)
    assert net.predict_proba(X).shape == (150, 5)


def test_it_prints_nothing(iris, capsys):
    NetClassifier(**SMALL).fit(*iris)
    assert capsys.readouterr().out == ""


def test_verbose_prints_a_line_an_epoch_and_holds_out_what_is_asked(iris, capsys):
    split = ValidSplit(5, stratified=True)
    NetClassifier(**SMALL, verbose=1, train_split=split).fit(*iris)
    out = capsys.readouterr().out
    assert "valid_loss" in out
    assert len(out.splitlines()) == 2 + 10


def test_same_seed_same_bits_other_seed_other_bits(iris):
    X, y = iris
    net = NetClassifier(**SMALL)
    proba = net.fit(X, y).predict_proba(X)
    assert (clone(net).fit(X, y).predict_proba(X) == proba).all()
    assert (clone(net).set_params(random_state=1).fit(X, y).predict_proba(X) != proba).any()


def test_the_order_of_rows_comes_from_the_seed_and_not_from_the_global_state(iris):
    X, y = iris
    net = NetClassifier(**SMALL)
    proba = net.fit(X, y).predict_proba(X)
    torch.manual_seed(99)
    assert (clone(net).fit(X, y).predict_proba(X) == proba).all()


def test_shuffle_matters(iris):
    X, y = iris
    ordered = NetClassifier(**SMALL, iterator_train__shuffle=False).fit(X, y)
    assert (ordered.predict_proba(X) != NetClassifier(**SMALL).fit(X, y).predict_proba(X)).any()


def test_a_module_instance_is_copied_and_not_trained(iris):
    module = nn.Linear(4, 3)
    before = copy.deepcopy(module.state_dict())
    net = NetClassifier(module, **{"max_epochs": 5}).fit(*iris)
    assert all(torch.equal(module.state_dict()[name], before[name]) for name in before)
    assert not torch.equal(net.module_.weight, module.weight)


@pytest.mark.parametrize("precision", ["float32", "float64", "bf16"])
def test_precision_is_that_of_weights_and_outputs(iris, precision):
    X, y = iris
    net = NetClassifier(**SMALL, precision=precision).fit(X, y)
    expected = torch.float64 if precision == "float64" else torch.float32
    assert {p.dtype for p in net.module_.parameters()} == {expected}
    assert net.predict_proba(X).dtype == (np.float64 if precision == "float64" else np.float32)


def test_bf16_computes_in_lower_precision(iris):
    X, y = iris
    exact = NetClassifier(**SMALL).fit(X, y).predict_proba(X)
    coarse = NetClassifier(**SMALL, precision="bf16").fit(X, y).predict_proba(X)
    # bfloat16 has 8 bits: far off in the digits of float32, near in all.
    assert 1e-6 < np.abs(coarse - exact).max() < 0.1


def test_weights_count_as_repeated_rows_where_a_batch_holds_all(iris):
    X, y = iris
    weight = np.arange(150) % 3
    settings = {"batch_size": -1, "max_epochs": 5, "precision": "float64", "random_state": 0}
    weighted = NetClassifier(**settings).fit(X, y, sample_weight=weight)
    repeated = NetClassifier(**settings).fit(X.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-9)


def test_weights_work_through_the_epoch_of_skorch_and_its_loader(iris):
    X, y = iris
    weight = np.linspace(0, 2, 150)
    settings = {**SMALL, "iterator_train__shuffle": False}
    lean = NetClassifier(**settings).fit(X, y, sample_weight=weight)
    clipping = GradientNormClipping(1e9)
    slow = NetClassifier(**settings, callbacks=[clipping]).fit(X, y, sample_weight=weight)
    loader = NetClassifier(**settings, iterator_train=DataLoader).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(lean.predict_proba(X), slow.predict_proba(X), atol=1e-5)
    # The loader leaves a last batch of its own size; 149 rows of weight make none of one row.
    np.testing.assert_allclose(lean.predict_proba(X), loader.predict_proba(X), atol=1e-5)


def test_weights_of_rows_and_of_classes_multiply(iris):
    X, y = iris
    class_weight = torch.tensor([1.0, 2.0, 3.0])
    settings = {**SMALL, "criterion__weight": class_weight}
    plain = NetClassifier(**settings).fit(X, y)
    ones = NetClassifier(**settings).fit(X, y, sample_weight=np.ones(150))
    np.testing.assert_allclose(plain.predict_proba(X), ones.predict_proba(X), atol=1e-5)


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


def test_an_optimizer_without_momentum_gets_none(iris):
    net = NetClassifier(**SMALL, optimizer=torch.optim.Adam, lr=0.01).fit(*iris)
    assert "momentum" not in net.optimizer_.defaults
    with pytest.raises(TypeError, match="momentum"):
        NetClassifier(optimizer=torch.optim.Adam, optimizer__momentum=0.5).fit(*iris)


def test_an_optimizer_that_calls_back_is_stepped_by_skorch(iris):
    settings = {"optimizer__momentum": 0.9, "optimizer__nesterov": True}
    net = NetClassifier(optimizer=torch.optim.LBFGS, lr=0.5, max_epochs=5, batch_size=-1)
    assert settings.items() <= net.get_params().items()
    assert net.set_params(optimizer__weight_decay=1e-3).fit(*iris).score(*iris) > 0.95


def test_gradients_are_cut_as_torch_cuts_them():
    ours, theirs = ([nn.Parameter(torch.zeros(n)) for n in (3, 5)] for _ in range(2))
    for scale in (0.01, 100.0):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = scale * torch.arange(1.0, len(p) + 1)
            q.grad = p.grad.clone()
        clip_gradients(ours, 2.0)
        nn.utils.clip_grad_norm_(theirs, 2.0)
        for p, q in zip(ours, theirs, strict=True):
            assert torch.allclose(p.grad, q.grad)


def test_a_last_batch_of_one_row_does_not_break_batch_normalisation(iris):
    X, y = iris
    rows = np.r_[0:48, 100:149]
    assert len(rows) % 32 == 1
    NetClassifier(Normed, max_epochs=2, batch_size=32, random_state=0).fit(X[rows], y[rows])


def test_several_targets_at_once(diabetes):
    X, y = diabetes
    net = NetRegressor(**SMALL).fit(X, np.c_[y, -y])
    assert net.predict(X).shape == (442, 2)
    assert net.score(X, np.c_[y, -y]) > 0.3


def test_sparse_rows_give_what_dense_rows_give(iris):
    X, y = iris
    dense = NetClassifier(**SMALL).fit(X, y).predict_proba(X)
    assert (NetClassifier(**SMALL).fit(csr_array(X), y).predict_proba(csr_array(X)) == dense).all()


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


def test_a_fitted_net_pickles_with_its_device(iris):
    X, y = iris
    net = NetClassifier(**SMALL).fit(X, y)
    loaded = pickle.loads(pickle.dumps(net))
    assert loaded.device == "auto"
    assert (loaded.predict_proba(X) == net.predict_proba(X)).all()


def test_a_net_goes_through_save_params_and_load_params(iris, tmp_path):
    X, y = iris
    net = NetClassifier(**SMALL).fit(X, y)
    net.save_params(f_params=tmp_path / "net.pt")
    other = clone(net).set_params(random_state=5).fit(X, y)
    other.load_params(f_params=tmp_path / "net.pt")
    assert (other.predict_proba(X) == net.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"device": "abacus"}, "device must be 'auto' or a device that torch knows, got 'abacus'"),
        ({"precision": "float16"}, "precision must be one of .*, got 'float16'"),
        ({"optimizer": "adam"}, "optimizer must be a class such as torch.optim.Adam, got 'adam'"),
        ({"train_split": 0.2}, "train_split must be None or a split such as .*, got 0.2"),
        ({"max_epochs": 0}, "max_epochs must be an int >= 1, got 0"),
        ({"batch_size": -2}, "batch_size must be an int >= 1, got -2"),
        (
            {"module__hidden_units": None},
            "hidden_units must be an int or a sequence of ints",
        ),
        ({"max_grad_norm": 0}, "max_grad_norm must be a finite number > 0, got 0"),
    ],
)
def test_bad_arguments_are_named(iris, keywords, message):
    with pytest.raises(ValueError, match=message):
        NetClassifier(**keywords).fit(*iris)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_where_there_is_none_is_refused(iris):
    with pytest.raises(ValueError, match=r"device must be on this machine .*, got 'cuda'"):
        NetClassifier(device="cuda").fit(*iris)


def test_a_typing_error_in_an_argument_is_found(iris):
    with pytest.raises(ValueError, match="optimizer__momentum"):
        NetClassifier(optimizer_momentum=0.5).fit(*iris)


def test_checkpoints_of_skorch_find_the_best_loss(iris, tmp_path):
    split = ValidSplit(5, stratified=True)
    for monitor, train_split in [("train_loss_best", None), ("valid_loss_best", split)]:
        checkpoint = Checkpoint(monitor=monitor, dirname=tmp_path)
        net = NetClassifier(**SMALL, callbacks=[checkpoint], train_split=train_split).fit(*iris)
        losses = net.history[:, monitor.removesuffix("_best")]
        best = [loss < min(losses[:k], default=np.inf) for k, loss in enumerate(losses)]
        assert net.history[:, monitor] == best


def test_momentum_of_0_is_no_nesterov(iris):
    net = NetClassifier(**SMALL, optimizer__momentum=0).fit(*iris)
    assert not net.optimizer_.defaults["nesterov"]


def test_targets_of_another_width_are_refused(diabetes):
    X, y = diabetes
    net = NetRegressor(**SMALL).partial_fit(X, y)
    with pytest.raises(ValueError, match=r"y must have 1 column\(s\), as in fit, got shape"):
        net.partial_fit(X, np.c_[y, y])
    with pytest.raises(ValueError, match="classes must be None for a regressor"):
        net.partial_fit(X, y, classes=[1, 2])


def test_the_activation_of_the_built_in_mlp_is_the_default_of_the_net_unless_it_is_set(iris):
    assert type(NetClassifier(**SMALL).fit(*iris).module_[1]) is nn.SiLU
    assert type(NetRegressor(**SMALL).fit(*iris).module_[1]) is nn.ReLU
    chosen = NetClassifier(**SMALL, module__activation="tanh").fit(*iris)
    assert type(chosen.module_[1]) is nn.Tanh


def test_parameters_are_those_that_users_may_set():
    net = NetClassifier(module__hidden_units=(8,), optimizer__dampening=0.0)
    names = net.get_params(deep=False)
    assert not any(name.startswith("_") for name in names)
    assert {"module__hidden_units", "optimizer__dampening", "random_state"} <= set(names)
    assert clone(net).get_params(deep=False) == names


def test_every_kind_of_input_gives_the_same(iris):
    X, y = iris
    expected = NetClassifier(**SMALL).fit(X, y).predict_proba(X)
    for rows, labels in [(torch.tensor(X), torch.tensor(y)), (X.tolist(), y.tolist())]:
        net = NetClassifier(**SMALL).fit(rows, labels)
        assert (net.predict_proba(rows) == expected).all()


def test_the_single_net_is_about_as_good_as_a_linear_model_on_linear_data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 5))
    y = (X @ [1, -2, 0.5, 0, 3] + rng.logistic(size=600) > 0).astype(int)
    net = NetClassifier(nn.Linear(5, 2), max_epochs=20, lr=0.01, random_state=0)
    linear = LogisticRegression().fit(X[:300], y[:300]).score(X[300:], y[300:])
    assert net.fit(X[:300], y[:300]).score(X[300:], y[300:]) > linear - 0.03
