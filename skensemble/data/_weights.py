"""Weights of rows, relative to each other."""

from typing import Any

import numpy as np

LEAST = 1e-30
"""Least weight beside a mean of 1: float32 still holds it after a division by a batch's rows."""


def relative_weights(sample_weight: Any) -> np.ndarray:
    """Divide weights of rows by their mean, so that only their size against each other counts.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,)
        Weights of any size, not all 0.

    Returns
    -------
    weight : ndarray of shape (n_samples,)
        float64, of mean 1, each at least `LEAST`.

    Examples
    --------
    >>> relative_weights([1e-300, 3e-300])
    array([0.5, 1.5])
    """
    weight = np.asarray(sample_weight, dtype=np.float64)
    # By the largest first: neither the sum nor a quotient can leave the range of float64.
    weight = weight / weight.max()
    weight /= weight.mean()
    return np.maximum(weight, LEAST, out=weight)
