"""What skorch's users do with a net, and what they put into it."""

import numpy as np
import pytest
import torch
from skorch._doctor import SkorchDoctor
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    PassthroughScoring,
    Unfreezer,
)
from skorch.dataset import ValidSplit
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, NetRegressor

SMALL = {"module__hidden_units": (8,), "max_epochs": 6, "batch_size": 32, "random_state": 0}
SIZES = {"module__n_features": 4, "module__n_outputs": 3}


class SharpnessAware(torch.optim.SGD):
    """An optimizer whose step asks for the loss again."""

    def step(self, closure):
        with torch.enable_grad():
            self.loss = closure()
            closure()
        return super().step()


class Sparse(nn.Module):
    """A module with gradients that are sparse."""

    def __init__(self, n_outputs=2, layer=nn.Embedding):
        super().__init__()
        self.table, self.linear = layer(20, 4, sparse=True), nn.Linear(4, n_outputs)

    def forward(self, x):
        ids = x.long()
        return self.linear(
            self.table(ids if isinstance(self.table, nn.EmbeddingBag) else ids[:, 0])
        )


def test_partial_fit_after_initialize_keeps_the_weights_that_are_there(iris):
    X, y = iris
    net = NetClassifier(**SMALL, **SIZES, lr=0).initialize()
    before = [p.clone() for p in net.module_.parameters()]
    net.partial_fit(X, y + 1)
    assert all(map(torch.equal, before, net.module_.parameters()))
    assert net.classes_.tolist() == [1, 2, 3]
    assert net.n_features_in_ == 4


def test_a_regressor_learns_its_scale_after_initialize(diabetes):
    X, y = diabetes
    sizes = {"module__n_features": 10, "module__n_outputs": 1}
    net = NetRegressor(**SMALL, **sizes).initialize().partial_fit(X, y)
    assert net.target_scaler_.mean[0] == pytest.approx(y.mean())


def test_a_warm_start_goes_on_with_the_classes_and_the_scale_that_are_there(iris, diabetes):
    X, y = iris
    net = NetClassifier(**SMALL, warm_start=True).fit(X, y)
    assert net.fit(X[:100], y[:100]).classes_.tolist() == [0, 1, 2]
    assert len(net.history) == 12
    with pytest.raises(InvalidParameterError, match=r"y must hold classes seen in y, got \[3\]"):
        net.fit(X, y + 1)
    X, y = diabetes
    net = NetRegressor(**SMALL, warm_start=True).fit(X, y)
    assert net.fit(X, y + 1000).target_scaler_.mean[0] == pytest.approx(y.mean())


def test_a_fit_of_no_epochs_initializes(iris):
    net = NetClassifier(**SMALL | {"max_epochs": 0}).fit(*iris)
    assert len(net.predict(iris[0])) == 150


def test_the_doctor_of_skorch_looks_into_a_net(iris):
    doctor = SkorchDoctor(NetClassifier(**SMALL, **SIZES)).fit(iris[0], iris[1] + 1)
    assert doctor.num_steps_ == 6 * 5
    assert doctor.net.score(iris[0], iris[1] + 1) > 0.5


def test_a_net_loads_a_checkpoint_before_it_is_initialized(iris, tmp_path):
    checkpoint = Checkpoint(dirname=tmp_path, monitor=None)
    net = NetClassifier(**SMALL, callbacks=[checkpoint]).fit(iris[0], iris[1] + 1)
    other = NetClassifier(**SMALL, **SIZES)
    other.load_params(checkpoint=checkpoint)
    assert (other.predict(iris[0]) == net.predict(iris[0])).all()


@pytest.mark.parametrize("name", ["train_loss", "valid_loss", "valid_acc", "print_log"])
@pytest.mark.parametrize("later", [False, True])
def test_callbacks_that_skorch_has_may_be_named(iris, name, later, capsys):
    off = {f"callbacks__{name}": None}
    net = NetClassifier(**SMALL, **({} if later else off))
    if later:
        net.set_params(**off)
    net.fit(*iris)
    assert name not in dict(net.callbacks_)
    assert net.history[-1]["train_loss"] > 0
    assert capsys.readouterr().out == ""


def test_a_callback_that_stops_early_may_watch_the_accuracy(iris):
    stop = EarlyStopping(monitor="valid_acc", lower_is_better=False, patience=2)
    settings = {**SMALL, "max_epochs": 100, "train_split": ValidSplit(5, stratified=True)}
    assert len(NetClassifier(**settings, callbacks=[stop]).fit(*iris).history) < 100


def test_a_method_may_note_something_about_each_batch(iris):
    class Noting(NetClassifier):
        def get_loss(self, y_pred, y_true, *args, training=False, **kwargs):
            loss = super().get_loss(y_pred, y_true, *args, training=training, **kwargs)
            self.history.record_batch("mine", 2 * loss.item())
            return loss

    mine = PassthroughScoring("mine", on_train=True)
    net = Noting(**SMALL, callbacks=[mine]).fit(*iris)
    assert net.fast_report_.lean_epoch is None
    assert net.history[-1, "mine"] == pytest.approx(2 * net.history[-1, "train_loss"])
    noted, losses, sizes = zip(
        *net.history[-1, "batches", :, ("mine", "train_loss", "train_batch_size")], strict=True
    )
    assert sizes == (32, 32, 32, 32, 22)
    assert noted == pytest.approx([2 * loss for loss in losses])


@pytest.mark.parametrize("K", [NetClassifier, NetRegressor])
def test_a_step_may_ask_for_the_loss_again(iris, diabetes, K):
    data = iris if K is NetClassifier else diabetes
    net = K(**SMALL, optimizer=SharpnessAware).fit(*data)
    assert net.fast_report_.lean_epoch == (
        "the optimizer SharpnessAware may ask for the loss within a step"
    )
    settings = {**SMALL, "batch_size": -1, "optimizer": torch.optim.LBFGS}
    assert K(**settings).fit(*data).history[-1, "train_loss"] < 0.9


def test_an_optimizer_of_torch_under_another_name_keeps_the_lean_epoch(iris):
    class Mine(torch.optim.AdamW):
        pass

    net = NetClassifier(**SMALL, optimizer=Mine, lr=0.01).fit(*iris)
    assert net.fast_report_.lean_epoch is None


def test_a_second_optimizer_makes_its_steps_too(iris):
    class Two(NetClassifier):
        def initialize_optimizer(self):
            super().initialize_optimizer()
            self.scale_ = torch.optim.SGD([self.module_[0].bias], lr=0.5)
            return self

    settings = {**SMALL, "callbacks": None}
    net = Two(**settings).fit(*iris)
    assert net.fast_report_.lean_epoch == "the net has the optimizers ['optimizer', 'scale']"
    assert net.scale_.param_groups[0]["params"][0].grad is not None


# torch says that it does not check the indices of its own sparse gradients.
quiet = pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")


@quiet
@pytest.mark.parametrize("layer", [nn.Embedding, nn.EmbeddingBag])
@pytest.mark.parametrize(
    "optimizer", [torch.optim.SGD, torch.optim.Adagrad, torch.optim.SparseAdam]
)
def test_gradients_may_be_sparse(layer, optimizer):
    X = np.arange(120)[:, None] % 20
    y = X[:, 0] % 3 == 0
    settings = {"optimizer__weight_decay": 0, "max_epochs": 30, "batch_size": 32}
    if optimizer is torch.optim.SparseAdam:

        class Both(nn.Module):
            def __init__(self):
                super().__init__()
                self.table = layer(20, 2, sparse=True)

            def forward(self, x):
                return self.table(x if layer is nn.EmbeddingBag else x[:, 0])

        module = Both
        del settings["optimizer__weight_decay"]
    else:
        module, settings["module__layer"] = Sparse, layer
    net = NetClassifier(module, optimizer=optimizer, **settings, random_state=0).fit(X, y)
    assert net.score(X, y) > 0.9


@quiet
def test_sparse_gradients_are_cut_too():
    X = np.arange(120)[:, None] % 20
    y = np.sin(X[:, 0])
    settings = {"module__n_outputs": 1, "optimizer__weight_decay": 0, "max_grad_norm": 1e-3}
    plain = NetRegressor(Sparse, **settings, lr=1, random_state=0, max_epochs=1, batch_size=-1)
    plain.set_params(optimizer__momentum=0)
    start = [p.clone() for p in plain.initialize().module_.parameters()]
    plain.partial_fit(X, y)
    moved = sum(
        ((a - b) ** 2).sum() for a, b in zip(start, plain.module_.parameters(), strict=True)
    )
    assert moved.sqrt().item() == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize("scored", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_layer_that_is_unfrozen_trains_on(iris, scored, momentum):
    callbacks = [("freeze", Freezer("0.*")), ("unfreeze", Unfreezer("0.*", at=4))]
    if scored:
        # It looks into batches: the epochs are those of skorch.
        callbacks.append(("score", EpochScoring("accuracy", on_train=True)))
    seen = []

    class Note(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(net.module_[0].weight.detach().clone())

    settings = {**SMALL, "optimizer__momentum": momentum}
    NetClassifier(**settings, callbacks=[*callbacks, ("note", Note())]).fit(*iris)
    assert all(torch.equal(weight, seen[0]) for weight in seen[:3])
    assert not torch.equal(seen[3], seen[2])
    assert not torch.equal(seen[5], seen[4])


def test_a_loss_need_be_no_module(iris):
    class Loss:
        def __call__(self, y_pred, y_true):
            return nn.functional.cross_entropy(y_pred, y_true)

    net = NetClassifier(**SMALL, criterion=Loss).fit(iris[0], iris[1] + 1)
    assert net.history[-1, "train_loss"] < net.history[0, "train_loss"]
    assert net.fast_report_.closed_form == "the criterion is a Loss, no torch.nn.Module"


def test_logarithms_of_probabilities_are_there(iris):
    X, y = iris
    net = NetClassifier(**SMALL).fit(X, y)
    np.testing.assert_allclose(np.exp(net.predict_log_proba(X)), net.predict_proba(X), rtol=1e-6)
    sure = NetClassifier(nn.Linear(1, 2), max_epochs=1).fit(np.zeros((2, 1), "f"), [0, 1])
    with torch.no_grad():
        sure.module_.weight[:] = torch.tensor([[1e3], [-1e3]])
    assert sure.predict_log_proba(np.ones((1, 1), "f"))[0, 1] == -np.inf


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_sizes_are_learnt_after_initialize(iris, method):
    net = NetClassifier(nn.Linear(4, 3), max_epochs=1, classes=[0, 1, 2], warm_start=True)
    getattr(net.initialize(), method)(*iris)
    assert net.n_features_in_ == 4
    assert net.n_outputs_ == 3
    with pytest.raises(ValueError, match="is expecting 4 features"):
        net.predict(iris[0][:, :2])


@pytest.mark.parametrize("tensors_alone", [True, False])
def test_the_coding_of_other_weights_is_forgotten(iris, tmp_path, tensors_alone):
    if tensors_alone:
        pytest.importorskip("safetensors")
    X, y = iris
    file = tmp_path / "params"
    codes = NetClassifier(**SMALL).fit(X, y)
    codes.save_params(f_params=file, use_safetensors=tensors_alone)
    net = NetClassifier(**SMALL).fit(X, np.array(["a", "b", "c"])[y])
    net.load_params(f_params=file, use_safetensors=tensors_alone)
    assert net.predict(X).tolist() == codes.predict(X).tolist()
    if tensors_alone:
        net.partial_fit(X, y)
        assert net.classes_.tolist() == [0, 1, 2]
    codes.load_params(f_params=file, use_safetensors=tensors_alone)
    assert codes.classes_.tolist() == [0, 1, 2]
