"""What a method is worth in nets of a deep ensemble."""

import math
from typing import Any

from skensemble._checks import check_real
from skensemble.metrics._validation import check_values

__all__ = ["deep_ensemble_equivalent"]


def deep_ensemble_equivalent(score: float, deep_ensemble_scores: Any) -> float:
    r"""Size of the deep ensemble that has the same calibrated log-likelihood.

    Higher is better: 3 says as good as three nets that were trained apart.

    The scores of deep ensembles of 1, 2, ... nets are joined by straight lines, and it is the least
    size, from 1 on, at which these reach the score [1]_:

    .. math:: \min \{ l \ge 1 : \mathrm{CLL}_\mathrm{DE}(l) \ge \mathrm{score} \}.

    So a score below that of one net is 1 too, and where the scores of deep ensembles fall again
    from some size on, the first size to reach the score counts. A deep ensemble of k nets has k,
    unless a smaller one is as good.

    Parameters
    ----------
    score : float
        Calibrated log-likelihood of the method, or another score of which higher is better.
    deep_ensemble_scores : array-like of shape (n_sizes,)
        The same score, on the same rows, of deep ensembles of 1, 2, ..., n_sizes nets.

    Returns
    -------
    size : float
        At least 1; ``math.inf`` where no size that was measured reaches the score, which is
        written as ``> n_sizes``.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    See Also
    --------
    calibrated_log_likelihood : The score that is meant.

    References
    ----------
    .. [1] Ashukha et al., "Pitfalls of in-domain uncertainty estimation and ensembling in deep
       learning", ICLR 2020.

    Examples
    --------
    >>> from skensemble.metrics import deep_ensemble_equivalent
    >>> deep_ensemble_equivalent(-0.25, [-0.5, -0.3, -0.2])
    2.5
    >>> deep_ensemble_equivalent(-0.1, [-0.5, -0.3, -0.2])
    inf
    """
    aim = check_real("score", score, -math.inf)
    scores = check_values("deep_ensemble_scores", deep_ensemble_scores)
    reached = (scores >= aim).nonzero()[0]
    if not reached.size:
        return math.inf
    first = int(reached[0])
    if first == 0:
        return 1.0
    low, high = scores[first - 1], scores[first]
    return float(first + (aim - low) / (high - low))
