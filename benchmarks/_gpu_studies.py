"""Trainings of the GPU benchmark that are more than steps: in lock-step, on CIFAR, on a table."""

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import perf_counter
from typing import Any

import numpy as np
import torch
from _competitors import blobs
from _gpu_nets import augmentations
from _gpu_place import Place, rounded
from _images import MOMENTUM, WEIGHT_DECAY
from _search_steps import time_together
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from skorch.callbacks import Callback

import skensemble
from skensemble import NetClassifier, SnapshotEnsembleClassifier, TabularSnapshotClassifier
from skensemble.modules import WideResNet

ALPHA_ZERO = 0.1
PACKAGE = str(Path(skensemble.__file__).parent)
WAITING = ("threading.py", "_paused_fit.py")
"""Files in which threads wait for others."""

N_TABLE_ROWS, N_TABLE_TESTS, N_COLUMNS = 10_000, 5_000, 20


def steps_in_lockstep(place: Place, *, K: int, n_epochs: int, cuda_graph: Any) -> dict[str, Any]:
    """Time a step of K nets of *blobs* that are trained together, in microseconds."""
    problem = replace(blobs(), max_epochs=n_epochs)
    together = lambda: time_together(  # noqa: E731 - one name for one call
        problem, "closed form", K, place.device.type, cuda_graph=cuda_graph
    )
    rounds: list[float] = []
    for _ in range(1 if place.quick else 3):
        rounds.append(K * together())
        place.so_far({"us a step": rounded(rounds, 1)})
    return {"us a step": round(median(rounds), 1), "rounds": rounded(rounds, 1)}


class Progress(Callback):
    """Tell how far a training has come."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def initialize(self) -> "Progress":
        """Begin to count."""
        self.ends = [perf_counter()]
        return self

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Tell the loss and the seconds of an epoch."""
        self.ends.append(perf_counter())
        seconds = self.ends[-1] - self.ends[-2]
        found = {"epochs": len(self.ends) - 1, "seconds of the last": round(seconds, 3)}
        self.place.so_far(found | {"loss": net.history[-1, "train_loss"]})

    def __deepcopy__(self, memo: Any) -> "Progress":
        """Stay what it is: the place tells to one file."""
        return Progress(self.place)


def training_on_images(
    place: Place, *, depth: int, width: int, batch: int, n_epochs: int, M: int, limit: int | None
) -> dict[str, Any]:
    """Train on the images of the archive, with snapshots at the ends of M cycles; 1 is one net.

    Returns
    -------
    found : dict
        Errors in per cent and log-losses in nats on the test images: of the ensemble, of its last
        member, and by number of last members; seconds of the fit and of the answer.
    """
    from skensemble.datasets import load_image_folder

    images = load_image_folder(place.data, cache=place.cache)
    X, y, X_test, y_test = (values[:limit] if limit else values for values in images[:4])
    net = NetClassifier(
        WideResNet,
        module__depth=depth,
        module__width=width,
        optimizer__momentum=MOMENTUM,
        optimizer__weight_decay=WEIGHT_DECAY,
        max_epochs=n_epochs,
        batch_size=batch,
        device=str(place.device),
        precision="bf16",
        channels_last=True,
        cuda_graph="auto",
        classes=list(range(len(images.class_names))),
        callbacks=[("progress", Progress(place))],
        **augmentations(),
    )
    ensemble = SnapshotEnsembleClassifier(net, M=M, alpha_zero=ALPHA_ZERO, random_state=0)
    fit_seconds = place.seconds(lambda: ensemble.fit(X, y))
    begun = perf_counter()
    members = ensemble.member_predict_proba(X_test)
    answer_seconds = perf_counter() - begun
    last = scores_of_last(members, y_test)
    return {
        "ensemble": last[-1],
        "last member": last[0],
        "last 1 to M": last,
        "fit s": round(fit_seconds, 2),
        "images/s": round(n_epochs * len(X) / fit_seconds, 1),
        "answer s": round(answer_seconds, 3),
        "rows": [len(X), len(X_test)],
        "epochs": n_epochs,
        **place.memory(),
    }


def scores_of_last(members: np.ndarray, y: np.ndarray) -> list[dict[str, float]]:
    """Give the error in per cent and the log-loss in nats of the last 1 to M members.

    Parameters
    ----------
    members : ndarray of shape (M, n, n_classes)
        Probabilities.
    y : ndarray of shape (n,)
        Classes.
    """
    found = []
    for k in range(1, len(members) + 1):
        proba = members[-k:].mean(axis=0)
        error = 100 * float((proba.argmax(axis=1) != y).mean())
        nll = float(log_loss(y, proba, labels=range(proba.shape[1])))
        found.append({"error %": round(error, 2), "NLL": round(nll, 4)})
    return found


def table_fit(place: Place, *, device: str, sampled: bool = False) -> dict[str, Any]:
    """Time a fit of `TabularSnapshotClassifier` with its defaults, and say where it goes.

    Parameters
    ----------
    device : str
        Of the nets; the place may be another.
    sampled : bool, default=False
        Whether to look fifty times a second at what all threads do.
    """
    n, n_tests = (200, 100) if place.quick else (N_TABLE_ROWS, N_TABLE_TESTS)
    X, y = make_classification(n + n_tests, N_COLUMNS, n_informative=12, random_state=0)
    X = X.astype(np.float32)
    few = {"max_cycles": 2, "max_steps": 60} if place.quick else {}
    ensemble = TabularSnapshotClassifier(device=device, random_state=0, **few)
    if device == "cuda":
        torch.zeros(1, device=device)
    sampler = Sampler(place.so_far)
    if sampled:
        sampler.start()
    seconds = place.seconds(lambda: ensemble.fit(X[:n], y[:n]))
    sampler.stop()
    proba = ensemble.predict_proba(X[n:])
    found = {"fit s": round(seconds, 2), "NLL": round(float(log_loss(y[n:], proba)), 4)}
    return found | (sampler.lines() if sampled else {})


class Sampler(Thread):
    """Look at the lines that all other threads are at, fifty times a second.

    A profiler sees the thread that it is started in, and lock-step trains in others.

    Parameters
    ----------
    so_far : callable
        Is given the lines every five seconds.
    """

    def __init__(self, so_far: Any) -> None:
        super().__init__(daemon=True)
        self.so_far, self.n, self.ends = so_far, 0, Event()
        self.inner: Counter[str] = Counter()
        self.ours: Counter[str] = Counter()

    def run(self) -> None:
        """Look until it is stopped."""
        while not self.ends.wait(0.02):
            self.n += 1
            for ident, frame in sys._current_frames().items():
                if ident != self.ident:
                    self.note(frame)
            if self.n % 250 == 0:
                self.so_far(self.lines())

    def note(self, frame: Any) -> None:
        """Count the innermost line, and the innermost one of ours, unless the thread waits."""
        if Path(frame.f_code.co_filename).name in WAITING:
            return
        self.inner[_line(frame)] += 1
        while frame is not None and not frame.f_code.co_filename.startswith(PACKAGE):
            frame = frame.f_back
        if frame is not None:
            self.ours[_line(frame)] += 1

    def stop(self) -> None:
        """Look no more."""
        self.ends.set()
        if self.is_alive():
            self.join()

    def lines(self) -> dict[str, Any]:
        """Give the lines that were seen most often, with how often."""
        top = {"innermost": self.inner, "ours": self.ours}
        return {"looks": self.n} | {name: dict(c.most_common(15)) for name, c in top.items()}


def _line(frame: Any) -> str:
    code = frame.f_code
    return f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_name}"
