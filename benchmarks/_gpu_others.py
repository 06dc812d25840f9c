"""The same training by others: plain skorch and torchensemble, on a DataLoader of torch."""

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import torch
from _gpu_nets import Clock
from _gpu_place import Place, rate, rounded
from _images import (
    LR,
    MEAN,
    MOMENTUM,
    N_CLASSES,
    PADDING,
    SIDE,
    STD,
    WEIGHT_DECAY,
    random_images,
)
from skorch import NeuralNetClassifier
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from skensemble.modules import WideResNet

N_EPOCHS = 4
SGD = {"momentum": MOMENTUM, "nesterov": True, "weight_decay": WEIGHT_DECAY}


class Images(Dataset):
    """Images that are transformed one by one, as torchvision's own datasets do it."""

    classes = tuple(range(N_CLASSES))
    """Read by torchensemble, which would look at all images otherwise."""

    def __init__(self, X: np.ndarray, y: np.ndarray, transform: Any) -> None:
        self.X = np.ascontiguousarray(X.transpose(0, 2, 3, 1))
        self.y, self.transform = y, transform

    def __len__(self) -> int:
        """Give the number of images."""
        return len(self.X)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Transform an image."""
        return self.transform(self.X[index]), int(self.y[index])


class ClockedLoader(DataLoader):
    """A loader that notes when each pass over it begins; the device is at rest then."""

    def __iter__(self) -> Iterator[Any]:
        """Note the time and begin."""
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        vars(self).setdefault("begins", []).append(perf_counter())
        return super().__iter__()


def image_transform() -> tuple[str, Any]:
    """Give torchvision's transforms of an image, or ours that stand in for them, and their name."""
    try:
        from PIL import Image
        from torchvision import transforms
    except (ImportError, RuntimeError):
        return "a stand-in for torchvision's", stand_in
    steps = [
        Image.fromarray,
        transforms.RandomCrop(SIDE, padding=PADDING),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize([m / 255 for m in MEAN], [s / 255 for s in STD]),
    ]
    return "torchvision's", transforms.Compose(steps)


def stand_in(image: np.ndarray) -> Tensor:
    """Pad, crop, flip and standardise an image of shape (32, 32, 3)."""
    padded = functional.pad(torch.from_numpy(image).permute(2, 0, 1), [PADDING] * 4)
    down, right, flips = torch.randint(0, 2 * PADDING + 1, (3,)).tolist()
    cut = padded[:, down : down + SIDE, right : right + SIDE].float()
    standard = (cut - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    return standard.flip(2) if flips > PADDING else standard


def images_of_skorch(
    place: Place, *, depth: int, width: int, batch: int, n_batches: int, n_workers: int = 0
) -> dict[str, Any]:
    """Time the epochs of stock skorch, which computes in float32."""
    name, images = _images(place, batch, n_batches)
    net = NeuralNetClassifier(
        WideResNet(depth, width),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        **{f"optimizer__{key}": value for key, value in SGD.items()},
        lr=LR,
        max_epochs=N_EPOCHS,
        batch_size=batch,
        iterator_train__shuffle=True,
        iterator_train__num_workers=n_workers,
        train_split=None,
        classes=list(range(N_CLASSES)),
        verbose=0,
        device=str(place.device),
        callbacks=[("clock", Clock())],
    )
    torch.manual_seed(0)
    net.fit(images, None)
    seconds = dict(net.callbacks_)["clock"].seconds()
    return {
        "images/s": rate(len(images), seconds),
        "seconds": rounded(seconds),
        "transforms": name,
        "workers": n_workers,
    }


def images_of_torchensemble(
    place: Place, *, depth: int, width: int, batch: int, n_batches: int
) -> dict[str, Any]:
    """Time the epochs of torchensemble's snapshot ensemble, but the first and the last."""
    from torchensemble import SnapshotEnsembleClassifier

    name, images = _images(place, batch, n_batches)
    loader = ClockedLoader(images, batch_size=batch, shuffle=True)
    torch.manual_seed(0)
    ensemble = SnapshotEnsembleClassifier(
        estimator=WideResNet(depth, width), n_estimators=1, cuda=place.is_cuda
    )
    ensemble.set_optimizer("SGD", lr=LR, **SGD)
    # Without TensorBoard it prints "None" at each of its log intervals.
    with redirect_stdout(io.StringIO()):
        ensemble.fit(loader, epochs=N_EPOCHS + 1, log_interval=n_batches, save_model=False)
    seconds = [end - begin for begin, end in pairwise(loader.begins)][1:]
    return {
        "images/s": rate(len(images), seconds),
        "seconds": rounded(seconds),
        "transforms": name,
    }


def _images(place: Place, batch: int, n_batches: int) -> tuple[str, Images]:
    """Give the name of the transforms, and few images, as this is slow."""
    name, transform = image_transform()
    X, y = random_images((2 if place.quick else n_batches) * batch)
    return name, Images(X, y, transform)
