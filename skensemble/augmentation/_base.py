"""What a random change of images is, and how the changes of a batch are made in one lookup."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from skensemble._checks import reject


class Augmentation:
    """Base of what changes images at random.

    Attributes
    ----------
    n_drawn : int
        Whole numbers that are drawn for an image.
    """

    n_drawn: ClassVar[int]

    @property
    def leaves_gaps(self) -> bool:
        """Whether pixels may come from nowhere, and are 0 then."""
        return False

    def check(self) -> None:
        """Hold the arguments to their rules.

        Raises
        ------
        InvalidParameterError
        """

    def draw(self, n_images: int, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Draw what is to be done with some images.

        Parameters
        ----------
        n_images : int
        shape : tuple of int
            Height and width.
        generator : torch.Generator
            On the CPU, whatever the device: the same seed gives the same images everywhere.

        Returns
        -------
        drawn : Tensor of shape (n_images, n_drawn)
            int64.
        """
        raise NotImplementedError

    def trace(
        self, rows: Tensor, columns: Tensor, drawn: Tensor, shape: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Say where pixels come from that are wanted after the change.

        Parameters
        ----------
        rows : Tensor of shape (n_images, height)
            Rows of pixels that are wanted; -1 for none.
        columns : Tensor of shape (n_images, width)
            Columns that are wanted; -1 for none.
        drawn : Tensor of shape (n_images, n_drawn)
        shape : tuple of int
            Height and width.

        Returns
        -------
        rows, columns : Tensor
            Where they were before it; -1 for pixels that are 0.
        """
        raise NotImplementedError


def augmentations_of(augment: Augmentation | Sequence[Augmentation] | None) -> list[Augmentation]:
    """Return the changes that the argument `augment` of a net stands for, checked.

    Parameters
    ----------
    augment : Augmentation, list of Augmentation or None

    Returns
    -------
    augmentations : list of Augmentation
        In the order in which they are made; empty for None.

    Raises
    ------
    InvalidParameterError
        If it is none of these, or an argument of one breaks a rule.
    """
    if augment is None:
        return []
    augmentations = [augment] if isinstance(augment, Augmentation) else augment
    are_known = isinstance(augmentations, list | tuple) and all(
        isinstance(one, Augmentation) for one in augmentations
    )
    if not are_known:
        rule = "None, an augmentation such as RandomCrop(4), or a list of them"
        raise reject("augment", rule, augment)
    for one in augmentations:
        one.check()
    return list(augmentations)


def draw_augmentations(
    augmentations: Sequence[Augmentation],
    n_images: int,
    shape: tuple[int, int],
    generator: torch.Generator,
) -> Tensor:
    """Draw what is to be done with some images.

    Parameters
    ----------
    augmentations : sequence of Augmentation
        One or more.
    n_images : int
    shape : tuple of int
        Height and width.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    drawn : Tensor of shape (n_images, n_drawn)
        What was drawn for each of them, side by side.
    """
    return torch.cat([one.draw(n_images, shape, generator) for one in augmentations], dim=1)


def augmented(images: Tensor, augmentations: Sequence[Augmentation], drawn: Tensor) -> Tensor:
    """Change images as it was drawn.

    Parameters
    ----------
    images : Tensor of shape (n_images, n_channels, height, width)
    augmentations : sequence of Augmentation
        The first is made first.
    drawn : Tensor of shape (n_images, n_drawn)
        From `draw_augmentations`, on the device of the images.

    Returns
    -------
    changed : Tensor of shape (n_images, n_channels, height, width)
    """
    n_images, n_channels, height, width = images.shape
    rows = torch.arange(height, device=images.device).expand(n_images, height)
    columns = torch.arange(width, device=images.device).expand(n_images, width)
    stop = drawn.shape[1]
    # Backwards: from a pixel of the result to where the last change took it from.
    for one in reversed(augmentations):
        own, stop = drawn[:, stop - one.n_drawn : stop], stop - one.n_drawn
        rows, columns = one.trace(rows, columns, own, (height, width))
    places = rows.clamp(min=0)[:, :, None] * width + columns.clamp(min=0)[:, None, :]
    places = places.view(n_images, 1, -1).expand(-1, n_channels, -1)
    found = images.flatten(2).gather(2, places).view(images.shape)
    if any(one.leaves_gaps for one in augmentations):
        # A product is several times faster on a CPU than a mask that is broadcast.
        are_there = (rows >= 0)[:, None, :, None] & (columns >= 0)[:, None, None, :]
        found.mul_(are_there.to(found.dtype))
    return found
