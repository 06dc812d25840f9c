"""The parameters of an estimator of tables, and the nets that they stand for."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from skorch import NeuralNet

from skensemble._arguments import invalid_names, nearest, parameters_of, written
from skensemble._checks import check_int, check_real
from skensemble.ensembles._apart import check_ways
from skensemble.ensembles._base import BaseEnsemble
from skensemble.ensembles.cross_fitted._folds import check_cv
from skensemble.ensembles.tabular._plan import MOST_CYCLES, MOST_IN_TIME, planned_cycles

WARMUP = 150
"""First steps, at rates that rise to what the schedule says."""

BETAS, WEIGHT_DECAY = (0.9, 0.95), 1e-2

SCALE_RATE = 60.0
"""Learning rate of the scales of columns, as a multiple of that of the other weights."""

ALIASES = {
    "n_cycles": "M",
    "n_snapshots": "M",
    "hidden_layer_sizes": "hidden_units",
    "n_estimators": "n_nets",
    "n_models": "n_nets",
    "learning_rate": "alpha_zero",
    "learning_rate_init": "alpha_zero",
    "lr": "alpha_zero",
    "max_time": "time_budget",
    "timeout": "time_budget",
    "time_limit": "time_budget",
    "max_iter": "max_steps",
    "cat_features": "categorical_features",
    "categorical_feature": "categorical_features",
    "seed": "random_state",
    "n_folds": "cv",
    "n_splits": "cv",
    "thread_count": "n_jobs",
}
"""What people type for the parameters."""


class HasTable:
    """Mixin: the parameters of an estimator of tables."""

    _default_method: type[BaseEnsemble]
    _default_net: Any

    M: int
    alpha_zero: float
    max_steps: int | None
    estimator = None
    m = None

    def _check_parameters(self) -> None:
        check_int("M", self.M, 1)
        check_int("n_nets", self.n_nets, 1)
        check_cv(self.cv)
        widths = self.hidden_units
        for width in widths if isinstance(widths, Sequence) else [widths]:
            check_int("hidden_units", width, 1)
        check_real("alpha_zero", self.alpha_zero, 0, low_open=True)
        for name in ("max_steps", "max_cycles"):
            if getattr(self, name) is not None:
                check_int(name, getattr(self, name), 1)
        if self.time_budget is not None:
            check_real("time_budget", self.time_budget, 0, low_open=True)
        check_ways(self.lockstep, self.n_jobs)

    def _make_method(self) -> BaseEnsemble:
        """Return the ensemble that trains each net."""
        cycles = {"M": self.M, "cycle_mult": 2.0, "warmup": WARMUP}
        return self._default_method(self._make_net(), alpha_zero=self.alpha_zero, **cycles)

    def _make_net(self) -> NeuralNet:
        """Return a net that knows nothing yet of the table and of its group."""
        net: NeuralNet = self._default_net(
            module__hidden_units=self.hidden_units,
            module__activation="relu",
            module__column_scale=True,
            optimizer=torch.optim.AdamW,
            optimizer__betas=BETAS,
            optimizer__weight_decay=WEIGHT_DECAY,
            optimizer__param_groups=[
                ("*.scale", {"lr": SCALE_RATE * self.alpha_zero, "weight_decay": 0.0}),
                ("*.bias", {"weight_decay": 0.0}),
            ],
            lr=self.alpha_zero,
            device=self.device,
            max_epochs=1,
            **self._arguments_of_net(),
        )
        return net

    def _arguments_of_net(self) -> dict[str, Any]:
        """Return what only one of the two kinds of nets takes."""
        return {}

    def _cycles(self) -> list[int]:
        return planned_cycles(self.M, self.max_steps)

    def _n_planned(self) -> int:
        return len(self._cycles())

    def _n_positions(self) -> int:
        return max(self._n_planned(), self._most_cycles())

    def _most_cycles(self) -> int:
        """Return the most cycles of a group: as asked for, or as steps and time allow."""
        if self.max_cycles is not None:
            return self.max_cycles
        if self.max_steps is not None:
            return self._n_planned()
        return MOST_CYCLES if self.time_budget is None else MOST_IN_TIME

    def _n_members(self) -> int:
        return self._n_planned() * self.n_nets

    def _schedules(self) -> BaseEnsemble:
        return self._make_method()

    def set_params(self, **params: Any) -> Any:
        """Set parameters.

        Parameters
        ----------
        **params : dict
            New values by name.

        Returns
        -------
        self : BaseEnsemble

        Raises
        ------
        InvalidParameterError
            If there is no parameter of a name.
        """
        unknown = [name for name in params if name not in parameters_of(type(self))]
        if unknown:
            words = self._keywords({name: params[name] for name in unknown})
            call = words and f"set_params({', '.join(words)})"
            raise invalid_names(self, unknown, call, params)
        return super().set_params(**params)  # type: ignore[misc]

    def _write_call(self, names: Mapping[str, Any], args: tuple[Any, ...]) -> str | None:
        words = None if args else self._keywords(names)
        return words and f"{type(self).__name__}({', '.join(words)})"

    def _keywords(self, names: Mapping[str, Any]) -> Any:
        """Write keywords that work for names; None if one is unknown."""
        own = parameters_of(type(self))
        known = {name: name for name in own} | {k: v for k, v in ALIASES.items() if v in own}
        words = {name: nearest(name, known) for name in names}
        if None in words.values() or len(set(words.values())) < len(words) or "estimator" in words:
            # Nothing stands for a net, and a name that is there already was not meant.
            return None
        return [text for name, word in words.items() for text in written(word, names[name])]
