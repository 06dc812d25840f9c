"""Learning rates that rise again in each cycle."""

from math import cos, pi

from skensemble.schedules._cycles import position


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
    k, j, length = position(t, T, M, cycle_mult)
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
    k, j, length = position(t, T, M, cycle_mult)
    peak = max(lr_min, alpha_zero * alpha_mult**k)
    return lr_min + (peak - lr_min) * (1 - abs(2 * (j + 1) / length - 1))
