"""Targets as callbacks, datasets, files and users see them: as they were given."""

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from skorch import NeuralNetClassifier
from skorch.callbacks import BatchScoring, Callback, EpochScoring
from skorch.dataset import ValidSplit
from skorch.exceptions import NotInitializedError
from torch import nn
from torch.utils.data import DataLoader

from skensemble import NetClassifier, NetRegressor
from skensemble.modules import MLP
from skensemble.nets._coded_targets import CodedBatches

SMALL = {"module__hidden_units": (8,), "max_epochs": 3, "batch_size": 32, "random_state": 0}
SIZES = {"module__n_features": 4, "module__n_outputs": 3}


class Watch(Callback):
    """A callback that keeps the targets of the batches that it is shown."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.whole, self.seen, self.gradients = y, [], []

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        self.seen.append(batch[1])

    def on_grad_computed(self, net, named_parameters, batch=None, **kwargs):
        self.gradients.append(batch[1])


class Keep(Callback):
    """A callback that keeps a copy of the net."""

    def on_batch_end(self, net, **kwargs):
        self.copy = None
        self.copy = pickle.loads(pickle.dumps(net))


def labels_of(y, kind):
    return {
        "codes": y,
        "from 1": y + 1,
        "gaps": 10 * y - 5,
        "floats": 2.0 * y,
        "booleans": y > 0,
        "strings": np.array(["no", "yes", "maybe"])[y],
    }[kind]


KINDS = ["codes", "from 1", "gaps", "floats", "booleans", "strings"]


@pytest.mark.parametrize("iterator", [None, DataLoader])
@pytest.mark.parametrize("kind", KINDS)
def test_callbacks_are_shown_labels_as_given(iris, kind, iterator):
    X, y = iris
    y, watch = labels_of(y, kind), Watch()
    settings = {} if iterator is None else {"iterator_train": iterator}
    ordered = {**SMALL, "max_epochs": 1, "iterator_train__shuffle": False}
    NetClassifier(**ordered, **settings, callbacks=[watch]).fit(X, y)
    assert np.concatenate([np.asarray(part) for part in watch.seen]).tolist() == y.tolist()
    assert np.concatenate([np.asarray(part) for part in watch.gradients]).tolist() == y.tolist()
    assert watch.whole.tolist() == y.tolist()


@pytest.mark.parametrize("weighted", [False, True])
def test_callbacks_are_shown_targets_in_their_units_without_weights(diabetes, weighted):
    X, y = diabetes
    watch = Watch()
    ordered = {**SMALL, "max_epochs": 1, "iterator_train__shuffle": False}
    weight = np.linspace(0.5, 2, len(y)) if weighted else None
    NetRegressor(**ordered, callbacks=[watch]).fit(X, y, sample_weight=weight)
    seen = torch.cat(watch.seen)
    assert seen.shape == y.shape
    # Standardised in float32, and back.
    np.testing.assert_allclose(seen, y, rtol=1e-5)


@pytest.mark.parametrize("callback", [EpochScoring, BatchScoring])
@pytest.mark.parametrize("use_caching", [True, False])
@pytest.mark.parametrize("on_train", [True, False])
@pytest.mark.parametrize("kind", ["from 1", "strings"])
def test_a_score_of_labels_in_training_is_that_of_the_net(
    iris, callback, use_caching, on_train, kind
):
    X, y = iris
    y = labels_of(y, kind)
    scores = callback(
        "accuracy", name="s", lower_is_better=False, on_train=on_train, use_caching=use_caching
    )
    net = NetClassifier(
        **SMALL | {"max_epochs": 20},
        train_split=ValidSplit(3, stratified=True),
        callbacks=[scores],
    ).fit(X, y)
    assert net.history[-1, "s"] > 0.8
    assert abs(net.history[-1, "s"] - net.score(X, y)) < 0.1


@pytest.mark.parametrize("use_caching", [True, False])
def test_a_score_of_targets_in_training_is_in_their_units(diabetes, use_caching):
    X, y = diabetes
    seen = []

    def score(net, X, y):
        seen.append((y, net.predict(X)))
        return r2_score(*seen[-1])

    split = ValidSplit(2)
    scores = EpochScoring(score, name="s", use_caching=use_caching)
    net = NetRegressor(**SMALL, train_split=split, callbacks=[scores]).fit(X, y)
    truth, predicted = seen[-1]
    np.testing.assert_allclose(truth, y[: len(truth)], rtol=1e-5)
    np.testing.assert_allclose(predicted, net.predict(X)[: len(truth)], rtol=1e-4)


def test_a_score_of_rows_without_a_cache_does_not_warn_of_names(iris):
    X, y = iris
    scores = EpochScoring("accuracy", use_caching=False, on_train=True)
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    NetClassifier(**SMALL, callbacks=[scores]).fit(frame, y)


def test_a_callback_that_changes_what_it_is_shown_does_not_change_what_is_learnt(iris):
    class Spoil(Callback):
        def on_batch_begin(self, net, batch=None, **kwargs):
            batch[1][:] = 1

    X, y = iris
    settings = {**SMALL, "fast": False}
    plain = NetClassifier(**settings).fit(X, y + 1).predict_proba(X)
    assert (
        NetClassifier(**settings, callbacks=[Spoil]).fit(X, y + 1).predict_proba(X) == plain
    ).all()


@pytest.mark.parametrize("kind", KINDS)
def test_labels_travel_with_the_weights(iris, tmp_path, kind):
    X, y = iris
    y = labels_of(y, kind)
    file = tmp_path / "params.pt"
    sizes = SIZES | {"module__n_outputs": len(np.unique(y))}
    net = NetClassifier(**SMALL).fit(X, y)
    net.save_params(f_params=file)
    other = NetClassifier(**SMALL, **sizes).initialize()
    other.load_params(f_params=file)
    assert other.predict(X).tolist() == net.predict(X).tolist()
    assert other.classes_.tolist() == np.unique(y).tolist()
    # It trains on with the classes that it has.
    other.partial_fit(X[:1], y[:1])
    assert len(other.classes_) == len(np.unique(y))


@pytest.mark.parametrize("n_columns", [0, 1, 2])
def test_the_scale_travels_with_the_weights(diabetes, tmp_path, n_columns):
    X, y = diabetes
    y = y if n_columns == 0 else np.stack([y, 5 - y], 1)[:, :n_columns]
    file = tmp_path / "params.pt"
    net = NetRegressor(**SMALL).fit(X, y)
    net.save_params(f_params=file)
    sizes = {"module__n_features": 10, "module__n_outputs": max(1, n_columns)}
    other = NetRegressor(**SMALL, **sizes).initialize()
    other.load_params(f_params=file)
    assert (other.predict(X) == net.predict(X)).all()
    assert other.predict(X).shape == y.shape


def test_the_file_is_one_for_torch_and_skorch_too(iris, tmp_path):
    X, y = iris
    file = tmp_path / "params.pt"
    net = NetClassifier(**SMALL).fit(X, labels_of(y, "strings"))
    net.save_params(f_params=file)
    module = MLP(4, 3, hidden_units=(8,), activation="silu")
    module.load_state_dict(torch.load(file, weights_only=True))
    stock = NeuralNetClassifier(MLP(4, 3, hidden_units=(8,), activation="silu")).initialize()
    stock.load_params(f_params=file)
    for name, value in net.module_.state_dict().items():
        assert torch.equal(module.state_dict()[name], value)
        assert torch.equal(stock.module_.state_dict()[name], value)
    assert not net.module_.state_dict()._metadata[""].keys() - {"version"}


@pytest.mark.parametrize("K", [NetClassifier, NetRegressor])
def test_weights_from_elsewhere_are_refused_labels_and_units(tmp_path, K):
    file = tmp_path / "params.pt"
    net = K(nn.Linear(4, 2)).initialize()
    torch.save(net.module_.state_dict(), file)
    net.load_params(f_params=file)
    name = "classes_" if K is NetClassifier else "target_scaler_"
    message = f"weights from a file and no `{name}`.*Call `fit`, or `load_params`"
    with pytest.raises(NotFittedError, match=message):
        net.predict(np.zeros((1, 4), np.float32))
    assert net.predict_proba(np.zeros((1, 4), np.float32)).shape == (1, 2)
    # Whoever has learnt them keeps them.
    rows = np.eye(4, dtype=np.float32)
    fitted = K(nn.Linear(4, 2), max_epochs=1).fit(
        rows, rows[:, :2] if K is NetRegressor else [5, 7] * 2
    )
    fitted.load_params(f_params=file)
    assert len(fitted.predict(rows)) == 4


def test_an_untrained_net_answers_in_codes(iris):
    net = NetClassifier(**SIZES).initialize()
    assert set(net.predict(iris[0])) <= {0, 1, 2}
    assert NetRegressor(**SIZES).initialize().predict(iris[0]).shape == (150, 3)


@pytest.mark.parametrize("K", [NetClassifier, NetRegressor])
def test_a_net_that_is_not_there_yet_cannot_answer(iris, K):
    with pytest.raises(NotInitializedError, match="is not initialized yet"):
        K().predict(iris[0])
    with pytest.raises(NotInitializedError, match="is not initialized yet"):
        K().predict_proba(iris[0])


@pytest.mark.parametrize("kind", KINDS)
def test_labels_go_with_tensors_too(iris, tmp_path, kind):
    safetensors = pytest.importorskip("safetensors.torch")
    X, y = iris
    y, file = labels_of(y, kind), tmp_path / "params.safetensors"
    net = NetClassifier(**SMALL).fit(X, y)
    net.save_params(f_params=file, use_safetensors=True)
    sizes = SIZES | {"module__n_outputs": len(net.classes_)}
    other = NetClassifier(**SMALL, **sizes).initialize()
    other.load_params(f_params=file, use_safetensors=True)
    assert (other.predict(X) == net.predict(X)).all()
    # Codes need no tensor of their own: anybody reads such a file.
    assert ("skensemble" in safetensors.load_file(file)) == (kind != "codes")


def test_the_scale_goes_with_tensors_too(diabetes, tmp_path):
    pytest.importorskip("safetensors")
    X, y = diabetes
    file = tmp_path / "params.safetensors"
    net = NetRegressor(**SMALL).fit(X, y)
    net.save_params(f_params=file, use_safetensors=True)
    sizes = {"module__n_features": 10, "module__n_outputs": 1}
    other = NetRegressor(**SMALL, **sizes).initialize()
    other.load_params(f_params=file, use_safetensors=True)
    assert (other.predict(X) == net.predict(X)).all()


def test_a_net_goes_on_after_it_was_pickled_by_a_callback(iris):
    X, y = iris
    keep = Keep()
    net = NetClassifier(**SMALL, callbacks=[("keep", keep)])
    net.fit(X, y + 1)
    assert keep.copy.predict(X).tolist() == net.predict(X).tolist()
    assert "_shown_" not in vars(keep.copy)


def test_coded_batches_stand_for_what_they_encode():
    batches = SimpleNamespace(dataset="rows", __iter__=None)
    assert CodedBatches(batches, abs).dataset == "rows"
    coded = CodedBatches([-1, -2], abs)
    assert list(coded) == [1, 2]
    assert len(coded) == 2
    assert pickle.loads(pickle.dumps(coded)).batches == [-1, -2]


def test_targets_of_a_form_of_ones_own_are_left_to_the_user(iris):
    class Two(torch.utils.data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return np.ones(4, np.float32), (index % 2, index % 2)

    class N(NetClassifier):
        def get_loss(self, y_pred, y_true, **kwargs):
            assert isinstance(y_true, list | tuple)
            return super().get_loss(y_pred, y_true[0], **kwargs)

    net = N(nn.Linear(4, 2), max_epochs=1).fit(Two(), None)
    assert accuracy_score(net.predict(Two()), net.predict(Two())) == 1
