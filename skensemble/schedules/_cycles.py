"""Where cycles end: the moments of snapshots."""

from bisect import bisect_left
from fractions import Fraction
from functools import lru_cache
from math import ceil

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
    # Fractions keep ceil exact: in floats 77 * (9 / 11) is 63.00000000000001.
    lengths = [Fraction(float(cycle_mult)) ** k for k in range(M)]
    whole, grown = sum(lengths, Fraction(0)), Fraction(0)
    ends = []
    for length in lengths:
        grown += length
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


def position(t: int, T: int, M: int, cycle_mult: float = 1.0) -> tuple[int, int, int]:
    """Cycle that step t is in, steps before t in it, and its length."""
    ends = cycle_ends(T, M, cycle_mult)
    if not 1 <= t <= T:
        raise reject("t", f"a step in 1..{T}", t)
    k = bisect_left(ends, t)
    start = ends[k - 1] if k else 0
    return k, t - 1 - start, ends[k] - start
