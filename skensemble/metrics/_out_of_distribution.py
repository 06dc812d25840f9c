"""Whether uncertainty tells rows like the training rows from others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from skensemble.metrics._quantiles import weighted_quantiles
from skensemble.metrics._validation import check_values, check_weights

__all__ = ["ood_auroc", "ood_fpr95"]


def ood_auroc(
    uncertainty_in: Any,
    uncertainty_out: Any,
    *,
    sample_weight_in: Any = None,
    sample_weight_out: Any = None,
) -> float:
    """How often a row from elsewhere is more uncertain than one like the training rows.

    Higher is better: 1 where uncertainty tells all of them apart, 0.5 where it tells nothing.

    It is the area under the ROC curve by scikit-learn [1]_. Rows of equal uncertainty count half.

    Parameters
    ----------
    uncertainty_in : array-like of shape (n_in,)
        Uncertainty of rows that are like the training rows, such as test rows: the entropy of the
        ensemble's mean, mutual information, or one minus the largest probability.
    uncertainty_out : array-like of shape (n_out,)
        Uncertainty of rows from elsewhere.
    sample_weight_in : array-like of shape (n_in,), default=None
        Weights of the rows that are like the training rows.
    sample_weight_out : array-like of shape (n_out,), default=None
        Weights of the rows from elsewhere.

    Returns
    -------
    area : float
        Between 0 and 1.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    References
    ----------
    .. [1] Hendrycks and Gimpel, "A baseline for detecting misclassified and out-of-distribution
       examples in neural networks", ICLR 2017.

    Examples
    --------
    >>> from skensemble.metrics import ood_auroc
    >>> ood_auroc([0.1, 0.4], [0.3, 0.9])
    0.75
    """
    inside, weight_in = _check_rows("in", uncertainty_in, sample_weight_in)
    outside, weight_out = _check_rows("out", uncertainty_out, sample_weight_out)
    is_out = np.repeat([0, 1], [len(inside), len(outside)])
    # Each side has a weight of 1: the area does not depend on how much there is of either.
    weights = np.concatenate([weight_in / weight_in.sum(), weight_out / weight_out.sum()])
    uncertainty = np.concatenate([inside, outside])
    return float(roc_auc_score(is_out, uncertainty, sample_weight=weights))


def ood_fpr95(
    uncertainty_in: Any,
    uncertainty_out: Any,
    *,
    sample_weight_in: Any = None,
    sample_weight_out: Any = None,
) -> float:
    """Share of rows from elsewhere that pass where 95 % of rows like the training rows do.

    Lower is better: 0 where none of them pass, 0.95 where uncertainty tells nothing.

    A row passes if its uncertainty is at most a threshold, the least one of
    `uncertainty_in` that lets at least 95 % of those rows pass, by weight; rows of equal
    uncertainty all pass or none [1]_.

    Parameters
    ----------
    uncertainty_in : array-like of shape (n_in,)
        Uncertainty of rows that are like the training rows, such as test rows: the entropy of the
        ensemble's mean, mutual information, or one minus the largest probability.
    uncertainty_out : array-like of shape (n_out,)
        Uncertainty of rows from elsewhere.
    sample_weight_in : array-like of shape (n_in,), default=None
        Weights of the rows that are like the training rows.
    sample_weight_out : array-like of shape (n_out,), default=None
        Weights of the rows from elsewhere.

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
    .. [1] Liang, Li and Srikant, "Enhancing the reliability of out-of-distribution image detection
       in neural networks", ICLR 2018. Positive is what is like the training rows.

    Examples
    --------
    >>> from skensemble.metrics import ood_fpr95
    >>> ood_fpr95([0.1, 0.2, 0.3, 0.4], [0.2, 0.5, 0.6, 0.7])
    0.25
    """
    inside, weight_in = _check_rows("in", uncertainty_in, sample_weight_in)
    outside, weight_out = _check_rows("out", uncertainty_out, sample_weight_out)
    threshold = weighted_quantiles(inside, np.array([0.95]), weight_in)
    return float(np.average(outside <= threshold, weights=weight_out))


def _check_rows(
    side: str, uncertainty: Any, sample_weight: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values = check_values(f"uncertainty_{side}", uncertainty)
    return values, check_weights(sample_weight, len(values), f"sample_weight_{side}")
