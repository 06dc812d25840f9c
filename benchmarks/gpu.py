"""What our nets cost on a GPU beside a loop written by hand: run ``python benchmarks/gpu.py``.

Images per second of WRN-16-4, way by way, also with steps that are recorded as CUDA graphs; rows
per second of a small MLP; steps of nets in lock-step; and the lines of an epoch that wait for the
device.
"""

import argparse
import json
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from _gpu_cells import graphed_epochs, lockstep_cells
from _images import LR, MOMENTUM, WEIGHT_DECAY, epochs_by_hand, random_images
from skorch.callbacks import Callback
from torch import nn

from skensemble import NetClassifier
from skensemble.modules import MLP, WideResNet

BATCH_SIZE = 128
WAYS = [("float32", False), ("bf16", False), ("float32", True), ("bf16", True)]
"""Precision, and whether the module is compiled."""


class Clock(Callback):
    """Note when an epoch ends."""

    def initialize(self) -> "Clock":
        """Forget what was noted."""
        self.ends: list[float] = []
        return self

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Note the time; the loss of the epoch has been waited for."""
        self.ends.append(perf_counter())


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what fits into the budget, print it, and write the raw numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--budget", type=float, default=200, help="seconds")
    parser.add_argument("--data", help="not read yet: images are drawn")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where gpu.json goes")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    arguments = parser.parse_args(argv)
    begun = perf_counter()
    device = torch.device(arguments.device)
    card = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    found: dict[str, Any] = {"torch": torch.__version__, "device": card, "cells": {}}
    for name, measure in cells(device, arguments.quick):
        if perf_counter() - begun > arguments.budget - 25:
            print(f"{name}: no time left")
            continue
        found["cells"][name] = guarded(measure)
        print(f"{name}: {found['cells'][name]}", flush=True)
        if arguments.output:
            (arguments.output / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")


def guarded(measure: Callable[[], Any]) -> Any:
    """Measure, or say what went wrong, so that the next cell runs."""
    try:
        return measure()
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        return f"FAILED {type(error).__name__}: {str(error)[:300]}"


def cells(device: torch.device, quick: bool) -> list[tuple[str, Callable[[], Any]]]:
    """Give the name and the function of each measurement."""
    n, depth, width = (128, 10, 1) if quick else (25_600, 16, 4)
    X, y = random_images(n)
    made: list[tuple[str, Callable[[], Any]]] = [
        ("lines that wait in an epoch", lambda: waiting_lines(device, X, y, depth, width))
    ]
    for precision, compiled in WAYS[:2] if quick else WAYS:
        name = f"WRN-{depth}-{width} {precision}{' compiled' if compiled else ''}"

        def ours(precision: str = precision, compiled: bool = compiled) -> Any:
            net = net_of(WideResNet, device, precision, compiled, depth=depth, width=width)
            return per_second(epochs_of(net, X, y), n)

        def by_hand(precision: str = precision, compiled: bool = compiled) -> Any:
            module: nn.Module = WideResNet(depth, width).to(device)
            module = torch.compile(module, dynamic=False) if compiled else module
            rows, targets = torch.tensor(X).to(device), torch.tensor(y).to(device)
            way = {"batch_size": BATCH_SIZE, "bf16": precision == "bf16"}
            return per_second(list(islice(epochs_by_hand(module, rows, targets, **way), 4)), n)

        made += [(f"{name}, ours", ours), (f"{name}, by hand", by_hand)]
    made += graph_cells(device, X, y, depth, width)
    made += lockstep_cells(device.type, quick=quick)
    flat = X.reshape(n, -1)[:, :16].copy()
    for place in dict.fromkeys((device.type, "cpu")):
        net = net_of(MLP, torch.device(place), "float32", False)
        name = f"MLP of {n} x 16 on {place}, ours"
        made.append((name, lambda net=net: per_second(epochs_of(net, flat, y), n)))
    return made


def graph_cells(
    device: torch.device, X: Any, y: Any, depth: int, width: int
) -> list[tuple[str, Callable[[], Any]]]:
    """Give the cells of bf16 in channels_last, with steps recorded as a graph and made each time.

    By hand there is the recorded one; the other is above.
    """
    n, name = len(X), f"WRN-{depth}-{width} bf16 NHWC"

    def ours(graph: Any) -> Any:
        net = net_of(WideResNet, device, "bf16", False, depth=depth, width=width)
        net.set_params(channels_last=True, cuda_graph=graph)
        found = {"images/s": per_second(epochs_of(net, X, y), n)}
        return found | {"left": net.fast_report_.cuda_graph}

    def by_hand() -> Any:
        module = WideResNet(depth, width).to(device).to(memory_format=torch.channels_last)
        rows = torch.tensor(X).to(device).contiguous(memory_format=torch.channels_last)
        epochs = graphed_epochs(module, rows, torch.tensor(y).to(device), batch_size=BATCH_SIZE)
        return per_second(list(islice(epochs, 4)), n // BATCH_SIZE * BATCH_SIZE)

    return [
        (f"{name}, ours, no graph", lambda: ours(False)),
        (f"{name}, ours, graph", lambda: ours("auto")),
        (f"{name}, by hand, graph", by_hand),
    ]


def net_of(
    module: type[nn.Module], device: torch.device, precision: str, compiled: bool, **of_module: int
) -> NetClassifier:
    """Make a net of four epochs with the settings of the loop by hand."""
    return NetClassifier(
        module,
        **{f"module__{name}": value for name, value in of_module.items()},
        optimizer__momentum=MOMENTUM,
        optimizer__weight_decay=WEIGHT_DECAY,
        lr=LR,
        batch_size=BATCH_SIZE,
        max_epochs=4,
        precision=precision,
        compile=compiled,
        device=str(device),
        callbacks=[("clock", Clock())],
    )


def epochs_of(net: NetClassifier, X: Any, y: Any) -> list[float]:
    """Give the seconds of each epoch but the first."""
    torch.manual_seed(0)
    ends = dict(net.fit(X, y).callbacks_)["clock"].ends
    return [end - begin for begin, end in pairwise(ends)]


def per_second(epochs: list[float], n: int) -> float:
    """Give rows per second in the middle one of the last three epochs."""
    return round(n / median(epochs[-3:]), 1)


def waiting_lines(device: torch.device, X: Any, y: Any, depth: int, width: int) -> Any:
    """Count, by line of Python, what waits for the device in a fit of four epochs."""
    if device.type != "cuda":
        return "not on a GPU"
    net = net_of(WideResNet, device, "float32", False, depth=depth, width=width)
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            net.fit(X[:1280], y[:1280])
    finally:
        torch.cuda.set_sync_debug_mode("default")
    lines = Counter(
        f"{Path(w.filename).name}:{w.lineno}" for w in caught if "synchroniz" in str(w.message)
    )
    return dict(lines.most_common())


if __name__ == "__main__":
    main()
