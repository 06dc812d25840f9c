"""What `train.py` and `predict.py` share: the options of the net, the images and a progress bar."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from skorch.callbacks import Callback
from tqdm import tqdm

from skensemble.datasets import load_cifar10, load_cifar100, load_image_folder

READERS = {"images": load_image_folder, "cifar10": load_cifar10, "cifar100": load_cifar100}

VALIDATION_SHARE = 10
"""One of so many training images is held out: nets never learn from it."""


class Split(NamedTuple):
    """Images as `uint8` of shape (n, channels, size, size), with their labels."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def add_net_options(parser):
    """Add the options that say which net it is; they also name its file."""
    net = parser.add_argument_group("net")
    net.add_argument("--model", choices=("wrn", "dn"), default="wrn", help="WRN or DenseNet")
    net.add_argument("--wrn_N", type=int, default=2, help="blocks of a group: depth 6 N + 4")
    net.add_argument("--wrn_k", type=int, default=4, help="width")
    net.add_argument("--dn_depth", type=int, default=40, help="depth: 3 n + 4")
    net.add_argument("--dn_growth_rate", type=int, default=12, help="channels that a layer adds")


def add_data_options(parser, *, required):
    """Add the options that say where the images lie."""
    data = parser.add_argument_group("images")
    data.add_argument(
        "--data", type=Path, required=required, metavar="PATH", help="file or folder of the images"
    )
    data.add_argument(
        "--reader",
        choices=READERS,
        default="images",
        help="what PATH is: train/CLASS/NAME.jpg and test/..., as a folder or a tar; or CIFAR's own",
    )
    data.add_argument("--cache", type=Path, metavar="DIR", help="where decoded images are kept")


def net_name(args):
    """Name the net, as papers do."""
    if args.model == "dn":
        return f"DenseNet-{args.dn_depth}-{args.dn_growth_rate}"
    return f"WRN-{6 * args.wrn_N + 4}-{args.wrn_k}"


def read_split(path, reader, cache, *, size, limit, seed):
    """Read images, hold out a tenth of the training images, and average them to a size.

    `limit` takes so many training images, held-out ones included, and so many test images at most:
    the same ones whatever the seed is. The seed draws those that are held out.
    """
    data = READERS[reader](path, cache=cache)
    train, test = (_some(len(y), limit) for y in (data.y_train, data.y_test))
    train = np.random.default_rng(seed).permutation(train)
    val, train = np.split(train, [len(train) // VALIDATION_SHARE])
    return Split(
        shrink(data.X_train[train], size),
        data.y_train[train],
        shrink(data.X_train[val], size),
        data.y_train[val],
        shrink(data.X_test[test], size),
        data.y_test[test],
    )


def _some(n, limit):
    """Draw the indices of some rows, in a fixed order."""
    return np.random.default_rng(0).permutation(n)[:limit]


def shrink(X, size):
    """Average the pixels of images over squares, to the nearest whole number.

    Raises
    ------
    ValueError
        If the size does not divide that of the images.
    """
    n, n_channels, height, width = X.shape
    if size is None or size == height == width:
        return X
    if height != width or size < 1 or height % size:
        raise ValueError(f"--size must divide that of the images, {height} x {width}, got {size}.")
    k = height // size
    total = X.reshape(n, n_channels, size, k, size, k).sum(axis=(3, 5), dtype=np.uint32)
    return ((total + k * k // 2) // (k * k)).astype(np.uint8)


class EpochBar(Callback):
    """A progress bar of epochs: learning rate, loss, images per second, and the time left.

    It looks on at the ends of epochs only, so that nothing waits within them.

    Parameters
    ----------
    name : str
        What is shown before the bar.
    """

    def __init__(self, name):
        self.name = name

    def on_train_begin(self, net, **kwargs):
        """Show an empty bar."""
        self.bar_ = tqdm(total=net.max_epochs, desc=self.name, unit="epoch")

    def on_epoch_end(self, net, dataset_train=None, **kwargs):
        """Move on by an epoch, and show what it was like."""
        epoch = net.history[-1]
        rate = float(net.optimizer_.param_groups[0]["lr"])
        shown = {"rate": f"{rate:.4f}", "loss": f"{epoch['train_loss']:.4f}"}
        if dataset_train is not None:
            shown["images/s"] = f"{len(dataset_train) / epoch['dur']:.0f}"
        self.bar_.set_postfix(shown, refresh=False)
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        """Leave the bar as it is, and keep nothing that a pickle cannot hold."""
        self.bar_.close()
        del self.bar_
