"""Images in a net: bytes that stay bytes, axes in both orders, and random changes."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import predefined_split
from torch import nn
from torch.utils.data import DataLoader

from skensemble import InvalidParameterError, NetClassifier, NetRegressor
from skensemble.augmentation import RandomCrop, RandomFlip
from skensemble.modules import MLP, WideResNet
from skensemble.nets import _net_batches

BOTH = [RandomCrop(2), RandomFlip()]


class Small(nn.Sequential):
    """A convolution of floats, as a user may have written it."""

    def __init__(self, n_classes=2, n_channels=1):
        layers = nn.Conv2d(n_channels, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()
        super().__init__(*layers, nn.LazyLinear(n_classes))


def images(n=40, n_channels=3, side=8):
    """Make images of bytes, of which every other one is brighter above."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 128, (n, n_channels, side, side), dtype=np.uint8)
    y = np.arange(n) % 2
    X[y == 1, :, : side // 2] += 100
    return X, y


def fitted(X, y, kind=NetClassifier, module=WideResNet, **arguments):
    if module is WideResNet:
        arguments = {"module__depth": 10, "module__width": 1} | arguments
    arguments = {"max_epochs": 2, "batch_size": 16, "lr": 0.02, "random_state": 0} | arguments
    return kind(module, **arguments).fit(X, y)


def weights_of(net):
    return torch.cat([p.detach().flatten() for p in net.module_.state_dict().values()])


def test_bytes_and_their_floats_give_the_same_net():
    X, y = images()
    net = fitted(X, y)
    mean, std = X.mean((0, 2, 3)), X.std((0, 2, 3))
    statistics = {"module__channel_mean": tuple(mean), "module__channel_std": tuple(std)}
    other = fitted(X.astype(np.float32), y, **statistics)
    assert torch.equal(weights_of(net), weights_of(other))
    assert (net.predict_proba(X) == other.predict_proba(X.astype(np.float32))).all()
    assert (net.predict_proba(X) == net.predict_proba(X.astype(np.float64))).all()


def test_a_module_of_floats_gets_the_values_of_the_bytes():
    X, y = images()
    found = [fitted(rows, y, module=Small) for rows in (X, X.astype(np.float32))]
    assert torch.equal(*map(weights_of, found))
    assert (found[0].predict_proba(X) == found[1].predict_proba(X.astype(np.float32))).all()
    assert found[0].module_[0].in_channels == 3


def test_the_channels_may_come_last():
    X, y = images()
    last = np.ascontiguousarray(X.transpose(0, 2, 3, 1))
    net, other = fitted(X, y), fitted(last, y)
    assert torch.equal(weights_of(net), weights_of(other))
    assert (net.predict_proba(last) == net.predict_proba(X)).all()
    assert (net.predict_proba(torch.tensor(last)) == net.predict_proba(X)).all()
    grey, last = fitted(X[:, :1], y), fitted(X[:, 0, :, :, None], y)
    assert torch.equal(weights_of(grey), weights_of(last))


@pytest.mark.parametrize("way", ["channels", "images", "every second"])
def test_views_of_images_are_taken_as_their_copies_are(way):
    X, y = images()
    last = np.ascontiguousarray(X.transpose(0, 2, 3, 1))
    doubled = np.repeat(last, 2, axis=0)[::2]
    view = {"channels": last[..., ::-1], "images": last[::-1], "every second": doubled}[way]
    net, other = fitted(view, y), fitted(view.copy(), y)
    assert (net.predict_proba(view) == other.predict_proba(view.copy())).all()


def test_images_are_held_in_the_bytes_of_the_user():
    X, y = images()
    net = fitted(X, y)
    checked = net._check_data(X, y, None, first=False)[0]
    assert np.shares_memory(checked, X)
    assert net.get_dataset(checked).inputs.data_ptr() == X.ctypes.data
    assert np.shares_memory(net._check_rows(X), X)
    last = np.ascontiguousarray(X.transpose(0, 2, 3, 1))
    checked = net._check_rows(last)
    assert checked.shape == X.shape
    assert net.get_dataset(checked).inputs.data_ptr() == last.ctypes.data


@pytest.mark.parametrize(
    "arguments",
    [
        {"precision": "float64"},
        {"precision": "bf16"},
        {"channels_last": True},
        {"iterator_train": DataLoader, "iterator_valid": DataLoader},
    ],
    ids=str,
)
def test_every_way_to_a_batch_casts_bytes(arguments):
    X, y = images()
    found = [fitted(rows, y, module=Small, **arguments) for rows in (X, X.astype(np.float32))]
    assert torch.equal(*map(weights_of, found))
    assert next(found[0].module_.parameters()).dtype == found[0]._precision().weights
    assert (found[0].predict_proba(X) == found[1].predict_proba(X.astype(np.float32))).all()


def test_a_regressor_takes_images():
    X, y = images()
    module = nn.Sequential(nn.Flatten(), nn.Linear(192, 1))
    net = fitted(X, y.astype(float), NetRegressor, module, **NET_OF_VALUES)
    other = fitted(X.astype(np.float32), y.astype(float), NetRegressor, module, **NET_OF_VALUES)
    assert (net.predict(X) == other.predict(X.astype(np.float32))).all()
    assert np.isfinite(net.predict(X)).all()


NET_OF_VALUES = {"lr": 1e-8, "max_epochs": 20}


@pytest.mark.parametrize("arguments", [{}, {"fast": False}, {"iterator_valid": DataLoader}])
def test_changes_are_drawn_from_random_state(arguments):
    X, y = images()
    net, same = (fitted(X, y, augment=BOTH, **arguments) for _ in range(2))
    assert torch.equal(weights_of(net), weights_of(same))
    for other in ({"random_state": 1}, {"augment": BOTH[:1]}, {"augment": None}):
        assert not torch.equal(
            weights_of(net), weights_of(fitted(X, y, **{"augment": BOTH} | other))
        )


def test_lean_epochs_and_those_of_skorch_change_images_alike():
    X, y = images()
    lean, plain = (fitted(X, y, augment=BOTH, precision="float64", fast=f) for f in (True, False))
    assert lean.fast_report_.lean_epoch is None
    np.testing.assert_allclose(lean.predict_proba(X), plain.predict_proba(X), rtol=1e-9)


def seen_by(net, X, y):
    seen = []
    net.initialize()
    handle = net.module_.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    net.partial_fit(X, y)
    handle.remove()
    return torch.cat(seen)


def test_what_is_held_out_and_answered_is_not_changed():
    X, y = images(40)
    X[:] = np.arange(40)[:, None, None, None] + np.arange(8, dtype=np.uint8)
    net = NetClassifier(Small, max_epochs=1, augment=RandomFlip(1.0), random_state=0)
    net.set_params(train_split=ValidSplit(4), module__n_channels=3, batch_size=10)
    net.fit(X, y)
    seen = seen_by(net, X, y)
    rises = seen[:, 0, 0, -1] > seen[:, 0, 0, 0]
    assert rises.sum() == 10
    assert len(seen) == 40
    answered = []
    net.module_.register_forward_pre_hook(lambda _, args: answered.append(args[0].clone()))
    net.predict(X)
    assert torch.equal(torch.cat(answered), torch.tensor(X).float())


def test_rows_that_are_no_images_are_not_changed_at_random():
    with pytest.raises(InvalidParameterError, match="augment must be None for rows that are no im"):
        NetClassifier(augment=RandomFlip()).fit(np.zeros((4, 3)), [0, 1, 0, 1])
    X, y = images()
    with pytest.raises(InvalidParameterError, match="augment must be None for batches that Row"):
        fitted(X, y, augment=RandomFlip(), iterator_train=DataLoader)


class Notes(Callback):
    """Notes what a net predicts in a training."""

    def on_train_end(self, net, X, y, **kwargs):
        """Predict the rows as the user gave them."""
        self.proba = net.predict_proba(ROWS)


ROWS = np.ascontiguousarray(images()[0].transpose(0, 2, 3, 1))


def test_callbacks_and_splits_may_have_the_channels_last():
    X, y = images()
    net = NetClassifier(MLP, max_epochs=2, lr=1e-3, random_state=0, callbacks=[("notes", Notes())])
    net.set_params(train_split=predefined_split(Dataset(ROWS, y))).fit(ROWS, y)
    assert (dict(net.callbacks_)["notes"].proba == net.predict_proba(X)).all()
    # The last loss of the split is that of the net that was trained.
    expected = -np.log(net.predict_proba(X)[np.arange(len(y)), y]).mean()
    assert net.history[-1, "valid_loss"] == pytest.approx(expected, rel=1e-4)


def test_no_image_is_changed_for_an_answer_in_training_mode():
    X, y = images()
    X[:] = np.arange(8, dtype=np.uint8)
    net = fitted(X, y, module=Small, augment=RandomFlip(1.0))
    seen = []
    net.module_.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    net.forward(X, training=True)
    assert (torch.cat(seen)[..., -1] == 7).all()


def test_a_module_that_was_built_before_its_bytes_came_is_warned_of():
    X, y = images()
    settings = {"module__depth": 10, "module__width": 1, "max_epochs": 1, "random_state": 0}
    net = NetClassifier(WideResNet, warm_start=True, **settings).fit(X.astype(np.float32) / 255, y)
    with pytest.warns(UserWarning, match="was built before images of bytes came"):
        net.fit(X, y)
    NetClassifier(WideResNet, **settings).fit(X, y).partial_fit(X, y)


def test_what_the_user_sets_goes_before_what_images_say():
    X, y = images()
    net = fitted(X, y)
    net.set_params(module__channel_mean=(1.0, 2.0, 3.0)).fit(X, y)
    assert net.get_params_for("module")["channel_mean"] == (1.0, 2.0, 3.0)


def test_a_device_answers_many_images_at_once(monkeypatch):
    X, y = images()
    net = fitted(X, y)
    monkeypatch.setattr(_net_batches, "forward_rows", lambda device, n, n_values, least: 7 * least)
    (batch,) = net.get_iterator(net.get_dataset(np.repeat(X, 2, axis=0)), training=False)
    assert len(batch[0]) == 80


def test_convolutions_of_three_axes_have_no_channels_last():
    net = NetClassifier(nn.Sequential(nn.Conv3d(1, 2, 2), nn.Flatten()), channels_last=True)
    with pytest.raises(InvalidParameterError, match="channels_last must be False for convolutions"):
        net.initialize()
