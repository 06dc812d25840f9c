"""Stand-ins on the CPU for what records steps on a GPU."""

from collections import Counter
from contextlib import contextmanager

import pytest
from torch import Tensor


class StandIn:
    """Makes a replay a call that writes its results where the first one's are, as a graph does."""

    def __init__(self, device=None):
        self.n_recorded = 0

    def call(self, function):
        """Call a function."""
        return function()

    def record(self, function):
        """Note a function; nothing is computed yet."""
        self.n_recorded += 1
        kept = []

        def replay():
            results = function()
            kept[:] = kept or results
            for own, result in zip(kept, results, strict=True):
                if own is not result:
                    own.copy_(result)
            return kept

        return replay


class Refuses(StandIn):
    """Records nothing."""

    def record(self, function):
        """Fail."""
        raise RuntimeError("not now")


LOOKS = ("item", "tolist", "cpu", "to", "numpy", "nonzero", "__bool__", "__int__", "__float__")
"""Methods of a tensor that wait for its device, or may."""


@contextmanager
def counting_looks():
    """Count the calls of each of them inside the block."""
    counts = Counter()
    with pytest.MonkeyPatch.context() as patch:
        for name in LOOKS:
            patch.setattr(Tensor, name, _counted(name, getattr(Tensor, name), counts))
        yield counts


@contextmanager
def noting_blocking_moves():
    """Note the shapes of tensors that are moved off the CPU, inside the block, and waited for."""
    moved, to = [], Tensor.to

    def noted(self, *args, **kwargs):
        result = to(self, *args, **kwargs)
        if self.device.type == "cpu" != result.device.type and not kwargs.get("non_blocking"):
            moved.append(tuple(self.shape))
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tensor, "to", noted)
        yield moved


def _counted(name, method, counts):
    """Return a method that counts its calls."""

    def counted(self, *args, **kwargs):
        counts[name] += 1
        return method(self, *args, **kwargs)

    return counted
