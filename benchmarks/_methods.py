"""The rows of compare_methods.py: every method, and the baselines of the papers."""

from dataclasses import dataclass, field
from typing import Any

from _comparison_data import Problem
from sklearn.base import clone

import skensemble
from skensemble import ensembles

BASELINE = "single net, one cosine cycle"
"""The row that the others are set against."""

SNAPSHOTS = "snapshot ensemble"
LAST = "its last snapshot alone"
TABULAR = "tabular snapshots, untouched"

PAPER = (BASELINE, "single net, step schedule", "NoCycle", "SingleCycle")
"""What the paper of snapshot ensembles sets them against, at one budget."""


NEED_A_PRIOR = ("CyclicalSGLD", "KFACLaplace", "Variational")
"""Families that read weight decay as their prior; without it they are left out, and so is what is
untouched, which has a weight decay of its own and would be the same."""


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes
    ----------
    name : str
    family : str
        Name of the class, without Classifier or Regressor.
    parameters : dict
        Of the ensemble, where they are not the defaults.
    net_parameters : dict
        Of its net, where they are not those that all methods share.
    n_crossed : int
        Nets of a cross-fitted ensemble that are trained by it; 0 for none.
    is_untouched : bool
        Whether everything, the net too, is the default.
    """

    name: str
    family: str
    parameters: dict[str, Any] = field(default_factory=dict)
    net_parameters: dict[str, Any] = field(default_factory=dict)
    n_crossed: int = 0
    is_untouched: bool = False

    def build(self, problem: Problem, seed: int) -> Any:
        """Make the estimator for a data set, not fitted yet."""
        kind = "Classifier" if problem.is_classification else "Regressor"
        ensemble = getattr(skensemble, self.family + kind)
        if self.is_untouched:
            return ensemble(random_state=seed)
        net = clone(problem.net).set_params(**{"max_epochs": problem.epochs, **self.net_parameters})
        method = ensemble(net, alpha_zero=problem.alpha_zero, random_state=seed, **self.parameters)
        if not self.n_crossed:
            return method
        crossed = getattr(skensemble, "CrossFittedEnsemble" + kind)
        return crossed(method, n_nets=self.n_crossed, cv=self.n_crossed, random_state=seed)


def methods(problem: Problem) -> list[Method]:
    """List the rows in the order of the table, last the methods that are not named here."""
    M, k, n_deep = problem.M, problem.k, problem.n_deep
    short, dropout = {"max_epochs": problem.epochs // k}, {"module__dropout": 0.1}
    growing = {"M": 5, "cycle_mult": 2.0}
    named = [
        Method(BASELINE, "SnapshotEnsemble", {"M": 1}),
        Method("single net, step schedule", "SnapshotEnsemble", {"M": 1, "schedule": "step"}),
        Method("single net, 10 % dropout", "SnapshotEnsemble", {"M": 1}, dropout),
        Method("NoCycle", "SnapshotEnsemble", {"M": M, "schedule": "step"}),
        Method("SingleCycle", "SnapshotEnsemble", {"M": M, "cold_restart": True}),
        Method(SNAPSHOTS, "SnapshotEnsemble", {"M": M}),
        Method(LAST, "SnapshotEnsemble", {"M": M, "m": 1}),
        # Four cycles whose lengths double: the shortest is a fifteenth of the training.
        Method("snapshots, SGDR", "SnapshotEnsemble", {"M": 4, "cycle_mult": 2}),
        Method("snapshots, triangular", "SnapshotEnsemble", {"M": M, "schedule": "triangular"}),
        Method("fast geometric ensemble", "FastGeometricEnsemble", {"M": M}),
        Method("SWA", "SWA"),
        Method("SWAG", "SWAG"),
        Method("cyclical SGLD", "CyclicalSGLD", {"M": M}),
        Method("MC dropout", "MCDropout", {}, dropout),
        Method("KFAC-Laplace", "KFACLaplace"),
        Method("variational", "Variational"),
        Method(f"{k} nets of {problem.epochs // k} epochs", "DeepEnsemble", {"M": k}, short),
        Method(
            f"{k} cross-fitted of {problem.epochs // k} epochs",
            "SnapshotEnsemble",
            growing,
            short,
            n_crossed=k,
        ),
        Method(deep(problem), "DeepEnsemble", {"M": n_deep}),
        Method(
            f"{k} cross-fitted of {problem.epochs} epochs",
            "SnapshotEnsemble",
            growing,
            n_crossed=k,
        ),
        Method("snapshot ensemble, untouched", "SnapshotEnsemble", is_untouched=True),
        Method(TABULAR, "TabularSnapshot", is_untouched=True),
    ]
    families = {
        name.removesuffix("Classifier").removesuffix("Regressor")
        for name in ensembles.methods.__all__
    }
    others = sorted(families - {method.family for method in named})
    rows = named + [Method(family, family) for family in others]
    if problem.net.optimizer__weight_decay:
        return rows
    return [row for row in rows if row.family not in NEED_A_PRIOR and not row.is_untouched]


def deep(problem: Problem) -> str:
    """Name the row of the largest deep ensemble."""
    return f"{problem.n_deep} nets of {problem.epochs} epochs"
