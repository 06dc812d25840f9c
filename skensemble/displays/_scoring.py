"""Scores of what members have given already, by any of scikit-learn's scorers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.metrics import accuracy_score, check_scoring, r2_score

from skensemble._checks import reject

__all__ = ["Scorer", "name_of_score"]


class Scorer:
    """Scores outputs of an ensemble or of its members.

    Scores of losses are turned round, so that they are the loss.

    Parameters
    ----------
    ensemble : BaseEnsemble
        Fitted; its labels are those of the outputs' columns.
    scoring : str, callable or None
        As scikit-learn has it; None is accuracy, or R squared.

    Attributes
    ----------
    name : str
        What a score is, for an axis.
    is_loss : bool
        Whether lower is better.

    Raises
    ------
    InvalidParameterError
        If `scoring` is none.
    """

    def __init__(self, ensemble: Any, scoring: Any) -> None:
        self.ensemble = ensemble
        default = "accuracy" if is_classifier(ensemble) else "r2"
        try:
            self.scorer = check_scoring(ensemble, scoring=default if scoring is None else scoring)
        except (ValueError, TypeError):
            rule = "None, a scorer's name such as 'neg_log_loss', or one by make_scorer"
            raise reject("scoring", rule, scoring) from None
        self.is_loss = getattr(self.scorer, "_sign", 1) < 0
        function = getattr(self.scorer, "_score_func", self.scorer)
        self.name = name_of_score(getattr(function, "__name__", type(function).__name__))

    def __call__(self, output: np.ndarray, y: Any, sample_weight: Any = None) -> float:
        """Score probabilities of shape (n_samples, n_classes), or values, of some rows."""
        answers: Any
        if is_classifier(self.ensemble):
            answers = _GivenProba(output, self.ensemble.classes_, self.ensemble._labels_of)
        else:
            answers = _GivenValues(output)
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        # The rows do not matter, but their number may be looked at.
        score = float(self.scorer(answers, np.empty((len(output), 1)), y, **weight))
        return -score if self.is_loss else score


NAMES = {
    accuracy_score.__name__: "accuracy",
    r2_score.__name__: "R squared",
    "log_loss": "log-loss",
    "r2": "R squared",
}


def name_of_score(name: str) -> str:
    """Return how an axis names a score that scikit-learn or a search names so.

    Examples
    --------
    >>> name_of_score("neg_log_loss"), name_of_score("balanced_accuracy_score")
    ('log-loss', 'balanced accuracy')
    """
    name = name.removeprefix("neg_")
    return NAMES.get(name, name.removesuffix("_score").replace("_", " ").strip())


class _GivenProba(ClassifierMixin, BaseEstimator):
    """A classifier that answers what it was given, whatever the rows."""

    def __init__(
        self, proba: np.ndarray, classes: np.ndarray, labels_of: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        self.proba, self.classes_, self.labels_of = proba, classes, labels_of

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities that were given."""
        return self.proba

    def predict(self, X: Any) -> np.ndarray:
        """Return the labels that they stand for."""
        return self.labels_of(self.proba)


class _GivenValues(RegressorMixin, BaseEstimator):
    """A regressor that answers what it was given, whatever the rows."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> np.ndarray:
        """Return the values that were given."""
        return self.values
