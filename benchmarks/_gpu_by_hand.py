"""Plain torch without skensemble: what the device can do, and the steps of an expert's own loop."""

import math
import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch
from _gpu_place import Place, rate, rounded
from _images import (
    LR,
    MOMENTUM,
    WEIGHT_DECAY,
    cropped_and_flipped,
    random_images,
)
from torch import Tensor, nn
from torch.nn import functional

from skensemble.modules import WideResNet

N_BEFORE = 4
"""Steps before the recording."""

N_IMAGES = 49_152
ROUND_SECONDS = 0.8


def ceilings(place: Place) -> dict[str, float]:
    """Measure the bounds of all: bytes copied on the device, and products of large matrices."""
    n = 2**30 if place.is_cuda else 2**20
    source = torch.empty(n, dtype=torch.bfloat16, device=place.device).fill_(1)
    target = torch.empty_like(source)
    m = 8192 if place.is_cuda else 128
    left, right = (torch.randn(m, m, device=place.device, dtype=torch.bfloat16) for _ in range(2))
    # The first round warms up.
    copies = [place.seconds(lambda: target.copy_(source), 5) for _ in range(4)][1:]
    products = [place.seconds(lambda: left @ right, 10) for _ in range(4)][1:]
    # A copy reads and writes.
    return {
        "copy TB/s": round(rate(5 * 2 * source.nbytes, copies) / 1e12, 4),
        "bf16 product TFLOP/s": round(rate(10 * 2 * m**3, products) / 1e12, 4),
    }


def steps_by_hand(
    place: Place,
    *,
    depth: int,
    width: int,
    batch: int,
    precision: str,
    channels_last: bool,
    compiled: bool,
    graph: bool,
) -> dict[str, Any]:
    """Time the steps of a loop that is written for this one purpose.

    A step draws crops and flips on the device, trains, and adds up the loss without a look at it.
    With `graph` the whole of it, the update included, is recorded once and replayed.

    Returns
    -------
    found : dict
        Images per second, in the middle one of three rounds; the mean loss of all steps.
    """
    torch.manual_seed(0)
    module = WideResNet(depth, width).to(place.device)
    if channels_last:
        module = module.to(memory_format=torch.channels_last)
    n = 4 * batch if place.quick else N_IMAGES
    X, y = (torch.from_numpy(values).to(place.device) for values in random_images(n))
    order = torch.randperm(n, device=place.device)
    index = order[:batch].clone()
    total, counted = torch.zeros((), device=place.device), torch.zeros((), device=place.device)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    draw = cropped_and_flipped(X, channels_last=channels_last, dtype=dtype)
    train = training_step(module, place, precision, compiled=compiled, graph=graph)

    def step() -> None:
        total.add_(train(draw(index), y[index]))
        counted.add_(1)

    begun = perf_counter()
    if graph and place.is_cuda:
        make = recorded(step)
    else:
        make = step
        for _ in range(N_BEFORE):
            step()
    place.wait()
    warm_up = perf_counter() - begun

    def many(n_steps: int) -> float:
        """Time steps on one batch after the other; what is left over at the end is left out."""
        batches = order[: n // batch * batch].split(batch)

        def run() -> None:
            for k in range(n_steps):
                index.copy_(batches[k % len(batches)])
                make()

        return place.seconds(run)

    n_steps = 2 if place.quick else max(10, min(400, int(ROUND_SECONDS * 10 / many(10))))
    seconds = [many(n_steps) for _ in range(3)]
    return {
        "images/s": rate(n_steps * batch, seconds),
        "steps": n_steps,
        "seconds": rounded(seconds),
        "warm-up s": round(warm_up, 2),
        "loss": finite(total.item() / counted.item()),
        **place.memory(),
    }


def training_step(
    module: nn.Module, place: Place, precision: str, *, compiled: bool, graph: bool
) -> Callable[[Tensor, Tensor], Tensor]:
    """Give the function that trains a module on a batch, and returns its loss."""
    optimizer = torch.optim.SGD(
        module.parameters(),
        # A recorded step reads its rate from the device.
        lr=torch.tensor(LR, device=place.device) if graph and place.is_cuda else LR,
        momentum=MOMENTUM,
        nesterov=True,
        weight_decay=WEIGHT_DECAY,
        fused=True,
    )
    call = torch.compile(module, dynamic=False) if compiled else module

    def train(X: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad(set_to_none=not graph)
        with torch.autocast(place.device.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = functional.cross_entropy(call(X).float(), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return train


def recorded(step: Callable[[], None]) -> Callable[[], None]:
    """Record a step as a CUDA graph, after some that are made on another stream."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with warnings.catch_warnings(), torch.cuda.stream(stream):
        # Torch says that gradients come from another stream than weights, which is meant here.
        warnings.simplefilter("ignore", UserWarning)
        for _ in range(N_BEFORE):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def finite(loss: float) -> float | str:
    """Give a loss as JSON can hold it."""
    return round(loss, 4) if math.isfinite(loss) else str(loss)
