"""Learning rates that begin small, whatever they do afterwards."""

from collections.abc import Callable
from fractions import Fraction
from math import ceil
from numbers import Integral, Real

from skensemble._checks import reject


def linear_warmup(
    t: int,
    T: int,
    *,
    schedule: Callable[[int, int], float],
    warmup: float,
    n_before: int = 0,
) -> float:
    """Learning rate of another schedule, times a factor that rises along a straight line to 1.

    The factor is ``min(1, t / n)``, where n is the length of the warm-up [1]_. The schedule does
    not wait for it: cycles begin and end where they would.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    schedule : callable
        Returns the rate of step t of T as ``schedule(t, T)``.
    warmup : int or float
        Length of the warm-up: steps as an int, a fraction of T, rounded up, as a float.
    n_before : int, default=0
        Steps of an earlier training, with which the warm-up has begun.

    Returns
    -------
    rate : float

    Raises
    ------
    InvalidParameterError
        If `warmup` is neither of the two.

    References
    ----------
    .. [1] Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.

    Examples
    --------
    >>> from functools import partial
    >>> from skensemble.schedules import step_decay
    >>> rate = partial(linear_warmup, schedule=partial(step_decay, alpha_zero=0.1), warmup=4)
    >>> [round(rate(t, 10), 4) for t in range(1, 9)]
    [0.025, 0.05, 0.075, 0.1, 0.1, 0.01, 0.01, 0.01]
    """
    n, made = warmup_steps(T, warmup), n_before + t
    return schedule(t, T) * (made / n if made < n else 1.0)


def warmup_steps(T: int, warmup: float) -> int:
    """Length of a warm-up.

    Parameters
    ----------
    T : int
        Optimizer steps in all.
    warmup : int or float
        Steps as an int, a fraction of T, rounded up, as a float.

    Returns
    -------
    n_steps : int

    Raises
    ------
    InvalidParameterError
        If `warmup` is neither an int from 0 nor a float from 0 to 1.

    Examples
    --------
    >>> warmup_steps(3100, 150), warmup_steps(3100, 0.05)
    (150, 155)
    """
    if isinstance(warmup, Integral) and not isinstance(warmup, bool) and warmup >= 0:
        return int(warmup)
    if isinstance(warmup, Integral) or not (isinstance(warmup, Real) and 0 <= warmup <= 1):
        rule = "a number of steps, an int >= 0, or a fraction of them, a float >= 0 and <= 1"
        raise reject("warmup", rule, warmup)
    # Through the decimal that the user typed: in floats 0.07 * 100 is 7.000000000000001.
    return ceil(Fraction(str(warmup)) * T)
