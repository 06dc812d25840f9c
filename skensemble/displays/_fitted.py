"""What displays ask of estimators: the ensemble inside of a pipeline or a search, and its rows."""

from collections.abc import Callable, Mapping, Sequence
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
    "unwrap",
    "weights_by_kind",
]

KINDS = {
    "uniform": "equal weights",
    "validation": "validation weights",
    "out_of_fold": "out-of-fold weights",
}
"""How a legend names what `weights` may be."""


def unwrap(
    estimator: Any, is_found: Callable[[Any], bool] | None = None, X: Any = None
) -> tuple[Any, Any]:
    """Return what is inside of pipelines and of the best that searches have found, and its rows.

    Parameters
    ----------
    estimator : object
        A pipeline, a search, or what may be inside of them.
    is_found : callable, default=None
        Says of an estimator whether it is the one; None is the innermost.
    X : array-like of shape (n_samples, ...), default=None
        Rows that come to `estimator`.

    Returns
    -------
    inner : object or None
        The outermost that is the one, or None where there is none.
    X : array-like of shape (n_samples, ...) or None
        Rows as they come to it, through the steps of pipelines before it.
    """
    while is_found is None or not is_found(estimator):
        if isinstance(estimator, Pipeline):
            if X is not None and len(estimator) > 1:
                X = estimator[:-1].transform(X)
            estimator = estimator[-1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return (estimator if is_found is None else None), X
    return estimator, X


def _is_ensemble(estimator: Any) -> bool:
    return isinstance(estimator, BaseEnsemble)


def ensemble_of(estimator: Any) -> BaseEnsemble:
    """Return the ensemble at the end of a pipeline, of what a search has found, or itself.

    Raises
    ------
    InvalidParameterError
        If there is no ensemble of ours.
    """
    ensemble, _ = unwrap(estimator, _is_ensemble)
    if ensemble is None:
        rule = "an ensemble of skensemble, or a pipeline or fitted search that ends in one"
        raise reject("estimator", rule, estimator)
    return ensemble


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
    fitted_ensemble_of(estimator)
    return unwrap(estimator, _is_ensemble, X)


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
