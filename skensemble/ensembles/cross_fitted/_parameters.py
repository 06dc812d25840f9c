"""The parameters of a cross-fitted ensemble, and the method that trains its nets."""

from math import ceil
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from skorch import NeuralNet
from torch import nn

from skensemble._checks import check_int, reject
from skensemble.ensembles._apart import check_ways
from skensemble.ensembles._base import BaseEnsemble
from skensemble.ensembles._net import is_module_class, make_net
from skensemble.ensembles.cross_fitted._folds import check_cv

OF_ALL_NETS = {"m": None, "validation_fraction": None, "warm_start": False, "weights": "uniform"}
"""What a method must leave to the cross-fitted ensemble, and the value that does so."""


def is_net_or_module(estimator: Any) -> bool:
    """Say whether an estimator can be trained by a method."""
    return isinstance(estimator, NeuralNet | nn.Module) or is_module_class(estimator)


class HasMethod:
    """Mixin: the parameters; each net is trained by the ensemble `estimator`."""

    _default_method: type[BaseEnsemble]

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_nets: int = 8,
        cv: Any = 4,
        weights: str = "out_of_fold",
        m: int | None = None,
        max_cycles: int | None = None,
        store_oof: bool = True,
        lockstep: bool | str = "auto",
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_nets = n_nets
        self.cv = cv
        self.weights = weights
        self.m = m
        self.max_cycles = max_cycles
        self.store_oof = store_oof
        self.lockstep = lockstep
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _make_method(self) -> BaseEnsemble:
        """Return a copy of the ensemble that trains each net."""
        estimator = self.estimator
        if not isinstance(estimator, BaseEnsemble):
            if estimator is not None and not is_net_or_module(estimator):
                raise reject("estimator", f"{self._rule_of_method()}, a net or None", estimator)
            return self._default_method(estimator, M=5, cycle_mult=2.0)
        if is_classifier(estimator) != is_classifier(self) or isinstance(estimator, HasMethod):
            raise reject("estimator", f"{self._rule_of_method()}, a net or None", estimator)
        for name, value in OF_ALL_NETS.items():
            if getattr(estimator, name, value) != value:
                rule = f"{value!r}, which leaves it to {type(self).__name__}"
                raise reject(f"estimator__{name}", rule, getattr(estimator, name))
        method: BaseEnsemble = clone(estimator).set_params(verbose=0)
        return method

    def _rule_of_method(self) -> str:
        kind = "classifier" if is_classifier(self) else "regressor"
        return f"an ensemble that is a {kind} and not cross-fitted itself"

    def _make_net(self) -> NeuralNet:
        method = self._make_method()
        return make_net(
            method.estimator, method._default_net, method._accepted_net, method._default_parameters
        )

    def _check_parameters(self) -> None:
        check_int("n_nets", self.n_nets, 1)
        check_cv(self.cv)
        if not isinstance(self.store_oof, bool | np.bool_):
            raise reject("store_oof", "True or False", self.store_oof)
        check_ways(self.lockstep, self.n_jobs)
        method = self._make_method()
        method._check_parameters()
        if self.max_cycles is not None:
            if not hasattr(method, "cycle_mult"):
                rule = f"None for a {type(method).__name__}, which has no cycles to add"
                raise reject("max_cycles", rule, self.max_cycles)
            if check_int("max_cycles", self.max_cycles, 1) < method.M:
                rule = f"at least the M={method.M} cycles of estimator"
                raise reject("max_cycles", rule, self.max_cycles)

    def _schedules(self) -> BaseEnsemble:
        return self._make_method()

    def _n_positions(self) -> int:
        """Return the most members that each net can give."""
        return max(self._make_method()._n_members(), self.max_cycles or 0)

    def _n_members(self) -> int:
        n_folds = self.cv if isinstance(self.cv, int | np.integer) else 1
        return self._make_method()._n_members() * ceil(self.n_nets / n_folds) * n_folds

    def _member_template(self, module: nn.Module) -> nn.Module:
        return self._make_method()._member_template(module)

    def _seed_source(self, net: NeuralNet) -> Any:
        if self.random_state is not None:
            return self.random_state
        return self._make_method()._seed_source(net)
