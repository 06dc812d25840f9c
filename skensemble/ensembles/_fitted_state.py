"""What a fit leaves on an ensemble: put back after a failure, forgotten, pickled, built anew."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from skensemble._version import __version__
from skensemble.ensembles._net import autocast_dtype, build_module
from skensemble.members import Predictor
from skensemble.nets._device import available_device

PRIVATE = ("_predictor", "_transform", "_n_members_asked", "_best_m")
"""What a fit learns under private names."""


class FittedState:
    """Mixin: the fitted state of an ensemble, NumPy arrays in pickles and modules in memory."""

    def __getstate__(self) -> dict[str, Any]:
        state = {**super().__getstate__(), "_skensemble_version": __version__}
        # Modules hold tensors; they are built anew from the members, which are NumPy arrays.
        state.pop("_predictor", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        version = state.pop("_skensemble_version", "unknown")
        if version != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=__version__,
                    original_sklearn_version=version,
                ),
                stacklevel=2,
            )
        super().__setstate__(state)
        if "members_" in state:
            self._predictor = self._make_predictor()
            template = self._member_template(build_module(self.estimator_))
            for member in self.members_:
                self._predictor.add(template, member)

    def _make_predictor(self) -> Predictor:
        net = self.estimator_
        device = available_device(net.device)
        return Predictor(device, self._transform, autocast_dtype(net), max(net.batch_size, 1))

    def _forget(self) -> None:
        """Drop what an earlier fit has learnt."""
        for name in list(vars(self)):
            if (name.endswith("_") and not name.startswith("_")) or name in PRIVATE:
                delattr(self, name)


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
