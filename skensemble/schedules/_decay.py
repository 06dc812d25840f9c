"""Learning rates that fall once."""


def step_decay(
    t: int,
    T: int,
    *,
    alpha_zero: float,
    milestones: tuple[float, ...] = (0.5, 0.75),
    factor: float = 0.1,
) -> float:
    """Learning rate that drops by a factor at given fractions of the training.

    The standard schedule of the paper's single nets; with equally spaced snapshots it is the
    *NoCycle* baseline of Huang et al., 2017.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    alpha_zero : float
        Rate before the first milestone.
    milestones : tuple of float, default=(0.5, 0.75)
        Fractions of T after which the rate drops.
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


def plateau_then_linear(t: int, T: int, *, alpha_zero: float, end_lr: float) -> float:
    """Learning rate that stays for half of the steps, then falls along a straight line.

    It reaches its end at nine tenths of the steps and stays there; the pretraining of Garipov et
    al., 2018, and Izmailov et al., 2018.

    Parameters
    ----------
    t, T : int
        The step, from 1, and the number of steps.
    alpha_zero : float
        Rate of the first half.
    end_lr : float
        Rate of the last tenth.

    Returns
    -------
    rate : float

    Examples
    --------
    >>> [round(plateau_then_linear(t, 10, alpha_zero=0.1, end_lr=0.02), 4) for t in (1, 6, 8, 10)]
    [0.1, 0.1, 0.06, 0.02]
    """
    fallen = min(max(((t - 1) / T - 0.5) / 0.4, 0.0), 1.0)
    return alpha_zero + (end_lr - alpha_zero) * fallen
