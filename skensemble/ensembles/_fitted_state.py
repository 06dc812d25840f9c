"""What a fit leaves on an ensemble: put back after a failure, cleared, pickled, built anew.

Whatever a fit learns has a name that ends in an underscore, private names too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from skensemble._version import __version__
from skensemble._warn import warn_user
from skensemble.device import available_device
from skensemble.ensembles._net import autocast_dtype
from skensemble.ensembles._pickling import refusal_of
from skensemble.ensembles._stored_members import Stored
from skensemble.members import Predictor, with_repeats, without_repeats


class FittedState:
    """Mixin: the fitted state of an ensemble, NumPy arrays in pickles and modules in memory."""

    def _make_predictor(self, device: torch.device) -> Predictor:
        net = self.template_net_
        return Predictor(
            device,
            self._transform_,
            autocast_dtype(net),
            max(net.batch_size, 1),
            channels_last=getattr(net, "channels_last", False),
        )

    def _clear_fit(self) -> None:
        """Drop what an earlier fit has learnt."""
        for name in [name for name in vars(self) if _is_learnt(name)]:
            delattr(self, name)

    def __getstate__(self) -> dict[str, Any]:
        state = {**super().__getstate__(), "_skensemble_version": __version__}
        # Modules hold tensors; they are made anew from the members, which are NumPy arrays.
        if state.pop("_predictor_", None) is not None:
            state["_stored_"] = Stored(self)
            state["members_"] = without_repeats(self.members_)
            # Before all that it speaks of, so that it is what pickle comes upon.
            kept = state.get("_kept_training_")
            refusal = refusal_of((state["template_net_"], state["_stored_"], kept), "estimator")
            state = {"_refusal_": refusal, **state}
        return state

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        # Members are never written to, and may hold what cannot be pickled.
        copy = memo[id(self)] = type(self).__new__(type(self))
        for name in ("_predictor_", "_kept_training_"):
            kept = getattr(self, name, None)
            memo[id(kept)] = kept
        # The arrays are the memory of the modules.
        memo.update(
            {id(array): array for m in getattr(self, "members_", ()) for array in m.values()}
        )
        vars(copy).update(deepcopy(vars(self), memo))
        return copy

    def __copy__(self) -> Any:
        copy = type(self).__new__(type(self))
        vars(copy).update(vars(self))
        return copy

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        version = state.pop("_skensemble_version", "unknown")
        if version != __version__:
            warn_user(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=__version__,
                    original_sklearn_version=version,
                )
            )
        stored = state.pop("_stored_", None)
        state.pop("_refusal_", None)
        if stored is not None:
            state["members_"] = with_repeats(state["members_"])
        super().__setstate__(state)
        if stored is not None:
            self._predictor_ = self._make_predictor(available_device(self.template_net_.device))
            for member in stored.states(self):
                self._predictor_.add(None, member)
            self._predictor_.stack()
            stored.check(self)


def _is_learnt(name: str) -> bool:
    return name.endswith("_") and not name.startswith("__")


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Put an estimator's attributes back if the block fails, validation's own included."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
