"""Averages over members: equal weights of the last m, and the stages on the way there."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skensemble._typing import FloatArray


def last_m_weights(n_members: int, m: int | None = None) -> NDArray[np.float64]:
    """Weights that average the last m of some members (Huang et al., 2017, section 3).

    Parameters
    ----------
    n_members : int
        Number of members, oldest first.
    m : int or None, default=None
        Number of members to average; None or more than there are means all.

    Returns
    -------
    weights : ndarray of shape (n_members,)
        ``1 / m`` for the last m members and 0 for the others.

    Examples
    --------
    >>> last_m_weights(4, 2)
    array([0. , 0. , 0.5, 0.5])
    """
    m = n_members if m is None else min(m, n_members)
    weights = np.zeros(n_members)
    weights[n_members - m :] = 1 / m
    return weights


LEAST_WEIGHT = 1e-3
"""Fitted weights below it are set to 0."""


def restrict_weights(weights: FloatArray, m: int | None = None) -> NDArray[np.float64]:
    """Weights of the last m of some members to which weights were fitted.

    First, weights below 0.001, or below half of the mean weight where that is less, are set to 0:
    their members would have to be run for next to nothing. Then those of the last m are divided by
    their sum.

    Parameters
    ----------
    weights : ndarray of shape (n_members,)
        Fitted weights, oldest member first; they sum to 1.
    m : int or None, default=None
        Number of members to average; None or more than there are means all.

    Returns
    -------
    weights : ndarray of shape (n_members,)
        They sum to 1, and are 0 for all but the last m members. Where the last m have no weight,
        theirs are equal.

    Examples
    --------
    >>> fitted = np.array([0.5995, 0.3, 0.1, 0.0005])
    >>> restrict_weights(fitted, 3)
    array([0.  , 0.75, 0.25, 0.  ])
    >>> restrict_weights(fitted, 1)
    array([0., 0., 0., 1.])
    """
    equal = last_m_weights(len(weights), m)
    least = min(LEAST_WEIGHT, 1 / (2 * len(weights)))
    kept = np.where((weights >= least) & (equal > 0), weights, 0.0)
    return kept / kept.sum() if kept.any() else equal


def average(member_outputs: Iterable[Any], weights: Iterable[float]) -> Any:
    """Weighted mean of what the members give: probabilities, not logits.

    The one mean of the package: predictions, validation rows and stages all come from here.

    Parameters
    ----------
    member_outputs : iterable of ndarray or Tensor of shape (n_samples, ...)
        Probabilities or regression values, one for each member. They are not changed.
    weights : iterable of float
        Weights that sum to 1, one for each member; what a member of weight 0 gives does not matter.

    Returns
    -------
    mean : ndarray or Tensor of shape (n_samples, ...)
        In the dtype of the outputs.

    Examples
    --------
    >>> average(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]), [0.25, 0.75])
    array([[0.25, 0.75]])
    """
    mean: Any = None
    for output, weight in zip(member_outputs, weights, strict=True):
        if weight and mean is None:
            mean = output * float(weight)
        elif weight:
            mean += output * float(weight)
    return mean


def staged_average(member_outputs: Sequence[Any] | FloatArray) -> Iterator[Any]:
    """Equal means of the last members: of the last one, the last two, up to all.

    Parameters
    ----------
    member_outputs : sequence of ndarray or Tensor of shape (n_samples, ...)
        Probabilities or regression values, oldest member first.

    Yields
    ------
    mean : ndarray or Tensor of shape (n_samples, ...)

    Examples
    --------
    >>> [mean.tolist() for mean in staged_average(np.array([[4.0], [2.0], [0.0]]))]
    [[0.0], [1.0], [2.0]]
    """
    n_members = len(member_outputs)
    for m in range(1, n_members + 1):
        yield average(member_outputs, last_m_weights(n_members, m))
