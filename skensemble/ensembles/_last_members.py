"""The parameter m: how many of the last members are averaged, now."""

from typing import Any

import numpy as np

from skensemble._checks import InvalidParameterError, check_int, reject
from skensemble.averaging import last_m_weights


class LastMembers:
    """Mixin: the weights that follow from `m`, which may be changed after `fit`."""

    @property
    def weights_(self) -> np.ndarray:
        """Weight of each member, oldest first, of shape (n_members,).

        They sum to 1 and are 0 for the members that `m` leaves out; they follow a later change of
        `m`.
        """
        try:
            return self._weights()
        except InvalidParameterError as error:
            # An attribute that cannot be had must not break `dir` and the HTML repr.
            raise AttributeError(str(error)) from error

    def _check_m(self) -> None:
        if self.m is not None and self.m != "auto":
            _check_number(self.m, max(self._n_members(), 1))

    def _weights(self) -> np.ndarray:
        return last_m_weights(len(self.members_), self._effective_m())

    def _effective_m(self) -> int | None:
        """Give the number of last members to average now; None is all of them."""
        if self.m is None:
            return None
        if isinstance(self.m, str) and self.m == "auto":
            if not hasattr(self, "_best_m"):
                raise reject("m", "an int or None for a fit without X_val and y_val", self.m)
            return self._best_m
        return _check_number(self.m, max(self._n_members_asked, len(self.members_)))


def _check_number(m: Any, n_members: int) -> int:
    try:
        return check_int("m", m, 1, n_members)
    except InvalidParameterError:
        raise reject("m", f"an int in 1..{n_members}, None or 'auto'", m) from None
