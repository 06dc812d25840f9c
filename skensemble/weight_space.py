"""Members as points in weight space: lines between them, their averages, distances and angles.

A member is a dict of arrays by name, as in `members_` of a fitted ensemble. Floats are mixed,
statistics of batch normalisation among them, which belong to no net in between until `with_members`
has computed them anew. Whole numbers, such as counts of batches, are those of one of the members.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skensemble._arrays import member_arrays, shares_of
from skensemble._checks import check_real, reject
from skensemble._typing import State

__all__ = ["angle", "average_of", "distance", "interpolate", "with_members"]

_STATISTICS = frozenset(("running_mean", "running_var"))
"""Floats of batch normalisation that are no weights, by the last part of their name."""


def interpolate(member_a: State, member_b: State, fraction: float) -> dict[str, NDArray[Any]]:
    """Return the point of a straight line in weight space, from one member to another.

    Parameters
    ----------
    member_a, member_b : dict of str to ndarray
        Members of one architecture.
    fraction : float
        Share of the way: 0 is `member_a`, 1 is `member_b`. Beyond them the line goes on.

    Returns
    -------
    member : dict of str to ndarray
        New arrays: ``(1 - fraction) * a + fraction * b``. Whole numbers are those of the nearer
        member.

    Raises
    ------
    InvalidParameterError
        If the members do not have the same arrays, or `fraction` is no finite number.

    See Also
    --------
    with_members : Makes an ensemble of such members, which predicts.

    Examples
    --------
    >>> from skensemble.weight_space import interpolate
    >>> interpolate({"weight": np.array([0.0, 4.0])}, {"weight": np.array([1.0, 0.0])}, 0.25)
    {'weight': array([0.25, 3.  ])}
    """
    fraction = check_real("fraction", fraction, -np.inf)
    ends = _alike(member_a=member_a, member_b=member_b)
    return _mixed(ends, np.array([1 - fraction, fraction]))


def average_of(members: Sequence[State], weights: Any = None) -> dict[str, NDArray[Any]]:
    """Return the weighted mean of members in weight space, as SWA averages.

    SWA is the method of [1]_.

    The mean of the members' probabilities, which an ensemble gives, is another thing.

    Parameters
    ----------
    members : sequence of dict of str to ndarray
        Members of one architecture.
    weights : array-like of shape (n_members,), default=None
        Weights, divided by their sum; None is equal ones.

    Returns
    -------
    member : dict of str to ndarray
        New arrays. Whole numbers are those of the member with the largest weight.

    Raises
    ------
    InvalidParameterError
        If there is no member, they do not have the same arrays, or `weights` are no weights.

    References
    ----------
    .. [1] Izmailov et al., "Averaging weights leads to wider optima and better generalization",
       UAI 2018.

    Examples
    --------
    >>> from skensemble.weight_space import average_of
    >>> average_of([{"weight": np.array([0.0, 4.0])}, {"weight": np.array([1.0, 0.0])}], [3, 1])
    {'weight': array([0.25, 3.  ])}
    """
    if not isinstance(members, Sequence) or not members:
        raise reject("members", "a sequence of at least one member", members)
    points = _alike(**{f"members[{k}]": member for k, member in enumerate(members)})
    return _mixed(points, shares_of(weights, len(members)))


def distance(member_a: State, member_b: State) -> float:
    """Return how far apart two members lie in weight space, as a straight line.

    Parameters
    ----------
    member_a, member_b : dict of str to ndarray
        Members of one architecture.

    Returns
    -------
    distance : float
        Euclidean, over all weights. What is no weight does not count: statistics of batch
        normalisation and whole numbers, nor buffers that a training leaves alone, in which members
        do not differ.

    Raises
    ------
    InvalidParameterError
        If the members do not have the same arrays.

    Examples
    --------
    >>> from skensemble.weight_space import distance
    >>> distance({"weight": np.array([0.0, 4.0])}, {"weight": np.array([3.0, 0.0])})
    5.0
    """
    ends = _alike(member_a=member_a, member_b=member_b)
    return float(np.linalg.norm(_step(*ends)))


def angle(member_a: State, origin: State, member_b: State) -> float:
    """Return the angle under which two members are seen from a third point of weight space.

    Parameters
    ----------
    member_a, origin, member_b : dict of str to ndarray
        Members of one architecture; the angle is at `origin`.

    Returns
    -------
    angle : float
        In degrees, from 0 to 180; over the weights that `distance` counts.

    Raises
    ------
    InvalidParameterError
        If the members do not have the same arrays, or one of the two has the weights of `origin`.

    Examples
    --------
    >>> from skensemble.weight_space import angle
    >>> at = [{"weight": np.array(place)} for place in ([2.0, 0.0], [0.0, 0.0], [3.0, 3.0])]
    >>> round(angle(*at), 6)
    45.0
    """
    end_a, start, end_b = _alike(member_a=member_a, origin=origin, member_b=member_b)
    directions = []
    for name, end in (("member_a", end_a), ("member_b", end_b)):
        step = _step(start, end)
        length = np.linalg.norm(step)
        if not length:
            raise reject(name, "other weights than those of origin", "the same")
        directions.append(step / length)
    one, other = directions
    # The arc cosine would lose small angles to rounding.
    halves = np.arctan2(np.linalg.norm(one - other), np.linalg.norm(one + other))
    return float(np.degrees(2 * halves))


def with_members(ensemble: Any, members: Sequence[State], X: Any = None) -> Any:
    """Return a fitted copy of an ensemble that has other members.

    Parameters
    ----------
    ensemble : ensemble of skensemble
        Fitted; it stays as it is. It makes the copy itself, so that this module, which knows of
        arrays alone, imports no ensemble. An ensemble of tables has nets that see a table in
        several ways, and takes no other members.
    members : sequence of dict of str to ndarray
        From `interpolate`, `average_of` or `members_`; they are copied. A member of the ensemble
        itself is taken with the statistics that it has.
    X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...), \
            default=None
        Training rows, over which the statistics of batch normalisation are computed for all other
        members, in batches that are shuffled; as rows of `predict`. Without batch normalisation
        they do not matter.

    Returns
    -------
    copy : ensemble
        It predicts, scores and pickles, with equal weights of all members: `m` is None and
        `weights` "uniform". What was learnt of other members is left out, such as `member_steps_`
        and `validation_scores_`; what tells of the training stays.

    Raises
    ------
    InvalidParameterError
        If there is no member, a member does not have the arrays of the ensemble's own, or there is
        batch normalisation and `X` is None or a single row.
    NotFittedError
        If the ensemble is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skensemble import SnapshotEnsembleClassifier
    >>> from skensemble.weight_space import average_of, with_members
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = SnapshotEnsembleClassifier(M=5, random_state=0).fit(X, y)
    >>> averaged = with_members(ensemble, [average_of(ensemble.members_[-2:])])
    >>> averaged.predict_proba(X).shape, averaged.weights_
    ((150, 3), array([1.]))
    """
    if not hasattr(ensemble, "_with_members"):
        raise reject("ensemble", "a fitted ensemble of skensemble", ensemble)
    return ensemble._with_members(members, X)


def _alike(**members: State) -> list[dict[str, NDArray[Any]]]:
    """Return the arrays of members, which are given by the names of their arguments.

    Raises
    ------
    InvalidParameterError
        If they are no members, or not all have the arrays of the first.
    """
    points = [member_arrays(name, member) for name, member in members.items()]
    first, *others = ({key: array.shape for key, array in point.items()} for point in points)
    for name, shapes in zip(list(members)[1:], others, strict=True):
        if shapes != first:
            rule = "a dict of arrays with the names and shapes of the other members' arrays"
            raise reject(name, rule, shapes)
    return points


def _mixed(members: Sequence[State], shares: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """Return the sum of members by shares that sum to 1."""
    nearest = members[int(np.argmax(shares))]
    mixed = {}
    for name, array in nearest.items():
        arrays = [member[name] for member in members]
        if array.dtype.kind not in "fc":
            mixed[name] = np.array(array)
            continue
        wide = np.result_type(array.dtype, np.float64)
        total = np.zeros(array.shape, wide)
        with np.errstate(invalid="ignore", over="ignore"):
            for share, own in zip(shares, arrays, strict=True):
                total += share * own.astype(wide)
            # Buffers may hold infinities, and what is the same in all is to stay so to the bit.
            is_same = np.all([own == array for own in arrays], axis=0)
            mixed[name] = np.where(is_same, array, total.astype(array.dtype))
    return mixed


def _step(origin: State, member: State) -> NDArray[np.float64]:
    """Return the way from one member to another, as a vector of all weights."""
    parts = [
        np.ravel(np.asarray(member[name], np.float64) - np.asarray(array, np.float64))
        for name, array in origin.items()
        if array.dtype.kind == "f" and name.rpartition(".")[2] not in _STATISTICS
    ]
    return np.concatenate(parts) if parts else np.zeros(0)
