"""What all ensembles of classifiers predict."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from skorch import NeuralNetClassifier

from skensemble.averaging import staged_average
from skensemble.data import encode, learn_classes
from skensemble.ensembles._base import BaseEnsemble
from skensemble.nets import NetClassifier


class EnsembleClassifier(ClassifierMixin, BaseEnsemble):
    """Base of the classifiers: members give probabilities, the ensemble their mean."""

    _default_net = NetClassifier
    _accepted_net = NeuralNetClassifier

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the weighted mean of the members' probabilities.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; float32 from a net of that precision.
        """
        return _at_most_1(self._mean_output(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of `predict_proba`, in nats; minus infinity for a probability of 0.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

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
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

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
        yield from map(_at_most_1, staged_average(self.member_predict_proba(X)))

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
        for proba in self.staged_predict_proba(X):
            yield self.classes_[proba.argmax(axis=1)]

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

    def _learn_targets(self, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
        self.classes_, codes = learn_classes(y)
        return codes

    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        return encode(y, self.classes_, "y_val")

    def _coding(self) -> np.ndarray:
        return self.classes_

    def _n_outputs(self) -> int:
        return len(self.classes_)

    @staticmethod
    def _row_losses(output: np.ndarray, y: np.ndarray) -> np.ndarray:
        proba = output[np.arange(len(y)), y]
        return -np.log(np.maximum(proba, np.finfo(proba.dtype).tiny))

    @staticmethod
    def _score_output(output: np.ndarray, y: np.ndarray, sample_weight: Any) -> float:
        return accuracy_score(y, output.argmax(axis=1), sample_weight=sample_weight)


def _at_most_1(proba: np.ndarray) -> np.ndarray:
    """Cut off what rounding adds to a mean of ones; scikit-learn's metrics refuse more than 1."""
    return np.minimum(proba, 1, out=proba)
