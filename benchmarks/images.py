"""What images in bytes cost beside their training: run ``python benchmarks/images.py``.

The peak of memory of a fit on as many images as CIFAR has, with a module that needs next to none,
as bytes, with random changes, with the channels last and as floats, each in a process of its own;
and the time of an epoch with random changes beside one without, in turn.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from _fresh import peak_bytes, reset_peak
from _report import environment
from torch import nn

from skensemble import NetClassifier, SnapshotEnsembleClassifier
from skensemble.augmentation import RandomCrop, RandomFlip
from skensemble.modules import WideResNet

N_IMAGES, N_CLASSES = 60_000, 10
CHANGES = [RandomCrop(4), RandomFlip()]
KINDS = ["bytes", "bytes, changed at random", "bytes, channels last", "floats"]
MODELS = ["net", "ensemble"]


class Tiny(nn.Sequential):
    """A linear module of the means of 8 x 8 pixels."""

    def __init__(self) -> None:
        super().__init__(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, N_CLASSES))


class Convolutions(nn.Sequential):
    """Two convolutions: less work than any network that is used on such images."""

    def __init__(self) -> None:
        first = nn.Conv2d(3, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU()
        second = nn.Conv2d(16, 32, 3, 2), nn.BatchNorm2d(32), nn.ReLU()
        end = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, N_CLASSES)
        super().__init__(*first, *second, *end)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write it with the raw numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--repeats", type=int, default=11, help="pairs of epochs")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    if arguments.child:
        kind, model, n_images = arguments.child
        print(json.dumps(measure_peaks(kind, model, int(n_images))))
        return
    n_images = 600 if arguments.quick else N_IMAGES
    found = {
        "environment": environment(),
        "images": n_images,
        "bytes": n_images * 3 * 32 * 32,
        "memory": {
            kind: {model: in_own_process(kind, model, n_images) for model in MODELS}
            for kind in KINDS
        },
        "epochs": measure_epochs(arguments.repeats, quick=arguments.quick),
    }
    (arguments.output / "images.json").write_text(json.dumps(found, indent=1) + "\n")
    text = report(found)
    (arguments.output / "images.md").write_text(text)
    print(text)


def in_own_process(kind: str, model: str, n_images: int) -> dict[str, int]:
    """Measure the peaks of a fit and of a prediction where nothing else was held before."""
    command = [sys.executable, __file__, "--child", kind, model, str(n_images)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def draw(n_images: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw images without meaning: what they cost does not depend on it."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (n_images, 3, 32, 32), dtype=np.uint8)
    return X, rng.integers(0, N_CLASSES, n_images)


def measure_peaks(kind: str, model: str, n_images: int) -> dict[str, int]:
    """Measure the bytes that a fit and a prediction hold at most beside the images."""
    changes = CHANGES if "changed" in kind else None
    net = NetClassifier(Tiny, max_epochs=2, batch_size=128, lr=1e-7, augment=changes, device="cpu")
    make = net if model == "net" else SnapshotEnsembleClassifier(net.set_params(lr=0.1), M=2)
    if model == "ensemble":
        make.set_params(alpha_zero=1e-7)
    X, y = draw(n_images)
    if kind == "bytes, channels last":
        X = np.ascontiguousarray(X.transpose(0, 2, 3, 1))
    if kind == "floats":
        X = X.astype(np.float32)
    # What torch and skorch load and set up at their first step is no part of a fit. Ten batches an
    # epoch: cycles are as long as they have to be.
    few = slice(0, 1280)
    make.fit(X[few], y[few]).predict_proba(X[few])
    peaks = {}
    for name, run in (("fit", lambda: make.fit(X, y)), ("predict", lambda: make.predict_proba(X))):
        before = reset_peak()
        run()
        peaks[name] = peak_bytes() - before
    return peaks


def measure_epochs(repeats: int, *, quick: bool) -> dict[str, Any]:
    """Measure the seconds of epochs without changes at random and with them, in turn."""
    n = 128 if quick else 1280
    nets = {
        "two convolutions": (Convolutions, {}, 4 * n),
        "WRN-10-1": (WideResNet, {"module__depth": 10, "module__width": 1}, n),
    }
    found: dict[str, Any] = {}
    for name, (module, of_module, n_images) in nets.items():
        X, y = draw(n_images)
        net = NetClassifier(module, **of_module, max_epochs=1, batch_size=128, device="cpu")
        pair = [net.set_params(augment=None).fit(X, y)]
        other = NetClassifier(module, **of_module, max_epochs=1, batch_size=128, device="cpu")
        pair.append(other.set_params(augment=CHANGES).fit(X, y))
        seconds: list[list[float]] = [[], []]
        for _ in range(repeats):
            for one, own in zip(pair, seconds, strict=True):
                # Of the processor: others may use the machine too.
                begun = time.process_time()
                one.partial_fit(X, y)
                own.append(time.process_time() - begun)
        found[name] = {"images": n_images, "without": seconds[0], "with": seconds[1]}
    return found


def report(found: dict[str, Any]) -> str:
    """Write the tables."""
    n_bytes = found["bytes"]
    lines = [
        "# Images in bytes",
        "",
        f"{found['images']:,} images of 32 x 32, {n_bytes / 1e6:.0f} MB in bytes. Memory beside "
        "them at the peak, as a multiple of that, with a module that needs next to none.",
        "",
        "| rows | net, fit | net, predict | ensemble, fit | ensemble, predict |",
        "|---|---|---|---|---|",
    ]
    for kind, models in found["memory"].items():
        values = [models[m][what] / n_bytes for m in MODELS for what in ("fit", "predict")]
        lines.append(f"| {kind} | " + " | ".join(f"{value:.2f}" for value in values) + " |")
    lines += [
        "",
        "Seconds of the processor for an epoch, batches of 128, without random changes and with "
        f"{CHANGES}: medians, and the median of the ratios of pairs.",
        "",
        "| net | images | without | with | ratio |",
        "|---|---|---|---|---|",
    ]
    for name, own in found["epochs"].items():
        ratios = [b / a for a, b in zip(own["without"], own["with"], strict=True)]
        values = median(own["without"]), median(own["with"]), median(ratios)
        numbers = f"{values[0]:.3f} | {values[1]:.3f} | {values[2]:.3f}"
        lines.append(f"| {name} | {own['images']:,} | {numbers} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
