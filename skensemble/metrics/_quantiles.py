"""Quantiles of weighted rows that do not depend on the order or on the scale of the weights."""

import numpy as np
from numpy.typing import NDArray

from skensemble._typing import FloatArray

ROUNDING = 1e-12
"""A share of the weight is reached where rounding of the sum alone keeps it from being so."""


def weighted_quantiles(
    values: FloatArray, shares: FloatArray, weights: NDArray[np.float64]
) -> FloatArray:
    """Least value up to which at least a share of the weight lies, for each share.

    No value is interpolated, so that a row of weight 2 is a row that stands there twice.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
    shares : ndarray of shape (n_shares,)
        In ``(0, 1]``.
    weights : ndarray of shape (n_samples,)
        >= 0, and not 0 everywhere.

    Returns
    -------
    quantiles : ndarray of shape (n_shares,)
        Each is one of the values.

    Examples
    --------
    >>> import numpy as np
    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([0.5, 0.9]), np.array([1, 2, 1]))
    array([1., 3.])
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    needed = shares * reached[-1] * (1 - ROUNDING)
    return values[order][np.searchsorted(reached, needed, side="left")]
