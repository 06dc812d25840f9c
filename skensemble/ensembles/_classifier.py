"""What all ensembles of classifiers predict."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier

from skensemble._arrays import are_probabilities
from skensemble._checks import InvalidParameterError
from skensemble.averaging import UncertaintyParts, at_most_1, uncertainty_parts
from skensemble.data import encode, learn_classes
from skensemble.ensembles._base import BaseEnsemble
from skensemble.nets import (
    NetClassifier,
    check_probabilities,
    log_of_probabilities,
    told_of_scores,
    with_class_weight,
)
from skensemble.weighting import log_loss_weights


class EnsembleClassifier(ClassifierMixin, BaseEnsemble):
    """Base of the classifiers: members give probabilities, the ensemble their mean."""

    _default_net = NetClassifier
    _accepted_net = (NeuralNetClassifier, NeuralNetBinaryClassifier)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the weighted mean of the members' probabilities.

        A net with a loss of its own on logits gives scores of any scale; they are averaged as they
        are.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; float32 from a net of that precision.
        """
        return at_most_1(self._mean_output(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of `predict_proba`, in nats; minus infinity for a probability of 0.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)

        Raises
        ------
        InvalidParameterError
            If the net gives scores instead of probabilities.
        """
        return log_of_probabilities(self.predict_proba(X), self.template_net_)

    def predict_uncertainty(self, X: Any) -> UncertaintyParts:
        """Say how unsure the ensemble is of each row, and which part its members disagree on.

        The entropy of `predict_proba` is the mean of the members' own entropies, which overlapping
        classes leave, plus the mutual information of label and member, which grows where the
        members disagree, as they do far from the training rows. Members count by `weights_`; of a
        single one the second part is 0.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        parts : UncertaintyParts
            Arrays `total`, `aleatoric` and `epistemic`, each of shape (n_samples,), in nats.

        Raises
        ------
        InvalidParameterError
            If the net gives scores instead of probabilities.

        Notes
        -----
        A pipeline has no such method: hand its last step what the others make of the rows,
        ``pipe[-1].predict_uncertainty(pipe[:-1].transform(X))``.
        """
        X = self._check_rows(X)
        weights = self._weights()
        members = np.flatnonzero(weights)
        proba = self._predictor_.outputs(X, members)
        for scores in proba:
            check_probabilities(scores, self.template_net_)
        return uncertainty_parts(proba, weights[members])

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of each row.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        return self._labels_of(self.predict_proba(X))

    def member_predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of each member, also of those that `m` leaves out.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_members, n_samples, n_classes)
            Oldest member first.
        """
        return self._member_outputs(X)

    def staged_predict_proba(self, X: Any) -> Iterator[np.ndarray]:
        """Yield the equal mean over the last 1, 2, ... members, up to all.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Yields
        ------
        proba : ndarray of shape (n_samples, n_classes)
        """
        yield from map(at_most_1, self._staged(self.member_predict_proba(X)))

    def staged_predict(self, X: Any) -> Iterator[np.ndarray]:
        """Yield the labels predicted by the last 1, 2, ... members, up to all.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Yields
        ------
        labels : ndarray of shape (n_samples,)
        """
        yield from map(self._labels_of, self.staged_predict_proba(X))

    def staged_score(self, X: Any, y: Any, sample_weight: Any = None) -> np.ndarray:
        """Return the accuracy of the last 1, 2, ... members, up to all.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.
        y : array-like of shape (n_samples,)
            True labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        scores : ndarray of shape (n_members,)
        """
        return np.array(
            [
                accuracy_score(y, labels, sample_weight=sample_weight)
                for labels in self.staged_predict(X)
            ]
        )

    def _learn_targets(
        self, net: NeuralNet, y: np.ndarray, sample_weight: np.ndarray | None
    ) -> np.ndarray:
        self.classes_, codes = learn_classes(y, getattr(net, "classes", None))
        return codes

    def _weigh(self, net: NeuralNet, codes: np.ndarray, sample_weight: Any) -> Any:
        class_weight = getattr(net, "class_weight", None)
        return with_class_weight(class_weight, self.classes_, codes, sample_weight)

    def _encode_targets(self, y: np.ndarray, name: str = "y_val") -> np.ndarray:
        return encode(y, self.classes_, name)

    def _coding(self) -> np.ndarray:
        return self.classes_

    def _n_outputs(self) -> int:
        return len(self.classes_)

    def _labels_of(self, scores: np.ndarray) -> np.ndarray:
        return self.classes_[codes_of(scores, self._threshold())]

    def _threshold(self) -> float | None:
        # skorch's net of two classes has one.
        return getattr(self.template_net_, "threshold", None)

    @staticmethod
    def _row_losses(output: np.ndarray, y: np.ndarray) -> np.ndarray:
        if not are_probabilities(output):
            return np.not_equal(output.argmax(axis=1), y).astype(output.dtype)
        proba = output[np.arange(len(y)), y]
        return -np.log(np.maximum(proba, np.finfo(proba.dtype).tiny))

    def _fit_weights(self, outputs: np.ndarray, y: np.ndarray, row_weight: Any) -> np.ndarray:
        for scores in outputs:
            if not are_probabilities(scores):
                rule = "'uniform' for a net that gives scores instead of probabilities"
                raise InvalidParameterError(
                    f"weights must be {rule} (predict_nonlinearity turns scores into them), got "
                    f"{self.weights!r} and {told_of_scores(scores, self.template_net_)}."
                )
        return log_loss_weights(outputs, y, row_weight)

    @staticmethod
    def _score_output(
        output: np.ndarray, y: np.ndarray, sample_weight: Any, threshold: float | None = None
    ) -> float:
        return accuracy_score(y, codes_of(output, threshold), sample_weight=sample_weight)

    def _score(self, output: np.ndarray, y: np.ndarray, sample_weight: Any) -> float:
        return self._score_output(output, y, sample_weight, self._threshold())


def codes_of(scores: np.ndarray, threshold: float | None) -> np.ndarray:
    """Return the code of the highest score of each row, or of class 1 above a threshold."""
    codes = scores.argmax(axis=1) if threshold is None else scores[:, 1] > threshold
    return codes.astype(np.intp)
