"""Learning rates and the ends of cycles, per optimizer step.

Steps are counted from 1 to T, the number of optimizer steps of the whole training.
A schedule is a function ``(t, T) -> rate``, a moment a function ``(t, T) -> bool``.
The functions here take further keywords; bind those with `functools.partial`, which
pickles, unlike a closure.
"""

from bisect import bisect_left
from fractions import Fraction
from functools import lru_cache
from math import ceil, cos, pi

from skensemble._checks import InvalidParameterError, check_int, reject


@lru_cache(maxsize=256)
def cycle_ends(T: int, M: int, cycle_mult: float = 1.0) -> tuple[int, ...]:
    """Last step of each of M cycles that share T steps.

    With ``cycle_mult=1`` cycle k ends at ``ceil(k * T / M)``, so that lengths differ by at
    most one step and the last cycle ends with the last step, whether M divides T or not.

    Parameters
    ----------
    T : int
        Optimizer steps in all.
    M : int
        Number of cycles.
    cycle_mult : float, default=1.0
        Length of a cycle over that of the cycle before.

    Returns
    -------
    ends : tuple of M ints
        Strictly increasing; the last one is T.

    Raises
    ------
    InvalidParameterError
        If a cycle would have no step.

    Examples
    --------
    >>> cycle_ends(10, 4)
    (3, 5, 8, 10)
    >>> cycle_ends(70, 3, cycle_mult=2)
    (10, 30, 70)
    """
    check_int("M", M, 1)
    # Fractions keep ceil exact: in floats 70 * (1 / 7) may land just above 10.
    shares = [Fraction(float(cycle_mult)) ** k for k in range(M)]
    whole, grown = sum(shares, Fraction(0)), Fraction(0)
    ends = []
    for share in shares:
        grown += share
        ends.append(ceil(T * grown / whole))
    if any(end <= before for before, end in zip([0, *ends], ends, strict=False)):
        if M > T:
            problem = f"M must be at most the number of optimizer steps, T={T}, got {M}."
        else:
            rule = f"leave each of M={M} cycles one of T={T} steps"
            problem = f"cycle_mult must {rule}, got {cycle_mult}."
        advice = "Train for more epochs, use smaller batches or fewer cycles."
        raise InvalidParameterError(f"{problem} {advice}")
    return tuple(ends)


def is_cycle_end(t: int, T: int, *, M: int, cycle_mult: float = 1.0) -> bool:
    """Say whether step t is the last of its cycle, the moment of a snapshot.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    M : int
        Number of cycles.
    cycle_mult : float, default=1.0
        Length of a cycle over that of the cycle before.

    Returns
    -------
    is_end : bool

    Examples
    --------
    >>> [t for t in range(1, 11) if is_cycle_end(t, 10, M=4)]
    [3, 5, 8, 10]
    """
    ends = cycle_ends(T, M, cycle_mult)
    return t in ends


def cyclic_cosine(
    t: int,
    T: int,
    *,
    M: int,
    alpha_zero: float,
    lr_min: float = 0.0,
    cycle_mult: float = 1.0,
    alpha_mult: float = 1.0,
) -> float:
    """Learning rate that falls along a half cosine in each of M cycles.

    With M a divisor of T and the other defaults this is equation 2 of [1]_. Growing cycles and a
    falling peak are those of SGDR [2]_.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    M : int
        Number of cycles.
    alpha_zero : float
        Rate of the first step of the first cycle.
    lr_min : float, default=0.0
        Rate that a cycle falls towards; its last step is one step short of it.
    cycle_mult : float, default=1.0
        Length of a cycle over that of the cycle before.
    alpha_mult : float, default=1.0
        Peak of a cycle over that of the cycle before; it stays at `lr_min` at least.

    Returns
    -------
    rate : float

    References
    ----------
    .. [1] Huang et al., "Snapshot Ensembles: Train 1, get M for free", ICLR 2017.
    .. [2] Loshchilov and Hutter, "SGDR: Stochastic gradient descent with warm restarts",
       ICLR 2017.

    Examples
    --------
    >>> [round(cyclic_cosine(t, 8, M=2, alpha_zero=0.1), 4) for t in range(1, 9)]
    [0.1, 0.0854, 0.05, 0.0146, 0.1, 0.0854, 0.05, 0.0146]
    """
    k, j, length = _position(t, T, M, cycle_mult)
    peak = max(lr_min, alpha_zero * alpha_mult**k)
    return lr_min + (peak - lr_min) / 2 * (cos(pi * j / length) + 1)


def cyclic_triangular(
    t: int,
    T: int,
    *,
    M: int,
    alpha_zero: float,
    lr_min: float = 0.0,
    cycle_mult: float = 1.0,
    alpha_mult: float = 1.0,
) -> float:
    """Learning rate that rises and falls along straight lines in each of M cycles.

    After [1]_, the peak is at half the cycle; the last step of a cycle is at `lr_min`.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    M : int
        Number of cycles.
    alpha_zero : float
        Peak of the first cycle.
    lr_min : float, default=0.0
        Rate at the end of each cycle.
    cycle_mult : float, default=1.0
        Length of a cycle over that of the cycle before.
    alpha_mult : float, default=1.0
        Peak of a cycle over that of the cycle before; it stays at `lr_min` at least.

    Returns
    -------
    rate : float

    References
    ----------
    .. [1] Smith, "Cyclical learning rates for training neural networks", WACV 2017.

    Examples
    --------
    >>> [round(cyclic_triangular(t, 8, M=2, alpha_zero=0.1), 4) for t in range(1, 9)]
    [0.05, 0.1, 0.05, 0.0, 0.05, 0.1, 0.05, 0.0]
    """
    k, j, length = _position(t, T, M, cycle_mult)
    peak = max(lr_min, alpha_zero * alpha_mult**k)
    return lr_min + (peak - lr_min) * (1 - abs(2 * (j + 1) / length - 1))


def step_decay(
    t: int,
    T: int,
    *,
    alpha_zero: float,
    milestones: tuple[float, ...] = (0.5, 0.75),
    factor: float = 0.1,
) -> float:
    """Learning rate that drops by a factor at given shares of the training.

    The standard schedule of the paper's single nets; with equally spaced snapshots it is the
    *NoCycle* baseline of Huang et al., 2017.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    alpha_zero : float
        Rate before the first milestone.
    milestones : tuple of float, default=(0.5, 0.75)
        Shares of T after which the rate drops.
    factor : float, default=0.1
        The rate after a milestone over that before it.

    Returns
    -------
    rate : float

    Examples
    --------
    >>> [round(step_decay(t, 4, alpha_zero=0.1), 4) for t in range(1, 5)]
    [0.1, 0.1, 0.01, 0.001]
    """
    passed = sum(t - 1 >= milestone * T for milestone in milestones)
    return alpha_zero * factor**passed


def _position(t: int, T: int, M: int, cycle_mult: float) -> tuple[int, int, int]:
    """Cycle that step t is in, steps before t in it, and its length."""
    ends = cycle_ends(T, M, cycle_mult)
    if not 1 <= t <= T:
        raise reject("t", f"a step in 1..{T}", t)
    k = bisect_left(ends, t)
    start = ends[k - 1] if k else 0
    return k, t - 1 - start, ends[k] - start
