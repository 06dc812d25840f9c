"""Random changes of the images of a batch, which a net trains on in place of the images.

All of them move pixels: what was drawn for an image says where each of its pixels comes from, and
one lookup moves the pixels of a whole batch, on the device, in the bytes that the images are kept
in.
"""

from skensemble.augmentation._base import (
    Augmentation,
    augmentations_of,
    augmented,
    draw_augmentations,
)
from skensemble.augmentation._moves import RandomCrop, RandomFlip, RandomShift

__all__ = [
    "Augmentation",
    "RandomCrop",
    "RandomFlip",
    "RandomShift",
    "augmentations_of",
    "augmented",
    "draw_augmentations",
]
