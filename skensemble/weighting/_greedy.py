"""Weights of members by greedy selection."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skensemble._checks import check_int, reject
from skensemble.weighting._inputs import distinct, residuals, true_class_proba

Losses = Callable[[NDArray[np.float64], int], NDArray[np.float64]]


def greedy_weights(
    output: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    loss: str = "log_loss",
    n_rounds: int = 50,
) -> NDArray[np.float64]:
    """Weigh members by how often a greedy selection takes them.

    Each round adds the member to a bag with which the mean of the bag has the least loss; a member
    may be taken again [1]_. Weights are the shares of the members in the bag, as it was when its
    loss was least. So they are multiples of one over a whole number up to `n_rounds`, and few
    members have any: the optimum of `log_loss_weights` and `squared_error_weights` has less loss on
    these rows, and follows them more closely.

    Members that give the same share their weight. Another order of the members orders the weights
    alike, also where several would be as good to take.

    Parameters
    ----------
    output : array-like of shape (n_members, n_samples, ...)
        What each member gives on rows that it was not trained on: probabilities, as
        `log_loss_weights` takes them, or values, as `squared_error_weights` does.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The column of each row's true class, from 0, or true values.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; only their size against each other counts.
    loss : {"log_loss", "squared_error"}, default="log_loss"
        What the mean of the bag is to have little of.
    n_rounds : int, default=50
        Number of rounds.

    Returns
    -------
    weights : ndarray of shape (n_members,)
        At least 0, summing to 1.

    Raises
    ------
    InvalidParameterError
        If an argument breaks its rule.

    References
    ----------
    .. [1] Caruana et al., "Ensemble selection from libraries of models", ICML 2004, sections 2 and
       2.1.

    Examples
    --------
    The errors of three members; first the second is taken, then the third, which makes up for it:

    >>> from skensemble.weighting import greedy_weights
    >>> errors = [[5.0, 5.0], [1.0, 1.0], [-1.5, -1.5]]
    >>> greedy_weights(errors, [0.0, 0.0], loss="squared_error", n_rounds=2)
    array([0. , 0.5, 0.5])
    """
    n_rounds = check_int("n_rounds", n_rounds, 1)
    if loss == "log_loss":
        chosen, share = true_class_proba(output, y, sample_weight)
        members = distinct(chosen)
        losses = _log_losses(members.values, share)
    elif loss == "squared_error":
        members = distinct(residuals(output, y, sample_weight))
        losses = _squared_errors(members.values)
    else:
        raise reject("loss", "'log_loss' or 'squared_error'", loss)
    return members.share(_best_bag(losses, len(members.values), n_rounds))


def _best_bag(losses: Losses, n_members: int, n_rounds: int) -> NDArray[np.float64]:
    """Return how often each member is in the best of the bags of 1, 2, ... members."""
    bag, best, least = np.zeros(n_members), np.zeros(n_members), np.inf
    for size in range(1, n_rounds + 1):
        found = losses(bag, size)
        taken = int(found.argmin())
        bag[taken] += 1
        if found[taken] < least:
            best, least = bag.copy(), found[taken]
    return best


def _log_losses(q: NDArray[np.float64], share: NDArray[np.float64]) -> Losses:
    def losses(bag: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        """Give the loss of a bag with each of the members added to it."""
        return -(np.log((bag @ q + q) / size) @ share)

    return losses


def _squared_errors(residual: NDArray[np.float64]) -> Losses:
    products = residual @ residual.T
    squares = np.diag(products)

    def losses(bag: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        """Give the loss of a bag with each of the members added to it."""
        in_bag = products @ bag
        return (bag @ in_bag + 2 * in_bag + squares) / size**2

    return losses
