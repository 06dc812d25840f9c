"""Scores of what members have given already, by any of scikit-learn's scorers."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.metrics import accuracy_score, check_scoring, r2_score

from skensemble._checks import reject
from skensemble.averaging import at_most_1, average

__all__ = ["FunctionScorer", "Scorer", "name_of_score", "scores_of_members"]


class Scorer:
    """Scores outputs of an ensemble or of its members.

    Scores of losses are turned round, so that they are the loss.

    Parameters
    ----------
    scoring : str, callable or None
        As scikit-learn has it; None is accuracy, or R squared.
    classes : ndarray of shape (n_classes,), default=None
        Labels of the outputs' columns; None scores values of a regression.
    labels_of : callable, default=None
        Gives the labels that probabilities stand for; None takes the most probable ones.

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

    def __init__(
        self,
        scoring: Any,
        classes: np.ndarray | None = None,
        labels_of: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.classes, self.labels_of = classes, labels_of
        default = "r2" if classes is None else "accuracy"
        try:
            self.scorer = check_scoring(scoring=default if scoring is None else scoring)
        except (ValueError, TypeError):
            rule = "None, a scorer's name such as 'neg_log_loss', or one by make_scorer"
            raise reject("scoring", rule, scoring) from None
        self.is_loss = getattr(self.scorer, "_sign", 1) < 0
        function = getattr(self.scorer, "_score_func", self.scorer)
        self.name = name_of_score(getattr(function, "__name__", type(function).__name__))

    @classmethod
    def of(cls, ensemble: Any, scoring: Any) -> "Scorer":
        """Return what scores outputs of a fitted ensemble, by its labels."""
        if is_classifier(ensemble):
            return cls(scoring, ensemble.classes_, ensemble._labels_of)
        return cls(scoring)

    def __call__(self, output: np.ndarray, y: Any, sample_weight: Any = None) -> float:
        """Score probabilities of shape (n_samples, n_classes), or values, of some rows."""
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        # The rows do not matter, but their number may be looked at.
        rows = np.empty((len(output), 1))
        score = float(self.scorer(self._answering(output), rows, y, **weight))
        return -score if self.is_loss else score

    def _answering(self, output: np.ndarray) -> Any:
        """Return an estimator that answers an output."""
        if self.classes is None:
            return _GivenValues(output)
        return _GivenProba(output, self.classes, self.labels_of)


class FunctionScorer:
    """Scores outputs by a function of labels or targets and of what members give.

    Parameters
    ----------
    function : callable
        Returns a score of labels or targets, and of probabilities or values; with
        `sample_weight` as a keyword where rows have weights.
    lower_is_better : bool
        Whether it is a loss.
    classes : ndarray of shape (n_classes,), default=None
        Labels of the outputs' columns; None scores values of a regression.

    Attributes
    ----------
    name : str
        What a score is, for an axis.
    is_loss : bool
        Whether lower is better.
    """

    def __init__(
        self,
        function: Callable[..., float],
        lower_is_better: bool,
        classes: np.ndarray | None = None,
    ) -> None:
        self.function, self.is_loss, self.classes = function, lower_is_better, classes
        self.name = name_of_score(getattr(function, "__name__", type(function).__name__))

    def __call__(self, output: np.ndarray, y: Any, sample_weight: Any = None) -> float:
        """Score probabilities of shape (n_samples, n_classes), or values, of some rows."""
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        return float(self.function(y, output, **weight))


def scorer_of(
    scoring: Any, classes: np.ndarray | None, lower_is_better: bool
) -> Scorer | FunctionScorer:
    """Return what scores outputs, by a scorer of scikit-learn or by a function of outputs.

    Raises
    ------
    InvalidParameterError
        If `scoring` is neither.
    """
    if callable(scoring) and not hasattr(scoring, "_score_func"):
        return FunctionScorer(scoring, lower_is_better, classes)
    return Scorer(scoring, classes)


def checked_outputs(
    y_true: Any, member_outputs: Any, labels: Any
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what members give, as an array, and the labels of its columns; None for values.

    Raises
    ------
    InvalidParameterError
        If shapes do not fit each other.
    """
    try:
        outputs, shape = np.asarray(member_outputs), np.shape(y_true)
        outputs = outputs if outputs.dtype.kind == "f" else outputs.astype(np.float64)
    except (TypeError, ValueError):
        raise reject("member_outputs", "an array of numbers", member_outputs) from None
    are_values = outputs.shape[1:] == shape
    are_proba = outputs.ndim == 3 and outputs.shape[1:2] == shape
    if not outputs.size or not (are_values or are_proba):
        rule = f"probabilities or values of each member, for y_true of shape {shape}"
        raise reject("member_outputs", rule, outputs.shape)
    if are_values:
        return outputs, None
    classes = np.unique(y_true if labels is None else labels)
    if len(classes) != outputs.shape[2]:
        rule = f"one for each of the {outputs.shape[2]} columns of member_outputs"
        raise reject("labels", rule, classes.tolist())
    return outputs, classes


def scores_of_members(
    outputs: np.ndarray,
    y: Any,
    score: Scorer | FunctionScorer,
    *,
    staged: Iterable[np.ndarray],
    weights: Mapping[str, np.ndarray],
    sample_weight: Any = None,
) -> dict[str, Any]:
    """Return scores of members, of means of the last of them, and of weighted means.

    Parameters
    ----------
    outputs : ndarray of shape (n_members, n_samples, ...)
        Probabilities or values, oldest member first.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Labels or targets.
    score : Scorer or FunctionScorer
        What scores an output.
    staged : iterable of ndarray of shape (n_samples, ...)
        Means of the last members.
    weights : dict of str to ndarray of shape (n_members,)
        Weights that sum to 1, by name.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    scores : dict
        Arguments of a `MemberScoresDisplay`.
    """

    def scored(output: np.ndarray) -> float:
        """Score an output, probabilities as `predict_proba` gives them."""
        return score(output if score.classes is None else at_most_1(output), y, sample_weight)

    return {
        "member_scores": np.array([scored(output) for output in outputs]),
        "staged_scores": np.array([scored(mean) for mean in staged]),
        "weighted_scores": {name: scored(average(outputs, own)) for name, own in weights.items()},
        "score_name": score.name,
        "lower_is_better": score.is_loss,
    }


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
        self,
        proba: np.ndarray,
        classes: np.ndarray,
        labels_of: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.proba, self.classes_, self.labels_of = proba, classes, labels_of

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities that were given."""
        return self.proba

    def predict(self, X: Any) -> np.ndarray:
        """Return the labels that they stand for."""
        if self.labels_of is None:
            return self.classes_[self.proba.argmax(axis=1)]
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
