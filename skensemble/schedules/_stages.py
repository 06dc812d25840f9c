"""Trainings of two stages: pretraining, and a tail in which weights are collected."""

from fractions import Fraction
from functools import lru_cache

from skensemble._checks import InvalidParameterError
from skensemble.schedules._cycles import is_cycle_end, position
from skensemble.schedules._cyclic import cyclic_cosine
from skensemble.schedules._decay import plateau_then_linear


def constant_tail(
    t: int, T: int, *, alpha_zero: float, tail_lr: float, pretrain_fraction: float
) -> float:
    """Learning rate that falls in pretraining and is constant afterwards.

    The schedule of SWA [1]_ and SWAG.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    alpha_zero : float
        Rate at the start.
    tail_lr : float
        Rate of the tail.
    pretrain_fraction : float
        Fraction of the steps before the tail.

    Returns
    -------
    rate : float

    References
    ----------
    .. [1] Izmailov et al., "Averaging weights leads to wider optima and better generalization",
       UAI 2018.

    Examples
    --------
    >>> bound = {"alpha_zero": 0.1, "tail_lr": 0.05, "pretrain_fraction": 0.5}
    >>> [constant_tail(t, 4, **bound) for t in range(1, 5)]
    [0.1, 0.1, 0.05, 0.05]
    """
    n_before, _ = _stages(T, pretrain_fraction)
    if t > n_before:
        return tail_lr
    return plateau_then_linear(t, n_before, alpha_zero=alpha_zero, end_lr=tail_lr)


def is_tail_point(t: int, T: int, *, n_averaged: int, pretrain_fraction: float) -> bool:
    """Say whether step t is one of some equally spaced steps of the tail.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    n_averaged : int
        Points in the tail, of which the last is the last step; each step is one if it has fewer.
    pretrain_fraction : float
        Fraction of the steps before the tail.

    Returns
    -------
    is_point : bool

    Raises
    ------
    InvalidParameterError
        If there is no step in the tail.

    Examples
    --------
    >>> [t for t in range(1, 9) if is_tail_point(t, 8, n_averaged=2, pretrain_fraction=0.5)]
    [6, 8]
    """
    n_before, n_tail = _stages(T, pretrain_fraction)
    if not n_tail:
        raise _too_short("go on in one", pretrain_fraction, n_tail, T)
    return t > n_before and is_cycle_end(t - n_before, n_tail, M=min(n_averaged, n_tail))


def two_cosines(
    t: int, T: int, *, alpha_zero: float, tail_lr: float, pretrain_fraction: float
) -> float:
    """Learning rate that falls along a half cosine in pretraining, and again in the tail.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    alpha_zero : float
        Rate at the start.
    tail_lr : float
        Rate at the start of the tail.
    pretrain_fraction : float
        Fraction of the steps before the tail.

    Returns
    -------
    rate : float

    Examples
    --------
    >>> bound = {"alpha_zero": 0.1, "tail_lr": 0.02, "pretrain_fraction": 0.5}
    >>> [round(two_cosines(t, 4, **bound), 4) for t in range(1, 5)]
    [0.1, 0.05, 0.02, 0.01]
    """
    n_before, n_tail = _stages(T, pretrain_fraction)
    if t > n_before:
        return cyclic_cosine(t - n_before, n_tail, M=1, alpha_zero=tail_lr)
    return cyclic_cosine(t, n_before, M=1, alpha_zero=alpha_zero)


def has_pretrained(t: int, T: int, *, pretrain_fraction: float) -> bool:
    """Say whether step t is the last of pretraining, or a step of the tail.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    pretrain_fraction : float
        Fraction of the steps before the tail.

    Returns
    -------
    has_pretrained : bool

    Raises
    ------
    InvalidParameterError
        If one of the two stages would have no step.

    Examples
    --------
    >>> [t for t in range(1, 7) if has_pretrained(t, 6, pretrain_fraction=0.5)]
    [3, 4, 5, 6]
    """
    n_before, n_tail = _stages(T, pretrain_fraction)
    if not n_before or not n_tail:
        raise _too_short("pretrain in one and go on in another", pretrain_fraction, n_tail, T)
    return t >= n_before


def fast_geometric(
    t: int,
    T: int,
    *,
    M: int,
    alpha_zero: float,
    alpha_1: float,
    alpha_2: float,
    pretrain_fraction: float,
) -> float:
    """Learning rate that falls in pretraining, then swings along straight lines.

    Equation 4 of [1]_: M cycles from `alpha_1` down to `alpha_2` and up again. The tail is cut
    into 2 M - 1 half cycles of whole steps, whose lengths differ by at most one: the last cycle
    ends where its rate is lowest, with the last step.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    M : int
        Number of cycles.
    alpha_zero : float
        Rate at the start of pretraining.
    alpha_1, alpha_2 : float
        Highest and lowest rate of a cycle.
    pretrain_fraction : float
        Fraction of the steps before the cycles.

    Returns
    -------
    rate : float

    Raises
    ------
    InvalidParameterError
        If a half cycle would have no step.

    References
    ----------
    .. [1] Garipov et al., "Loss surfaces, mode connectivity, and fast ensembling of DNNs",
       NeurIPS 2018.

    Examples
    --------
    >>> rates = {"alpha_zero": 0.1, "alpha_1": 0.06, "alpha_2": 0.02}
    >>> [round(fast_geometric(t, 8, M=2, pretrain_fraction=0.25, **rates), 3) for t in range(3, 9)]
    [0.04, 0.02, 0.04, 0.06, 0.04, 0.02]
    """
    n_before, n_tail = _fast_geometric_stages(T, M, pretrain_fraction)
    if t <= n_before:
        return plateau_then_linear(t, n_before, alpha_zero=alpha_zero, end_lr=alpha_1)
    half, j, length = position(t - n_before, n_tail, 2 * M - 1)
    start, end = (alpha_2, alpha_1) if half % 2 else (alpha_1, alpha_2)
    return start + (end - start) * (j + 1) / length


def is_low_rate(t: int, T: int, *, M: int, pretrain_fraction: float) -> bool:
    """Say whether `fast_geometric` is at its lowest at step t: the moment of a member.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    M : int
        Number of cycles.
    pretrain_fraction : float
        Fraction of the steps before the cycles.

    Returns
    -------
    is_low : bool

    Raises
    ------
    InvalidParameterError
        If a half cycle would have no step.

    Examples
    --------
    >>> [t for t in range(1, 9) if is_low_rate(t, 8, M=2, pretrain_fraction=0.25)]
    [4, 8]
    """
    n_before, n_tail = _fast_geometric_stages(T, M, pretrain_fraction)
    if t <= n_before:
        return False
    half, j, length = position(t - n_before, n_tail, 2 * M - 1)
    return half % 2 == 0 and j + 1 == length


def _fast_geometric_stages(T: int, M: int, pretrain_fraction: float) -> tuple[int, int]:
    """Count the steps of both stages, and refuse a tail without a step for each half cycle."""
    n_before, n_tail = _stages(T, pretrain_fraction)
    if n_tail < 2 * M - 1:
        raise _too_short(f"hold the {2 * M - 1} half cycles of M={M}", pretrain_fraction, n_tail, T)
    return n_before, n_tail


@lru_cache(maxsize=256)
def _stages(T: int, pretrain_fraction: float) -> tuple[int, int]:
    """Count the steps before the tail, and those of the tail."""
    # Through the decimal that the user typed: in floats 0.7 * 90 is 62.99999999999999.
    n_before = int(Fraction(str(pretrain_fraction)) * T)
    return n_before, T - n_before


def _too_short(task: str, pretrain_fraction: float, n_tail: int, T: int) -> InvalidParameterError:
    return InvalidParameterError(
        f"pretrain_fraction must leave enough steps to {task}, got {pretrain_fraction}, which "
        f"leaves {n_tail} of T={T} steps. Train for more epochs, or lower pretrain_fraction or M."
    )
