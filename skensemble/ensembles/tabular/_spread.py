"""Intervals of a regressor of tables: the spread of its members, and the noise left out of fold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skensemble._checks import reject
from skensemble.averaging import NoiseAndSpread, average
from skensemble.ensembles.cross_fitted._out_of_fold import OutOfFold
from skensemble.ensembles.tabular._intervals import at_levels, levels_of, variances_of


class HasIntervals:
    """Mixin: how far targets lie from predictions, learnt from the rows that nets left out."""

    target_scaler_: Any
    member_nets_: np.ndarray

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict the weighted mean of the members, in the units of the targets.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        return_std : bool, default=False
            Whether to give the standard deviation of a target about `y` too: noise and the
            disagreement of members together, as large as errors were on rows that were left out.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape
            Only with `return_std`.
        """
        if not return_std:
            return super().predict(X)  # type: ignore[misc]
        mean, deviation = self._mean_and_deviation(X)
        units = self.target_scaler_
        return units.inverse(mean), units.inverse_spread(deviation)

    def predict_quantiles(self, X: Any, quantiles: Sequence[float] = (0.05, 0.5, 0.95)) -> Any:
        """Predict quantiles of the target of each row.

        They are those of the errors on rows that were left out, in units of the standard deviation
        of each row, about its prediction.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        quantiles : float or sequence of float, default=(0.05, 0.5, 0.95)
            Above 0 and below 1.

        Returns
        -------
        y : ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            In the order of `quantiles`; without the last axis for a single float.

        Raises
        ------
        InvalidParameterError
            If a quantile is no float between 0 and 1, or there are more axes than one.
        """
        check_is_fitted(self)
        own = np.ravel(quantiles)
        is_inside = own.dtype.kind in "iuf" and own.size and ((own > 0) & (own < 1)).all()
        if not is_inside or np.ndim(quantiles) > 1:
            raise reject("quantiles", "one or more floats above 0 and below 1", quantiles)
        mean, deviation = self._mean_and_deviation(X)
        factors = at_levels(self._error_levels_, own.tolist())
        values = [self.target_scaler_.inverse(mean + deviation * factor) for factor in factors]
        stacked = np.stack(values, axis=-1)
        return stacked[..., 0] if np.ndim(quantiles) == 0 else stacked

    def predict_uncertainty(self, X: Any) -> NoiseAndSpread:
        """Say how noisy targets are, and how far the members disagree, in the targets' units.

        Both are standard deviations, brought to the size of the errors on rows that were left out;
        the sum of their squares is the variance of a target about `predict`.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        parts : NoiseAndSpread
            Arrays `noise` and `spread`, each of shape (n_samples,) or (n_samples, n_outputs).
            `noise` is the same for all rows.
        """
        check_is_fitted(self)
        outputs = self._member_outputs(X)  # type: ignore[attr-defined]
        least, slope = self._variance_lines_
        spread = np.sqrt(slope) * self._spread_of_parts(outputs)
        noise = np.broadcast_to(np.sqrt(least), spread.shape)
        units = self.target_scaler_.inverse_spread
        return NoiseAndSpread(units(noise.astype(spread.dtype)), units(spread))

    def _mean_and_deviation(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean, and the standard deviation of targets about it, of encoded targets."""
        check_is_fitted(self)
        outputs = self._member_outputs(X)  # type: ignore[attr-defined]
        mean = average(outputs, self._weights())  # type: ignore[attr-defined]
        least, slope = self._variance_lines_
        deviation = np.sqrt(least + slope * self._spread_of_parts(outputs) ** 2)
        return mean, deviation.astype(mean.dtype)

    def _spread_of_parts(self, outputs: np.ndarray) -> np.ndarray:
        """Return how far the positions and groups disagree, on average over the nets of a fold.

        That is what is known of rows that were left out: each part has left them out once. Members
        of no weight count as well: late ones, which over-fit, show best where targets are noisy.
        """
        folds = self.member_nets_ % (int(self.test_fold_.max()) + 1)
        variances = [outputs[folds == fold].var(axis=0) for fold in np.unique(folds)]
        return np.sqrt(np.mean(variances, axis=0))

    def _learn_from_oof(
        self, output: np.ndarray, out_of_fold: OutOfFold, sample_weight: np.ndarray | None
    ) -> None:
        """Learn the size of errors from what was predicted for rows that were left out."""
        spread = np.stack(out_of_fold.outputs).std(axis=0)
        residual = out_of_fold.y.reshape(output.shape) - output
        self._variance_lines_ = variances_of(residual, spread, sample_weight)
        least, slope = self._variance_lines_
        deviation = np.sqrt(least + slope * spread**2)
        standardized = np.divide(
            residual, deviation, out=np.zeros_like(residual), where=deviation > 0
        )
        self._error_levels_ = levels_of(standardized, sample_weight)
