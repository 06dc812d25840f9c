"""Sampling parts: the last part of each cycle, in which noise is added and samples are taken."""

from fractions import Fraction
from functools import lru_cache
from math import ceil

from skensemble._checks import InvalidParameterError
from skensemble.schedules._cycles import is_cycle_end, position


def is_in_sampling_part(
    t: int, T: int, *, M: int, sampling_fraction: float, samples_per_cycle: int = 1
) -> bool:
    """Say whether step t is in the sampling part of its cycle (Zhang et al., 2020, section 3).

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    M : int
        Number of cycles.
    sampling_fraction : float
        Fraction of the steps of a cycle, its last ones, rounded up.
    samples_per_cycle : int, default=1
        Samples that the part has to have room for; it is longer where they need it.

    Returns
    -------
    is_sampling : bool

    Raises
    ------
    InvalidParameterError
        If a cycle has fewer steps than samples.

    Examples
    --------
    >>> [t for t in range(1, 11) if is_in_sampling_part(t, 10, M=2, sampling_fraction=0.4)]
    [4, 5, 9, 10]
    """
    j, _ = _sampling_position(t, T, M, sampling_fraction, samples_per_cycle)
    return j >= 0


def is_sample(t: int, T: int, *, M: int, sampling_fraction: float, samples_per_cycle: int) -> bool:
    """Say whether a sample is taken after step t.

    The samples of a cycle are equally spaced in its sampling part; the last one is taken at the
    end of the cycle.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    M : int
        Number of cycles.
    sampling_fraction : float
        Fraction of the steps of a cycle, its last ones, rounded up.
    samples_per_cycle : int
        Samples that a cycle gives.

    Returns
    -------
    is_sample : bool

    Raises
    ------
    InvalidParameterError
        If a cycle has fewer steps than samples.

    Examples
    --------
    >>> sampling = {"M": 1, "sampling_fraction": 0.6, "samples_per_cycle": 2}
    >>> [t for t in range(1, 11) if is_sample(t, 10, **sampling)]
    [7, 10]
    """
    j, length = _sampling_position(t, T, M, sampling_fraction, samples_per_cycle)
    return j >= 0 and is_cycle_end(j + 1, length, M=samples_per_cycle)


def _sampling_position(
    t: int, T: int, M: int, sampling_fraction: float, samples_per_cycle: int
) -> tuple[int, int]:
    """Return the steps of the sampling part before t, negative before it, and the part's length."""
    _, j, length = position(t, T, M)
    if samples_per_cycle > length:
        raise InvalidParameterError(
            f"samples_per_cycle must be at most the {length} steps of a cycle, got "
            f"{samples_per_cycle}. Train for more epochs, or lower M."
        )
    n_sampling = max(_n_sampling(length, sampling_fraction), samples_per_cycle)
    return j - (length - n_sampling), n_sampling


@lru_cache(maxsize=256)
def _n_sampling(length: int, sampling_fraction: float) -> int:
    return ceil(Fraction(str(sampling_fraction)) * length)
