"""What `train.py` and `predict.py` share: the options of the net, the images and a progress bar."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback
from tqdm import tqdm

from skensemble import datasets

READERS = {"images": "load_image_folder", "cifar10": "load_cifar10", "cifar100": "load_cifar100"}
"""What the path may be: names in `skensemble.datasets`."""

N_CLASSES = {"images": 10, "cifar10": 10, "cifar100": 100}
"""By which `--limit` is divided."""

VALIDATION_SHARE = 0.1
"""Of the training images, held out: nets never learn from them."""


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
        help="what PATH holds (images: a folder or tar of train/CLASS/NAME.jpg and test/...)",
    )
    data.add_argument("--cache", type=Path, metavar="DIR", help="where decoded images are kept")


def net_name(args):
    """Name the net, as papers do."""
    if args.model == "dn":
        return f"DenseNet-{args.dn_depth}-{args.dn_growth_rate}"
    return f"WRN-{6 * args.wrn_N + 4}-{args.wrn_k}"


def read_split(path, reader, cache, *, size, limit, seed):
    """Read images, average them to a size, and hold out a tenth of the training images.

    `limit` takes the first images of each class: so many of ten classes for training, held-out ones
    included, and as many for the test. The seed draws those that are held out.

    Raises
    ------
    ValueError, OSError
        If the images cannot be read; the message says why.
    """
    read, per_class = getattr(datasets, READERS[reader]), None
    if limit is not None:
        per_class = max(limit // N_CLASSES[reader], 1)
    # A folder or a tar need not be decoded to its end.
    few = {"per_class": per_class} if reader == "images" else {}
    data = read(path, cache=cache, **few)
    if per_class is not None:
        data = datasets.limited(data, per_class)
    if size is not None:
        data = datasets.resized(data, size)
    X_train, X_val, y_train, y_val = train_test_split(
        data.X_train,
        data.y_train,
        test_size=VALIDATION_SHARE,
        random_state=seed,
        stratify=data.y_train,
    )
    return Split(X_train, y_train, X_val, y_val, data.X_test, data.y_test)


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
