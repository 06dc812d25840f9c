"""The weights of members: equal ones of the last m, or fitted to rows that were held out."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from skensemble._checks import InvalidParameterError, check_int, reject
from skensemble.averaging import last_m_weights, restrict_weights, staged_average


class _NoWeights(InvalidParameterError, AttributeError):
    """There are no weights now: the error of `predict`, and one that `hasattr` understands."""


class WeighsMembers:
    """Mixin: weights that follow from `m` and `weights`, both of which may change after `fit`."""

    members_: list[Any]
    _n_members_planned_: int

    weights: str = "uniform"
    """Which weights; a method that takes it as a parameter sets its own."""

    _kinds_of_weights: ClassVar[tuple[str, str]] = ("uniform", "validation")
    """Equal weights, and those that a fit leaves in `_fitted_weights_`."""

    m: int | str | None

    @property
    def weights_(self) -> np.ndarray:
        """Weight of each member, oldest first, of shape (n_members,).

        They sum to 1 and are 0 for the members that `m` leaves out, and for those whose fitted
        weight is too small. They follow later changes of `m` and `weights`.
        """
        try:
            return self._weights()
        except InvalidParameterError as error:
            raise _NoWeights(str(error)) from error

    def _weights(self) -> np.ndarray:
        self._check_weights()
        m = self._effective_m()
        if self.weights == "uniform":
            return last_m_weights(len(self.members_), m)
        if not hasattr(self, "_fitted_weights_"):
            rule = "'uniform' until a fit has found other weights"
            raise reject("weights", rule, self.weights)
        return restrict_weights(self._fitted_weights_, m)

    def _staged(self, outputs: np.ndarray) -> Iterator[Any]:
        """Yield the means of what the last members give, up to that of all."""
        yield from staged_average(outputs)

    def _learn_weights(self, outputs: list[np.ndarray], y: np.ndarray, row_weight: Any) -> None:
        """Fit weights to what members gave on rows that were held out, from encoded targets."""
        self._fitted_weights_ = self._fit_weights(np.stack(outputs), y, row_weight)

    def _fit_weights(self, outputs: np.ndarray, y: np.ndarray, row_weight: Any) -> np.ndarray:
        """Find the weights of least loss, of outputs of shape (n_members, n_samples, n_outputs)."""
        raise NotImplementedError

    def _effective_m(self) -> int | None:
        """Return the number of last members to average now; None is all of them."""
        if self.m is None:
            return None
        if isinstance(self.m, str) and self.m == "auto":
            if not hasattr(self, "_best_m_"):
                raise _without_rows("m", "an int or None", "auto")
            return self._best_m_
        return _check_number(self.m, self._most_m())

    def _n_last_members(self) -> int | None:
        """Return how many of the last members `m` stands for while they come in."""
        return None if isinstance(self.m, str) else self.m

    def _most_m(self) -> int:
        """Return the largest `m` that there can be now."""
        return max(self._n_members_planned_, len(self.members_))

    def _check_m(self) -> None:
        """Refuse an `m` that no fit could have, before any data is looked at."""
        if self.m is not None and self.m != "auto":
            _check_number(self.m, max(self._n_members(), 1))

    def _check_weights(self) -> None:
        """Refuse `weights` that there are not."""
        if not (isinstance(self.weights, str) and self.weights in self._kinds_of_weights):
            rule = " or ".join(map(repr, self._kinds_of_weights))
            raise reject("weights", rule, self.weights)

    def _check_without_rows(self) -> None:
        """Refuse what asks for validation rows, where there are none."""
        if isinstance(self.m, str):
            raise _without_rows("m", "an int or None", self.m)
        if self.weights == "validation":
            raise _without_rows("weights", "'uniform'", self.weights)


def _without_rows(name: str, rule: str, value: str) -> InvalidParameterError:
    """Build the error for a parameter that asks for validation rows where there are none."""
    error = reject(name, f"{rule} for a fit without X_val and y_val", value)
    return InvalidParameterError(f"{error} Or set validation_fraction, which holds rows out.")


def _check_number(m: Any, n_members: int) -> int:
    try:
        return check_int("m", m, 1, n_members)
    except InvalidParameterError:
        raise reject("m", f"an int in 1..{n_members}, None or 'auto'", m) from None
