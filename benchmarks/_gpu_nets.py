"""Our nets on images: images per second, and the lines of an epoch that wait for the device."""

import warnings
from collections import Counter
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from _gpu_by_hand import finite
from _gpu_place import Place, rate, rounded
from _images import LR, MOMENTUM, PADDING, WEIGHT_DECAY, random_images
from skorch.callbacks import Callback

from skensemble import NetClassifier
from skensemble.modules import WideResNet

N_IMAGES = {16: 49_152, 28: 10_240}
"""Of an epoch, by depth: whole batches of 128 and of 512, as in the loop by hand."""

N_QUICK = 32
N_EPOCHS = 4


class Clock(Callback):
    """Note when an epoch ends; the device has done it then."""

    def initialize(self) -> "Clock":
        """Forget what was noted."""
        self.ends: list[float] = []
        return self

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Note the time."""
        if torch.device(net.device).type == "cuda":
            torch.cuda.synchronize()
        self.ends.append(perf_counter())

    def seconds(self) -> list[float]:
        """Give the seconds of each epoch but the first, which warms up."""
        return [end - begin for begin, end in pairwise(self.ends)]


def images_of_ours(
    place: Place, *, depth: int, width: int, batch: int, n_epochs: int = N_EPOCHS, **settings: Any
) -> dict[str, Any]:
    """Time the epochs of a `NetClassifier` on uint8 images that are cropped and flipped.

    Parameters
    ----------
    **settings : dict
        Of the net: `precision`, `channels_last`, `compile`, `cuda_graph`.

    Returns
    -------
    found : dict
        Images per second in the middle epoch but the first; why ways were left; warnings.
    """
    n = N_QUICK if place.quick else N_IMAGES[depth]
    X, y = random_images(n)
    net = net_of(place, depth, width, batch, max_epochs=n_epochs, **settings)
    begun = perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(X, y)
    clock = dict(net.callbacks_)["clock"]
    return {
        "images/s": rate(n, clock.seconds()),
        "seconds": rounded(clock.seconds()),
        "warm-up s": round(clock.ends[0] - begun, 2),
        "loss": finite(net.history[-1, "train_loss"]),
        "left": {way: why for way, why in vars(net.fast_report_).items() if why is not None},
        "warnings": [str(warning.message)[:200] for warning in caught][:3],
        **place.memory(),
    }


def net_of(place: Place, depth: int, width: int, batch: int, **settings: Any) -> NetClassifier:
    """Make a net with the settings of the loop by hand, and a clock."""
    return NetClassifier(
        WideResNet,
        module__depth=depth,
        module__width=width,
        optimizer__momentum=MOMENTUM,
        optimizer__weight_decay=WEIGHT_DECAY,
        lr=LR,
        batch_size=batch,
        device=str(place.device),
        callbacks=[("clock", Clock())],
        random_state=0,
        **augmentations(),
        **settings,
    )


def augmentations() -> dict[str, Any]:
    """Give the argument that crops and flips batches on the device."""
    from skensemble.augmentation import RandomCrop, RandomFlip

    return {"augment": [RandomCrop(PADDING), RandomFlip()]}


def waiting_lines(
    place: Place, *, depth: int, width: int, batch: int, **settings: Any
) -> dict[str, Any]:
    """Count, by line of Python, what waits for the device in a fit.

    A line with as many as there are steps waits in each of them.
    """
    n_epochs, n_steps = 4, 2 if place.quick else 20
    X, y = random_images(n_steps * batch)
    net = net_of(place, depth, width, batch, max_epochs=n_epochs, **settings)
    # In the first fit libraries wait for what they set up.
    net.fit(X, y)
    if place.is_cuda:
        torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            net.fit(X, y)
    finally:
        if place.is_cuda:
            torch.cuda.set_sync_debug_mode("default")
    return {
        "epochs": n_epochs,
        "steps": n_epochs * n_steps,
        "waits": lines_that_wait(caught),
        "left": {way: why for way, why in vars(net.fast_report_).items() if why is not None},
    }


def lines_that_wait(caught: list[warnings.WarningMessage]) -> dict[str, int]:
    """Count what torch's debug mode has warned of, by line, the most frequent ones first."""
    lines = Counter(
        f"{Path(warning.filename).name}:{warning.lineno}"
        for warning in caught
        if "called a synchronizing" in str(warning.message)
    )
    return dict(lines.most_common(25))
