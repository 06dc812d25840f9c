"""Shapes and callables that several layers name."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]

Schedule = Callable[[int, int], float]
"""``schedule(t, T)`` is the learning rate of step ``t`` of ``T``, counted from 1."""

Moment = Callable[[int, int], bool]
"""``moment(t, T)`` says whether something is collected after step ``t`` of ``T``."""

State = Mapping[str, NDArray[Any]]
"""The weights and buffers of one net by name, copied to the CPU."""
