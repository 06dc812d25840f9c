"""Images of 32 x 32 without meaning, and training by hand of a network that takes them."""

from collections.abc import Iterator
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

N_CLASSES = 10
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
LR = 0.05


def random_images(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Make images without meaning: how fast they are trained on does not depend on it."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 3, 32, 32), dtype=np.float32)
    return X, rng.integers(0, N_CLASSES, n)


def epochs_by_hand(
    module: nn.Module, X: Tensor, y: Tensor, *, batch_size: int, bf16: bool
) -> Iterator[float]:
    """Train a module on a device, and give the seconds of each epoch."""
    optimizer = torch.optim.SGD(
        module.parameters(),
        lr=LR,
        momentum=MOMENTUM,
        weight_decay=WEIGHT_DECAY,
        fused=X.is_cuda,
    )
    while True:
        begun = perf_counter()
        order = torch.randperm(len(X), device=X.device)
        losses = []
        for index in order.split(batch_size):
            optimizer.zero_grad()
            with torch.autocast(X.device.type, torch.bfloat16, enabled=bf16):
                loss = functional.cross_entropy(module(X[index]).float(), y[index])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        float(torch.stack(losses).mean())
        yield perf_counter() - begun
