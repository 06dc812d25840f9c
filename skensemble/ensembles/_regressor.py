"""What all ensembles of regressors predict."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNetRegressor

from skensemble.averaging import average, staged_average
from skensemble.data import TargetScaler
from skensemble.ensembles._base import BaseEnsemble
from skensemble.nets import NetRegressor


class EnsembleRegressor(RegressorMixin, BaseEnsemble):
    """Base of the regressors: members give values, the ensemble their mean and spread."""

    _default_net = NetRegressor
    _accepted_net = NeuralNetRegressor

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict the weighted mean of the members, in the units of the targets.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.
        return_std : bool, default=False
            Whether to give the spread of the members too: how far they disagree, which is not the
            noise of the targets.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape
            Weighted standard deviation of the members about `y`. Only with `return_std`.
        """
        check_is_fitted(self)
        if not return_std:
            return self.target_scaler_.inverse(self._mean_output(X))
        values = self._member_outputs(X)
        mean = average(values, self._weights())
        std = np.sqrt(average((values - mean) ** 2, self._weights()))
        return self.target_scaler_.inverse(mean), self.target_scaler_.inverse_spread(std)

    def member_predict(self, X: Any) -> np.ndarray:
        """Return what each member predicts, also those that `m` leaves out.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_members, n_samples) or (n_members, n_samples, n_outputs)
            Oldest member first.
        """
        check_is_fitted(self)
        return self.target_scaler_.inverse(self._member_outputs(X))

    def staged_predict(self, X: Any) -> Iterator[np.ndarray]:
        """Predict the equal mean of the last 1, 2, ... members, up to all.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Yields
        ------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        yield from staged_average(self.member_predict(X))

    def staged_score(self, X: Any, y: Any, sample_weight: Any = None) -> np.ndarray:
        """Return R squared of the last 1, 2, ... members, up to all.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        scores : ndarray of shape (n_members,)
        """
        return np.array(
            [r2_score(y, values, sample_weight=sample_weight) for values in self.staged_predict(X)]
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _learn_targets(self, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
        self.target_scaler_ = TargetScaler(y, sample_weight)
        return self.target_scaler_.transform(y)

    def _encode_targets(self, y: np.ndarray) -> np.ndarray:
        return self.target_scaler_.transform(y, "y_val")

    def _coding(self) -> TargetScaler:
        return self.target_scaler_

    def _n_outputs(self) -> int:
        return self.target_scaler_.n_outputs

    @staticmethod
    def _row_losses(output: np.ndarray, y: np.ndarray) -> np.ndarray:
        return ((output - y) ** 2).mean(axis=1)

    @staticmethod
    def _score_output(output: np.ndarray, y: np.ndarray, sample_weight: Any) -> float:
        return r2_score(y, output, sample_weight=sample_weight)
