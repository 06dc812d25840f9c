"""A wide residual network for images of 32 x 32, and its training by hand."""

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


class Block(nn.Module):
    """Two convolutions of 3 x 3 behind their normalisations, and a way past them."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.before, self.between = nn.BatchNorm2d(n_in), nn.BatchNorm2d(n_out)
        self.first = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        changes = n_in != n_out
        self.past = nn.Conv2d(n_in, n_out, 1, stride, bias=False) if changes else nn.Identity()
        self.changes = changes

    def forward(self, x: Tensor) -> Tensor:
        """Add to the images what the convolutions make of them."""
        active = functional.relu(self.before(x))
        found = self.second(functional.relu(self.between(self.first(active))))
        return found + self.past(active if self.changes else x)


class WideResNet(nn.Sequential):
    """Wide residual network (Zagoruyko and Komodakis, 2016) without dropout."""

    def __init__(self, depth: int = 16, width: int = 4) -> None:
        n_blocks = (depth - 4) // 6
        channels = [16, 16 * width, 32 * width, 64 * width]
        layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False)]
        for group in range(3):
            for i in range(n_blocks):
                n_in = channels[group] if i == 0 else channels[group + 1]
                layers.append(Block(n_in, channels[group + 1], 2 if group and i == 0 else 1))
        end = nn.BatchNorm2d(channels[3]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        super().__init__(*layers, *end, nn.Linear(channels[3], N_CLASSES))


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
