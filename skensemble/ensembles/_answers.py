"""What members answer, held against what they are to answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skensemble.members import Predictor
from skensemble.seeding import building_seeded

TOLERANCE = {np.dtype(np.float32): 1e-3, np.dtype(np.float64): 1e-6}
"""Relative to the largest output of the rows; ways of computing differ in rounding."""


def seeded_outputs(
    predictor: Predictor, rows: Any, members: Sequence[int] | None = None
) -> np.ndarray:
    """Return what members answer, with a fixed seed for what they draw.

    Parameters
    ----------
    predictor : Predictor
    rows : ndarray or CSR matrix of shape (n_samples, ...)
    members : sequence of int, optional
        Indices of members; all by default.

    Returns
    -------
    outputs : ndarray of shape (n_members, n_samples, n_outputs)
    """
    members = range(len(predictor)) if members is None else members
    with building_seeded(0, predictor.device):
        return predictor.outputs(rows, members)


def differ(one: np.ndarray, other: np.ndarray, tolerance: float | None = None) -> bool:
    """Say whether outputs differ by more than rounding."""
    if one.shape != other.shape:
        return True
    tolerance = tolerance or TOLERANCE.get(one.dtype, 1e-3)
    with np.errstate(invalid="ignore"):
        size = np.abs(one[np.isfinite(one)]).max(initial=0)
    return not np.allclose(one, other, rtol=tolerance, atol=tolerance * size, equal_nan=True)
