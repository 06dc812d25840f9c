"""Estimators of tables: a classifier and a regressor."""

from typing import Any

import numpy as np

from skensemble.ensembles._classifier import EnsembleClassifier
from skensemble.ensembles._regressor import EnsembleRegressor
from skensemble.ensembles.methods import SnapshotEnsembleClassifier, SnapshotEnsembleRegressor
from skensemble.ensembles.tabular._base import LearnsTable
from skensemble.ensembles.tabular._spread import HasIntervals


class TabularSnapshotClassifier(LearnsTable, EnsembleClassifier):
    """Classifier."""

    _default_method = SnapshotEnsembleClassifier

    def __init__(
        self,
        *,
        M: int = 5,
        n_nets: int = 8,
        cv: Any = 4,
        hidden_units: Any = (64, 64),
        max_steps: int | None = None,
        max_cycles: int | None = None,
        time_budget: float | None = None,
        alpha_zero: float = 5e-3,
        categorical_features: Any = "from_dtype",
        class_weight: Any = None,
        weights: str = "out_of_fold",
        random_state: Any = None,
        n_jobs: int | None = None,
        device: str = "auto",
        verbose: int = 0,
    ) -> None:
        self.M = M
        self.n_nets = n_nets
        self.cv = cv
        self.hidden_units = hidden_units
        self.max_steps = max_steps
        self.max_cycles = max_cycles
        self.time_budget = time_budget
        self.alpha_zero = alpha_zero
        self.categorical_features = categorical_features
        self.class_weight = class_weight
        self.weights = weights
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.device = device
        self.verbose = verbose

    def _arguments_of_net(self) -> dict[str, Any]:
        return {"class_weight": self.class_weight}

    def _keep_oof(self, output: np.ndarray) -> None:
        self.oof_decision_function_ = output


class TabularSnapshotRegressor(HasIntervals, LearnsTable, EnsembleRegressor):
    """Regressor."""

    _default_method = SnapshotEnsembleRegressor

    def __init__(
        self,
        *,
        M: int = 5,
        n_nets: int = 8,
        cv: Any = 4,
        hidden_units: Any = (64, 64),
        max_steps: int | None = None,
        max_cycles: int | None = None,
        time_budget: float | None = None,
        alpha_zero: float = 5e-3,
        categorical_features: Any = "from_dtype",
        weights: str = "out_of_fold",
        random_state: Any = None,
        n_jobs: int | None = None,
        device: str = "auto",
        verbose: int = 0,
    ) -> None:
        self.M = M
        self.n_nets = n_nets
        self.cv = cv
        self.hidden_units = hidden_units
        self.max_steps = max_steps
        self.max_cycles = max_cycles
        self.time_budget = time_budget
        self.alpha_zero = alpha_zero
        self.categorical_features = categorical_features
        self.weights = weights
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.device = device
        self.verbose = verbose

    def _keep_oof(self, output: np.ndarray) -> None:
        self.oof_prediction_ = self.target_scaler_.inverse(output)
