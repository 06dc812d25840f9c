"""How much the members of an ensemble differ in what they predict."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skensemble.averaging import uncertainty_parts
from skensemble.metrics._validation import (
    check_member_outputs,
    check_member_proba,
    check_weights,
)

__all__ = ["disagreement", "mutual_information", "output_correlation"]


def disagreement(member_proba: Any, *, sample_weight: Any = None) -> float:
    """Share of rows on which two members predict different labels, as a mean over all pairs.

    Neither way is better: at 0 members add nothing to each other, and members that err seldom can
    disagree at most twice as often.

    A member predicts the label of the largest probability, the first one of equal probabilities.
    It is [1]_, not divided by the error of the members.

    Parameters
    ----------
    member_proba : array-like of shape (n_members, n_samples, n_classes)
        Probabilities of at least two members.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    share : float
        Between 0 and 1.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    References
    ----------
    .. [1] Fort, Hu and Lakshminarayanan, "Deep ensembles: a loss landscape perspective", 2019.

    Examples
    --------
    >>> from skensemble.metrics import disagreement
    >>> disagreement([[[0.9, 0.1], [0.8, 0.2]], [[0.6, 0.4], [0.3, 0.7]]])
    0.5
    """
    proba = check_member_proba(member_proba, least=2)
    weights = check_weights(sample_weight, proba.shape[1])
    n_members, _n_samples, n_classes = proba.shape
    predicted = proba.argmax(axis=2)
    votes = np.stack([(predicted == k).sum(axis=0) for k in range(n_classes)])
    # Of the ordered pairs of a row, those of members with the same vote agree.
    agree = (votes * (votes - 1)).sum(axis=0) / (n_members * (n_members - 1))
    return float(np.average(1 - agree, weights=weights))


def output_correlation(member_proba: Any, *, sample_weight: Any = None) -> NDArray[np.float64]:
    """Correlation of what each two members predict, over all rows, and classes or targets.

    The lower, the more an average of the members gains, if they are equally good.

    It is Pearson's, of the probabilities and not of the labels [1]_. Of several targets, those of
    the widest range count most.

    Parameters
    ----------
    member_proba : array-like of shape (n_members, n_samples, n_classes) or \
            (n_members, n_samples) or (n_members, n_samples, n_outputs)
        Probabilities of the members, or what they predict in regression, of one target or more.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    correlation : ndarray of shape (n_members, n_members)
        Symmetric, with ones on its diagonal; nan for a member that predicts the same everywhere.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    References
    ----------
    .. [1] Huang et al., "Snapshot ensembles: train 1, get M for free", ICLR 2017, figure 6.

    Examples
    --------
    >>> from skensemble.metrics import output_correlation
    >>> output_correlation([[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.4, 0.6]]]).round(3)
    array([[1.   , 0.99],
           [0.99, 1.   ]])
    """
    outputs = check_member_outputs(member_proba, least=1)
    weights = check_weights(sample_weight, outputs.shape[1])
    of_values = np.repeat(weights, outputs[0, 0].size)
    flat = outputs.reshape(len(outputs), -1).astype(np.float64)
    centred = flat - np.average(flat, axis=1, weights=of_values)[:, None]
    covariance = (centred * of_values) @ centred.T
    scale = np.sqrt(np.diag(covariance))
    scale[np.ptp(flat[:, of_values > 0], axis=1) == 0] = np.nan
    correlation = np.clip(covariance / np.outer(scale, scale), -1, 1)
    # Without the rounding of a root that is squared.
    np.fill_diagonal(correlation, np.where(np.isnan(scale), np.nan, 1.0))
    return correlation


def mutual_information(
    member_proba: Any, *, weights: Any = None, sample_weight: Any = None
) -> float:
    r"""Mean information in nats that a label has about which member is right.

    Neither way is better: 0 where all members predict the same; higher on rows that are unlike the
    training rows, if the ensemble is to tell them apart.

    A row's is the entropy of the members' mean minus the mean of their entropies, which are its
    total and its aleatoric uncertainty [1]_:

    .. math:: H(\sum_k w_k p_k) - \sum_k w_k H(p_k) \ge 0.

    Parameters
    ----------
    member_proba : array-like of shape (n_members, n_samples, n_classes)
        Probabilities of the members.
    weights : array-like of shape (n_members,), default=None
        Weights of the members, divided by their sum; None weighs them alike.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    information : float
        In nats, at most ``log(n_members)``.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    See Also
    --------
    skensemble.averaging.uncertainty_parts : The same row by row, with the other parts.

    References
    ----------
    .. [1] Depeweg et al., "Decomposition of uncertainty in Bayesian deep learning", ICML 2018.

    Examples
    --------
    >>> from skensemble.metrics import mutual_information
    >>> round(mutual_information([[[1.0, 0.0]], [[0.0, 1.0]]]), 4)
    0.6931
    """
    proba = check_member_proba(member_proba)
    of_rows = check_weights(sample_weight, proba.shape[1])
    return float(np.average(uncertainty_parts(proba, weights).epistemic, weights=of_rows))
