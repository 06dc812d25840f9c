"""The rows of compare_methods.py: every method, and the baselines of the papers."""

from dataclasses import dataclass, field
from typing import Any

from _comparison_data import Problem
from sklearn.base import clone

from skensemble import ensembles

BASELINE = "single net, one cosine cycle"
"""The row whose fit the others are set against."""


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
    """

    name: str
    family: str
    parameters: dict[str, Any] = field(default_factory=dict)
    net_parameters: dict[str, Any] = field(default_factory=dict)

    def build(self, problem: Problem, seed: int) -> Any:
        """Make the estimator for a data set, not fitted yet."""
        net = clone(problem.net).set_params(**{"max_epochs": problem.epochs, **self.net_parameters})
        kind = "Classifier" if problem.is_classification else "Regressor"
        ensemble = getattr(ensembles, self.family + kind)
        return ensemble(net, alpha_zero=problem.alpha_zero, random_state=seed, **self.parameters)


def methods(problem: Problem) -> list[Method]:
    """List the rows in the order of the table, last the methods that are not named here."""
    M, k = problem.M, problem.k
    short, dropout = problem.epochs // k, {"module__dropout": 0.1}
    named = [
        Method(BASELINE, "SnapshotEnsemble", {"M": 1}),
        Method("single net, step schedule", "SnapshotEnsemble", {"M": 1, "schedule": "step"}),
        Method("single net, 10 % dropout", "SnapshotEnsemble", {"M": 1}, dropout),
        Method("NoCycle", "SnapshotEnsemble", {"M": M, "schedule": "step"}),
        Method("SingleCycle", "SnapshotEnsemble", {"M": M, "cold_restart": True}),
        Method("snapshot ensemble", "SnapshotEnsemble", {"M": M}),
        Method("its last snapshot alone", "SnapshotEnsemble", {"M": M, "m": 1}),
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
        Method(f"{k} nets of {short} epochs", "DeepEnsemble", {"M": k}, {"max_epochs": short}),
        Method(f"{k} nets of {problem.epochs} epochs", "DeepEnsemble", {"M": k}),
    ]
    families = {
        name.removesuffix("Classifier").removesuffix("Regressor")
        for name in ensembles.methods.__all__
    }
    others = sorted(families - {method.family for method in named})
    return named + [Method(family, family) for family in others]
