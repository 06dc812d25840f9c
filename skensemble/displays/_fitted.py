"""What displays ask of estimators: the ensemble inside of a pipeline or a search, and its rows."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skensemble._checks import reject
from skensemble.ensembles import BaseEnsemble

__all__ = [
    "ensemble_of",
    "fitted_ensemble_of",
    "name_of",
    "named",
    "outputs_of",
    "positions_of",
    "proba_of",
    "rows_and_ensemble",
    "weights_by_kind",
]

KINDS = {
    "uniform": "equal weights",
    "validation": "validation weights",
    "out_of_fold": "out-of-fold weights",
}
"""How a legend names what `weights` may be."""


def ensemble_of(estimator: Any) -> BaseEnsemble:
    """Return the ensemble at the end of a pipeline, of what a search has found, or itself.

    Raises
    ------
    InvalidParameterError
        If there is no ensemble of ours.
    """
    inner = estimator
    while not isinstance(inner, BaseEnsemble):
        if isinstance(inner, Pipeline):
            inner = inner[-1]
        elif hasattr(inner, "best_estimator_"):
            inner = inner.best_estimator_
        else:
            rule = "an ensemble of skensemble, or a pipeline or fitted search that ends in one"
            raise reject("estimator", rule, estimator)
    return inner


def fitted_ensemble_of(estimator: Any) -> BaseEnsemble:
    """Return the fitted ensemble inside of an estimator.

    Raises
    ------
    InvalidParameterError
        If there is no ensemble of ours.
    NotFittedError
        If it is not fitted.
    """
    ensemble = ensemble_of(estimator)
    check_is_fitted(ensemble)
    return ensemble


def rows_and_ensemble(estimator: Any, X: Any) -> tuple[BaseEnsemble, Any]:
    """Return the fitted ensemble inside of an estimator, and rows as they come to it.

    Raises
    ------
    InvalidParameterError
        If there is no ensemble of ours.
    NotFittedError
        If it is not fitted.
    """
    ensemble, inner = fitted_ensemble_of(estimator), estimator
    while inner is not ensemble:
        if isinstance(inner, Pipeline):
            X = inner[:-1].transform(X) if len(inner) > 1 else X
            inner = inner[-1]
        else:
            inner = inner.best_estimator_
    return ensemble, X


def name_of(estimator: Any) -> str:
    """Return the class of an estimator, of a pipeline that of its last step."""
    return type(estimator[-1] if isinstance(estimator, Pipeline) else estimator).__name__


def proba_of(estimator: Any, X: Any) -> np.ndarray:
    """Return the probabilities that a fitted classifier of any library gives.

    Raises
    ------
    InvalidParameterError
        If it gives none, as regressors do.
    """
    if not hasattr(estimator, "predict_proba"):
        raise reject("estimator", "a classifier with predict_proba", estimator)
    return estimator.predict_proba(X)


def named(estimators: Any) -> dict[str, Any]:
    """Return estimators by name: as they are named, or by their classes, numbered where alike.

    Examples
    --------
    >>> list(named({"mine": None}))
    ['mine']
    >>> list(named([1, 2, "three"]))
    ['int 1', 'int 2', 'str']
    """
    if isinstance(estimators, Mapping):
        return dict(estimators)
    if not isinstance(estimators, Sequence):
        estimators = [estimators]
    kinds = [name_of(estimator) for estimator in estimators]
    names = [
        f"{kind} {kinds[: k + 1].count(kind)}" if kinds.count(kind) > 1 else kind
        for k, kind in enumerate(kinds)
    ]
    return dict(zip(names, estimators, strict=True))


def positions_of(ensemble: BaseEnsemble) -> np.ndarray:
    """Return the place of each member in the training, from 0, which members of nets may share."""
    return getattr(ensemble, "member_positions_", np.arange(len(ensemble.members_)))


def outputs_of(ensemble: BaseEnsemble, X: Any) -> np.ndarray:
    """Return what each member gives: probabilities, or values in the units of the targets."""
    has_labels = hasattr(ensemble, "predict_proba")
    return ensemble.member_predict_proba(X) if has_labels else ensemble.member_predict(X)


def weights_by_kind(ensemble: BaseEnsemble) -> dict[str, np.ndarray]:
    """Return the weights of members that a fitted ensemble has, by what a legend calls them.

    Equal ones come first, then those that were fitted, whatever `weights` is now.
    """
    found = {}
    for kind, name in KINDS.items():
        other = copy(ensemble)
        other.weights = kind
        # An ensemble that has no such weights has no attribute of them.
        if (weights := getattr(other, "weights_", None)) is not None:
            found[name] = weights
    return found
