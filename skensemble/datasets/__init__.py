"""Readers of image datasets that lie on the disk; nothing is downloaded.

Each returns an `ImageData`: uint8 images (n, channels, height, width) and labels for training and
for the test.
"""

from skensemble.datasets._folder import load_image_folder
from skensemble.datasets._image_data import ImageData, limited, resized

__all__ = ["ImageData", "limited", "load_image_folder", "resized"]
