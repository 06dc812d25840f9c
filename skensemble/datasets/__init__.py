"""Readers of image datasets that lie on the disk; nothing is downloaded.

Each returns an `ImageData`: uint8 images (n, channels, height, width) and labels for training and
for the test.
"""

from skensemble.datasets._cifar import load_cifar10, load_cifar100
from skensemble.datasets._folder import load_image_folder
from skensemble.datasets._idx import load_idx
from skensemble.datasets._image_data import ImageData, limited, resized
from skensemble.datasets._svhn import load_svhn

__all__ = [
    "ImageData",
    "limited",
    "load_cifar10",
    "load_cifar100",
    "load_idx",
    "load_image_folder",
    "load_svhn",
    "resized",
]
