"""Averages over members: their weights, the stages on the way there, and what a mean hides."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skensemble._arrays import TOLERANCE, are_probabilities, shares_of
from skensemble._checks import reject
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


def at_most_1(proba: FloatArray) -> FloatArray:
    """Cut off what rounding adds to a mean of ones; scikit-learn's metrics refuse more than 1.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        A mean of probabilities, or of scores of another scale, which are not to be cut.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes)
        The same array where there is nothing to cut.

    Examples
    --------
    >>> at_most_1(np.array([[1 + 2e-16, 0.0], [3.0, -2.0]]))
    array([[ 1.,  0.],
           [ 3., -2.]])
    """
    if not proba.max() > 1:
        return proba
    is_rounding = (proba > 1) & (proba <= 1 + 16 * np.finfo(proba.dtype).eps)
    return np.where(is_rounding, proba.dtype.type(1), proba)


class UncertaintyParts(NamedTuple):
    """How unsure an ensemble is of each row, and why: `total` is the sum of the other two.

    Parameters
    ----------
    total : ndarray of shape (n_samples,)
        Entropy of the members' mean, in nats: from 0 to the logarithm of the number of classes.
    aleatoric : ndarray of shape (n_samples,)
        Mean of the members' entropies, in nats: what each member by itself is unsure of, because
        classes overlap.
    epistemic : ndarray of shape (n_samples,)
        Mutual information of label and member, in nats: how far the members disagree, which more
        rows might settle. 0 where all say the same, and so for a single member.
    """

    total: NDArray[np.float64]
    aleatoric: NDArray[np.float64]
    epistemic: NDArray[np.float64]


class NoiseAndSpread(NamedTuple):
    """How far targets lie from what a regressor predicts, and why, in the targets' units.

    Both are standard deviations: the sum of their squares is the variance of a target.

    Parameters
    ----------
    noise : ndarray of shape (n_samples,) or (n_samples, n_outputs), or None
        What is left of the targets' spread where all members agree. None of nets that do not
        learn it.
    spread : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        How far the members disagree.
    """

    noise: NDArray[np.floating[Any]] | None
    spread: NDArray[np.floating[Any]]


def uncertainty_parts(member_proba: Any, weights: Any = None) -> UncertaintyParts:
    """Part the uncertainty of a mean of members into what each has and what lies between them.

    ``H(sum_k w_k p_k) = sum_k w_k H(p_k) + sum_k w_k KL(p_k || mean)``: the entropy of the mean is
    the mean of the entropies plus the mutual information of label and member [1]_.

    Parameters
    ----------
    member_proba : array-like of shape (n_members, n_samples, n_classes)
        Probabilities, as `member_predict_proba` gives them. Rows are divided by their sums, which
        the rounding of half precision may have moved by 0.001.
    weights : array-like of shape (n_members,), default=None
        Weights of the members, which are divided by their sum; None is equal ones. What a member of
        weight 0 says does not matter.

    Returns
    -------
    parts : UncertaintyParts
        Arrays `total`, `aleatoric` and `epistemic`, each of shape (n_samples,), in nats.

    Raises
    ------
    InvalidParameterError
        If `member_proba` is of another shape or holds no probabilities, or `weights` are no
        weights.

    References
    ----------
    .. [1] Depeweg et al., "Decomposition of uncertainty in Bayesian deep learning for efficient
       and risk-sensitive learning", ICML 2018, equation 2.

    Examples
    --------
    Both members are sure, of different classes; then both know nothing:

    >>> parts = uncertainty_parts([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    >>> parts.total.round(3)
    array([0.693, 0.693])
    >>> parts.aleatoric.round(3)
    array([0.   , 0.693])
    >>> parts.epistemic.round(3)
    array([0.693, 0.   ])
    """
    outputs = np.asarray(member_proba)
    if outputs.ndim != 3 or not len(outputs):
        rule = "of shape (n_members, n_samples, n_classes) with members in it"
        raise reject("member_proba", rule, outputs.shape)
    shares = shares_of(weights, len(outputs))
    members = [outputs[k].astype(np.float64) for k in np.flatnonzero(shares)]
    if not all(are_probabilities(proba, -TOLERANCE) for proba in members):
        raise reject("member_proba", "probabilities >= 0 that sum to 1 in each row", member_proba)
    members = [_rounded_away(proba) for proba in members]
    shares = shares[shares > 0]
    aleatoric = average(map(_entropy, members), shares)
    # By rounding the mean of equal members may be surer than they are.
    epistemic = np.maximum(_entropy(average(members, shares)) - aleatoric, 0.0)
    return UncertaintyParts(aleatoric + epistemic, aleatoric, epistemic)


def _rounded_away(proba: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities that are >= 0 and sum to 1, from those that rounding has moved."""
    proba = np.maximum(proba, 0.0)
    whole: NDArray[np.float64] = proba.sum(axis=1, keepdims=True)
    return proba / whole


def _entropy(proba: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the entropy of each row in nats; a probability of 0 adds nothing."""
    terms = proba * np.log(np.where(proba > 0, proba, 1.0))
    entropy: NDArray[np.float64] = -terms.sum(axis=1)
    # Adding 0 turns minus zero into zero.
    return entropy + 0.0
