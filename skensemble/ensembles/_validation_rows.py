"""Validation rows: messages about them name them, and a scale of their own is told of."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skensemble._checks import InvalidParameterError
from skensemble._warn import warn_user

NAMES = re.compile(r"(?<![\w'\"])(X|y|sample_weight)(?![\w'\"])")
"""Arguments of `fit` where a message names them."""

FAR = 2.0
"""Spreads of a feature by which the middle of validation rows may lie away, of many rows."""

LONG = 5.0
"""Ratio of the spreads of a feature, above which they are of other units, of many rows."""

N_ROWS = 500
"""Rows that are looked at."""

FEW_ROWS = 10
"""Rows below which nothing is said of a spread."""


@contextmanager
def naming_validation_rows() -> Iterator[None]:
    """Let errors and warnings inside the block say `X_val` where they say `X`."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            yield
    except ValueError as error:
        if type(error) not in (ValueError, InvalidParameterError):
            raise
        raise type(error)(_renamed(str(error))) from error
    for warning in caught:
        warn_user(_renamed(str(warning.message)), warning.category)


def warn_if_scaled_apart(X: Any, X_val: Any) -> None:
    """Warn about validation rows of another scale than the training rows.

    A Pipeline transforms `X` alone unless it is told to. With n validation rows, a feature counts
    as apart if the middle of `X_val` lies more than ``2 + 3 / sqrt(n)`` spreads of `X` from that of
    `X`, or, from 10 rows on, if one spread is more than ``5 + 50 / n`` times the other. The middle
    is the mean of the 10th, 50th and 90th percentile, which stays where a binary feature tips over;
    the spread lies between the first and the last of them, over 2.56: the standard deviation of a
    normal feature. The warning comes if at least half of the features that have a spread are apart.
    All values of rows of more than one axis are one feature; of sparse rows nothing is said.

    Parameters
    ----------
    X, X_val : ndarray or CSR matrix of shape (n_samples, ...)
        Training and validation rows.
    """
    if issparse(X) or issparse(X_val) or not len(X_val):
        return
    middle, spread = _middle_and_spread(X)
    middle_val, spread_val = _middle_and_spread(X_val)
    varies = spread > 0
    if not varies.any():
        return
    far = np.abs(middle_val - middle)[varies] / spread[varies]
    is_apart = far > FAR + 3 / np.sqrt(len(X_val))
    if len(X_val) >= FEW_ROWS:
        ratio = spread_val[varies] / spread[varies]
        longest = LONG * (1 + FEW_ROWS / len(X_val))
        is_apart |= (ratio > longest) | ((ratio > 0) & (ratio < 1 / longest))
    if 2 * is_apart.sum() >= len(is_apart):
        worst = int(np.argmax(np.where(is_apart, far, -1)))
        column = int(np.flatnonzero(varies)[worst])
        warn_user(
            f"X_val and X differ in scale in {is_apart.sum()} of {len(is_apart)} features: the "
            f"middle of feature {column} is {middle_val[column]:.3g} in X_val and "
            f"{middle[column]:.3g} in X. A Pipeline transforms X alone: let it transform X_val "
            "too, with Pipeline(..., transform_input=['X_val']), or hand over rows that are "
            "transformed."
        )


def _middle_and_spread(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle and the spread of each feature, of some rows."""
    rows = X[:: max(1, -(-len(X) // N_ROWS))].astype(np.float64)
    rows = rows if rows.ndim == 2 else rows.reshape(-1, 1)
    points = np.quantile(rows, [0.1, 0.5, 0.9], axis=0)
    return points.mean(axis=0), (points[2] - points[0]) / 2.56


def _renamed(text: str) -> str:
    return NAMES.sub(r"\1_val", text)
