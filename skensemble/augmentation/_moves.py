"""Crops, shifts and flips: changes that move the pixels of an image."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from skensemble._checks import check_int, check_real, reject
from skensemble.augmentation._base import Augmentation

FILLS = ("zero", "edge", "reflect")
"""What stands where an image was moved away from: 0, its last pixel, or its mirror image."""


class Move(Augmentation):
    """Base of what moves images along both axes, by whole numbers of pixels that are drawn."""

    fill: str
    n_drawn: ClassVar[int] = 2

    @property
    def leaves_gaps(self) -> bool:
        """Whether pixels may come from nowhere, and are 0 then."""
        return self.fill == "zero"

    def check(self) -> None:
        """Hold the arguments to their rules, as in `Augmentation.check`."""
        if self.fill not in FILLS:
            raise reject("fill", f"one of {list(FILLS)}", self.fill)

    def trace(
        self, rows: Tensor, columns: Tensor, drawn: Tensor, shape: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Say where the pixels of moved images come from, as in `Augmentation.trace`."""
        down, right = drawn[:, :1], drawn[:, 1:]
        rows = _source(rows, down, shape[0], self.fill)
        return rows, _source(columns, right, shape[1], self.fill)


@dataclass(frozen=True)
class RandomCrop(Move):
    """Pad images on all sides, and cut each to its size at a place of its own.

    That is a move by up to `padding` pixels along each axis: the usual augmentation of CIFAR, with
    `RandomFlip`.

    Parameters
    ----------
    padding : int, default=4
        Pixels on each side.
    fill : {"zero", "edge", "reflect"}, default="zero"
        What the images are padded with: 0 in the pixels as they were given, the pixel at the edge,
        or the image mirrored at it.

    Examples
    --------
    >>> from skensemble import NetClassifier
    >>> from skensemble.augmentation import RandomCrop, RandomFlip
    >>> from skensemble.modules import WideResNet
    >>> net = NetClassifier(WideResNet, augment=[RandomCrop(4), RandomFlip()])
    """

    padding: int = 4
    fill: str = "zero"

    def check(self) -> None:
        """Hold the arguments to their rules, as in `Augmentation.check`."""
        super().check()
        check_int("padding", self.padding, 0)

    def draw(self, n_images: int, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Draw how far each image is moved, as in `Augmentation.draw`."""
        if self.padding >= min(shape):
            rule = f"less than the sides of images of {shape[0]} x {shape[1]} pixels"
            raise reject("padding", rule, self.padding)
        return _shifts(n_images, (self.padding, self.padding), generator)


@dataclass(frozen=True)
class RandomShift(Move):
    """Move images along each axis by a whole number of pixels, up to a share of their side.

    With the defaults these are the shifts of Keras' `ImageDataGenerator` as the first package of
    snapshot ensembles used them.

    Parameters
    ----------
    fraction : float, default=0.15625
        Largest move, as a share of height and width; 5 of 32 pixels.
    fill : {"zero", "edge", "reflect"}, default="edge"
        What stands where the image was moved away from, as in `RandomCrop`.
    """

    fraction: float = 5 / 32
    fill: str = "edge"

    def check(self) -> None:
        """Hold the arguments to their rules, as in `Augmentation.check`."""
        super().check()
        check_real("fraction", self.fraction, 0, high=1, high_open=True)

    def draw(self, n_images: int, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Draw how far each image is moved, as in `Augmentation.draw`."""
        # A share such as .29 of 100 pixels is 28.999... in floats.
        height, width = (int(self.fraction * side + 1e-9) for side in shape)
        return _shifts(n_images, (height, width), generator)


@dataclass(frozen=True)
class RandomFlip(Augmentation):
    """Mirror images, left to right.

    Parameters
    ----------
    p : float, default=0.5
        Share of the images that are mirrored.
    """

    p: float = 0.5

    n_drawn: ClassVar[int] = 1

    def check(self) -> None:
        """Hold the arguments to their rules, as in `Augmentation.check`."""
        check_real("p", self.p, 0, high=1)

    def draw(self, n_images: int, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Draw which images are mirrored, as in `Augmentation.draw`."""
        return (torch.rand(n_images, 1, generator=generator) < self.p).long()

    def trace(
        self, rows: Tensor, columns: Tensor, drawn: Tensor, shape: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Say where the pixels of mirrored images come from, as in `Augmentation.trace`."""
        mirrored = torch.where(columns < 0, columns, shape[1] - 1 - columns)
        return rows, torch.where(drawn > 0, mirrored, columns)


def _shifts(n_images: int, most: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Draw whole numbers from -most to most, for rows and for columns."""
    drawn = [torch.randint(-m, m + 1, (n_images, 1), generator=generator) for m in most]
    return torch.cat(drawn, dim=1)


def _source(places: Tensor, shift: Tensor, side: int, fill: str) -> Tensor:
    """Return the places before a move along one axis, within the image; -1 for none."""
    source, last = places + shift, side - 1
    if fill == "edge":
        source = source.clamp(0, last)
    elif fill == "reflect":
        source = last - (last - source.abs()).abs()
    else:
        source = torch.where((source < 0) | (source > last), -1, source)
    return torch.where(places < 0, places, source)
