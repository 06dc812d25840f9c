"""What makes no look at the device: epochs on torch's device without memory, where a look fails."""

import numpy as np
import pytest
import torch
from torch import nn

from skensemble import NetClassifier, NetRegressor
from skensemble.augmentation import RandomCrop, RandomFlip
from skensemble.nets import StepCallback
from skensemble.nets._fast_report import FastReport
from tests.nets.replays import noting_blocking_moves

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(40, 12)).astype(np.float32)
IMAGES = RNG.normal(size=(40, 3, 4, 4)).astype(np.float32)
Y = np.arange(40) % 2
WEIGHT = RNG.uniform(0.5, 2, 40)


class Convolutional(nn.Sequential):
    """A convolution with batch normalisation, and dropout."""

    def __init__(self, p=0.0):
        layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(p), nn.Flatten()
        super().__init__(*layers, nn.Linear(16, 2))


def run_epoch(net, X, y, weight=None):
    """Run a lean epoch on the device "meta", and return how many losses its end is told of."""
    net.set_params(device="meta", batch_size=16)
    net.n_values_per_row_ = int(np.prod(X.shape[1:]))
    net._learn_targets(y, weight)
    net.rows_dtype_ = X.dtype.type
    net.order_seed_ = 0
    net.initialize()
    net._sample_weight_, net.fast_report_ = weight, FastReport()
    told = []
    # Its end is where the losses are looked at.
    vars(net)["end_epoch"] = lambda prefix, losses, n_rows: told.append((losses, n_rows))
    batches = net.get_iterator(net.get_dataset(X, y), training=True)
    net.history.new_epoch()
    with noting_blocking_moves() as moved:
        net.run_single_epoch(batches, True, "train", net.train_step)
    assert not moved
    (losses, n_rows), *_ = told
    assert n_rows == [16, 16, 8]
    assert net.fast_report_.lean_epoch is None
    assert all(loss.device.type == "meta" for loss in losses)
    return losses


# torch has its fused update of SGD for devices that compute alone.
SGD = {"optimizer__fused": False}
WAYS = {
    "SGD": SGD,
    "Adam": {"optimizer": torch.optim.Adam, "optimizer__fused": True},
    "AdamW": {"optimizer": torch.optim.AdamW, "optimizer__fused": True},
    "clipped": {"max_grad_norm": 0.1, **SGD},
    "graph": {"cuda_graph": "auto", **SGD},
    "float64": {"precision": "float64", **SGD},
}


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS)
def test_an_epoch_of_the_mlp_makes_no_look_but_at_its_end(settings, weight):
    net = NetClassifier(module__hidden_units=(8,), module__dropout=0.2, **settings)
    assert len(run_epoch(net, ROWS, Y, weight)) == 3
    assert net.fast_report_.closed_form is None
    own = {"module__column_dropout": 0.2, "module__column_scale": True, "precision": "bf16"}
    run_epoch(NetClassifier(**{**settings, **own}), ROWS, Y, weight)
    run_epoch(NetRegressor(**settings), ROWS, ROWS[:, :2], weight)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS)
def test_an_epoch_of_images_makes_no_look_but_at_its_end(settings, weight):
    net = NetClassifier(Convolutional, module__p=0.5, channels_last=True, **settings)
    run_epoch(net.set_params(augment=[RandomCrop(1), RandomFlip()]), IMAGES, Y, weight)
    pixels = (IMAGES * 50 + 100).clip(0, 255).astype(np.uint8)
    run_epoch(NetClassifier(Convolutional, **settings), pixels, Y, weight)


def test_classes_that_weigh_or_are_left_out_are_not_looked_at():
    net = NetClassifier(Convolutional, **SGD, criterion__weight=torch.ones(2, device="meta"))
    run_epoch(net.set_params(criterion__ignore_index=1), IMAGES, Y, WEIGHT)


class Looks(StepCallback):
    """Looks at the loss of each step."""

    def after_step(self, net, loss):
        """Look."""
        loss.item()


def test_a_look_fails_there():
    with pytest.raises(RuntimeError, match="cannot be called on meta tensors"):
        run_epoch(NetClassifier(Convolutional, **SGD, callbacks=[Looks()]), IMAGES, Y)
