"""What all ensembles of regressors predict."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet, NeuralNetRegressor
from torch import nn

from skensemble.averaging import NoiseAndSpread, average
from skensemble.data import TargetScaler
from skensemble.ensembles._base import BaseEnsemble
from skensemble.nets import NetRegressor, is_gaussian, is_standardized
from skensemble.seeding import building_seeded
from skensemble.weighting import squared_error_weights


class EnsembleRegressor(RegressorMixin, BaseEnsemble):
    """Base of the regressors: members give values, the ensemble their mean and spread."""

    _default_net = NetRegressor
    _accepted_net = (NeuralNetRegressor,)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict the weighted mean of the members, in the units of the targets.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.
        return_std : bool, default=False
            Whether to give a standard deviation too. It is the spread of the members: how far they
            disagree, which is not the noise of the targets. Members that are trained by a Gaussian
            likelihood know the noise as well; from them it is that of a target about `y`, both
            parts of `predict_uncertainty` together.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape
            Only with `return_std`.
        """
        check_is_fitted(self)
        if not return_std:
            return self.target_scaler_.inverse(self._mean_output(X))
        mean, noise, spread = self._moments(X)
        std = spread if noise is None else np.hypot(noise, spread)
        return self.target_scaler_.inverse(mean), self.target_scaler_.inverse_spread(std)

    def predict_uncertainty(self, X: Any) -> NoiseAndSpread:
        """Say how noisy targets are, and how far the members disagree, in the targets' units.

        Both are standard deviations; the sum of their squares is the variance of a target about
        `predict` in the mixture of the members (Lakshminarayanan et al. 2017, section 2.4).

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        parts : NoiseAndSpread
            Arrays `noise` and `spread`, each of shape (n_samples,) or (n_samples, n_outputs).
            `noise` is the root of the weighted mean of the members' variances. It is None unless
            the net's module returns ``(mean, log_variance)`` and its criterion is the Gaussian
            likelihood: `torch.nn.GaussianNLLLoss`, or a loss of one's own that gives such a pair
            the same. `spread` is the weighted standard deviation of the members' means.

        Notes
        -----
        A pipeline has no such method: hand its last step what the others make of the rows,
        ``pipe[-1].predict_uncertainty(pipe[:-1].transform(X))``.
        """
        check_is_fitted(self)
        _, noise, spread = self._moments(X)
        units = self.target_scaler_.inverse_spread
        return NoiseAndSpread(None if noise is None else units(noise), units(spread))

    def _moments(self, X: Any) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Return the mean, the noise and the spread of the members, of encoded targets."""
        X = self._check_rows(X)
        members, weights = range(len(self.members_)), self._weights()
        values = self._predictor_.outputs(X, members)
        mean = average(values, weights)
        spread = np.sqrt(average((values - mean) ** 2, weights))
        if not self._is_gaussian_:
            return mean, None, spread
        log_variances = self._predictor_.second_outputs(X, members).astype(np.float64)
        noise = np.sqrt(average(np.exp(log_variances), weights))
        return mean, noise.astype(values.dtype), spread

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
        yield from self._staged(self.member_predict(X))

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

    def _learn_targets(
        self, net: NeuralNet, y: np.ndarray, sample_weight: np.ndarray | None
    ) -> np.ndarray:
        with building_seeded(0, torch.device("cpu")):
            # A criterion may draw something as it is built.
            self._is_gaussian_ = net.criterion is not nn.MSELoss and is_gaussian(net)
        self.target_scaler_ = TargetScaler(y, sample_weight, standardize=is_standardized(net))
        return self.target_scaler_.transform(y)

    def _encode_targets(self, y: np.ndarray, name: str = "y_val") -> np.ndarray:
        return self.target_scaler_.transform(y, name)

    def _coding(self) -> TargetScaler:
        return self.target_scaler_

    def _n_outputs(self) -> int:
        return self.target_scaler_.n_outputs

    @staticmethod
    def _row_losses(output: np.ndarray, y: np.ndarray) -> np.ndarray:
        return ((output - y) ** 2).mean(axis=1)

    def _fit_weights(self, outputs: np.ndarray, y: np.ndarray, row_weight: Any) -> np.ndarray:
        return squared_error_weights(outputs, y, row_weight)

    @staticmethod
    def _score_output(output: np.ndarray, y: np.ndarray, sample_weight: Any) -> float:
        return r2_score(y, output, sample_weight=sample_weight)
