"""Where a cell of the GPU benchmark runs, and how its time is taken."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch


@dataclass(frozen=True)
class Place:
    """What each cell is given.

    Attributes
    ----------
    device : torch.device
    quick : bool
        Whether to be done at once, with numbers that mean nothing.
    data : Path or None
        The archive of images.
    cache : Path
        Folder that decoded images lie in.
    so_far : callable
        Takes what a cell has found so far, which is kept if it does not end.
    """

    device: torch.device
    quick: bool
    data: Path | None
    cache: Path
    so_far: Callable[[Any], None]

    @property
    def is_cuda(self) -> bool:
        """Whether there is something to wait for."""
        return self.device.type == "cuda"

    def wait(self) -> None:
        """Wait until the device has done all that was asked for."""
        if self.is_cuda:
            torch.cuda.synchronize()

    def seconds(self, make: Callable[[], Any], n: int = 1) -> float:
        """Time n calls, from a device at rest to a device at rest."""
        self.wait()
        begun = perf_counter()
        for _ in range(n):
            make()
        self.wait()
        return perf_counter() - begun

    def memory(self) -> dict[str, float]:
        """Give the peak of the device's memory in the cell, in GB."""
        return {"GB": round(torch.cuda.max_memory_allocated() / 1e9, 2)} if self.is_cuda else {}


def rate(n: int, seconds: list[float]) -> float:
    """Give how many a second there were in the middle one of some rounds of n."""
    return round(n / median(seconds), 1)


def rounded(values: list[float], digits: int = 4) -> list[float]:
    """Round for the raw file."""
    return [round(value, digits) for value in values]
