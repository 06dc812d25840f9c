"""How long the cycles of a fit are, and when it ends: by plan, by gain or by the clock."""

from time import perf_counter

FIRST_CYCLE = 100
"""Steps of the first cycle; each one after it is twice as long."""

MOST_CYCLES = 6
"""Cycles of a group at most, where nobody says otherwise."""

MOST_IN_TIME = 20
"""Cycles at most where time is what bounds them: the last of them has 52 million steps."""

SHORTEST = 0.5
"""Least length of a cycle that the clock cuts short, as a share of that of the cycle before."""


def planned_cycles(M: int, max_steps: int | None) -> list[int]:
    """Return the steps of the planned cycles: M at most, and as many as fit in some steps.

    Examples
    --------
    >>> planned_cycles(5, None), planned_cycles(5, 1000), planned_cycles(5, 30)
    ([100, 200, 400, 800, 1600], [100, 200, 400], [30])
    """
    steps = [FIRST_CYCLE * 2**k for k in range(M)]
    if max_steps is None:
        return steps
    fitting = [n for k, n in enumerate(steps) if sum(steps[: k + 1]) <= max_steps]
    return fitting or [max_steps]


class Plan:
    """The cycles of a fit: those that are planned, and others while they gain and there is time.

    Parameters
    ----------
    cycles : list of int
        Steps of those that are planned.
    max_cycles : int
        Most cycles, where that is more than are planned.
    seconds : float or None
        Time that they may take in all, from now on. There is a first cycle whatever it takes.

    Attributes
    ----------
    lengths : list of int
        Steps of each cycle that has begun.
    """

    def __init__(self, cycles: list[int], max_cycles: int, seconds: float | None) -> None:
        self.cycles, self.seconds = cycles, seconds
        self.most = max(max_cycles, len(cycles))
        self.lengths: list[int] = []
        self.begun = self.cycle_begun = perf_counter()
        self._next: dict[int, int] = {}

    def begin_cycle(self, n_steps: int) -> None:
        """Note that a cycle begins."""
        self.lengths.append(n_steps)
        self.cycle_begun = perf_counter()

    @property
    def is_beyond(self) -> bool:
        """Whether all cycles that were planned have begun."""
        return len(self.lengths) >= len(self.cycles)

    def next_cycle(self) -> int:
        """Return the steps of the next cycle, 0 for none; asked again, it says the same."""
        k = len(self.lengths)
        if k not in self._next:
            self._next[k] = self._choose(k)
        return self._next[k]

    def _choose(self, k: int) -> int:
        if k >= self.most:
            return 0
        n_steps = self.cycles[k] if k < len(self.cycles) else 2 * self.lengths[-1]
        if self.seconds is None or not k:
            return n_steps
        now = perf_counter()
        left = self.seconds - (now - self.begun)
        per_step = (now - self.cycle_begun) / self.lengths[-1]
        fitting = min(n_steps, int(left / max(per_step, 1e-9)))
        return fitting if fitting >= SHORTEST * self.lengths[-1] else 0
