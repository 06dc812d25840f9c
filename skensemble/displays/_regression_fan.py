"""A regression against one feature, with the intervals that it gives."""

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils.validation import check_is_fitted

from skensemble._checks import check_int, check_real, reject
from skensemble.displays._along import knows_noise, moments_of, way_along
from skensemble.displays._style import AVERAGE, MEMBER, axes_of, put_legend

__all__ = ["RegressionFanDisplay"]


class RegressionFanDisplay:
    """Mean and central intervals of a regression over one feature: a fan.

    Intervals are those of a normal distribution with the standard deviation that is predicted.

    Parameters
    ----------
    x : array-like of shape (n_points,)
        Values of the feature, in order.
    mean, std : array-like of shape (n_points,)
        Prediction and its standard deviation there.
    levels : sequence of float, default=(0.5, 0.8, 0.95)
        Probabilities of the intervals.
    x_train, y_train : array-like of shape (n_samples,), default=None
        Rows to show as dots.
    feature_name, target_name : str, default=None
        What the axes are called.
    band_name : str, default="interval"
        What the bands are called after their level.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D
        The mean.
    bands_ : dict of float to matplotlib artist
        The intervals, by level.
    points_ : matplotlib Line2D or None
        The training rows.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skensemble.displays import RegressionFanDisplay
    >>> display = RegressionFanDisplay(x=[0, 1, 2], mean=[1, 2, 2], std=[0.1, 0.2, 0.4]).plot()
    >>> list(display.bands_)
    [0.95, 0.8, 0.5]
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        x: Any,
        mean: Any,
        std: Any,
        levels: Sequence[float] = (0.5, 0.8, 0.95),
        x_train: Any = None,
        y_train: Any = None,
        feature_name: str | None = None,
        target_name: str | None = None,
        band_name: str = "interval",
    ) -> None:
        self.x = x
        self.mean = mean
        self.std = std
        self.levels = levels
        self.x_train = x_train
        self.y_train = y_train
        self.band_name = band_name
        self.feature_name = feature_name
        self.target_name = target_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        feature: int | str = 0,
        uncertainty: str = "total",
        levels: Sequence[float] = (0.5, 0.8, 0.95),
        n_points: int = 200,
        extend: float = 0.1,
        ax: Any = None,
    ) -> "RegressionFanDisplay":
        """Predict along one feature, a little beyond the rows that are there.

        Parameters
        ----------
        estimator : object
            Fitted regressor whose `predict` takes `return_std`: one of our ensembles or of another
            library, also at the end of a pipeline or as the best of a search.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows, best those of the training. Features that are not on x are held at their medians,
            columns of categories at the most frequent one.
        y : array-like of shape (n_samples,), default=None
            Their targets, to show the rows as dots.
        feature : int or str, default=0
            Which column is on x, by its place or, of a DataFrame, by its name.
        uncertainty : {"total", "noise", "spread"}, default="total"
            What the intervals are of: what `predict` returns, or one of the two parts that
            `predict_uncertainty` of our ensembles returns. Members of which none knows the noise
            give their spread alone, which most targets lie outside of; the legend says so.
        levels : sequence of float, default=(0.5, 0.8, 0.95)
            Probabilities of the intervals.
        n_points : int, default=200
            Points along the feature.
        extend : float, default=0.1
            How far to go beyond the rows at each end, as a share of their range.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : RegressionFanDisplay

        Raises
        ------
        InvalidParameterError
            If `estimator` is no regressor of one target, or an argument breaks its rule.
        NotFittedError
            If the estimator is not fitted.
        """
        if not is_regressor(estimator):
            raise reject("estimator", "a regressor", estimator)
        check_is_fitted(estimator)
        n_points = check_int("n_points", n_points, 2)
        check_real("extend", extend, 0)
        x, rows, values, name = way_along(X, feature, n_points, extend)
        mean, std = moments_of(estimator, rows, uncertainty)
        # Where nobody knows the noise, targets lie outside far more often than the level says.
        band = (
            {} if knows_noise(estimator, rows, uncertainty) else {"band_name": "spread of members"}
        )
        train = {} if y is None else {"x_train": values, "y_train": np.ravel(y)}
        display = cls(x=x, mean=mean, std=std, levels=levels, feature_name=name, **band, **train)
        return display.plot(ax)

    @classmethod
    def from_predictions(
        cls,
        x: Any,
        mean: Any,
        std: Any,
        *,
        levels: Sequence[float] = (0.5, 0.8, 0.95),
        x_train: Any = None,
        y_train: Any = None,
        ax: Any = None,
    ) -> "RegressionFanDisplay":
        """Draw predictions of any origin.

        Parameters
        ----------
        x : array-like of shape (n_points,)
            Values of the feature, in any order.
        mean, std : array-like of shape (n_points,)
            Prediction and its standard deviation there.
        levels : sequence of float, default=(0.5, 0.8, 0.95)
            Probabilities of the intervals.
        x_train, y_train : array-like of shape (n_samples,), default=None
            Rows to show as dots.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : RegressionFanDisplay

        Raises
        ------
        InvalidParameterError
            If `mean` or `std` has not a number for each of `x`, or a standard deviation or level
            breaks its rule.
        """
        x, mean, std = (np.asarray(values, dtype=float) for values in (x, mean, std))
        for name, values in (("mean", mean), ("std", std)):
            if x.ndim != 1 or values.shape != x.shape:
                raise reject(name, f"of shape (n_points,), as x of shape {x.shape}", values.shape)
        if not (std >= 0).all():
            raise reject("std", ">= 0 everywhere", std)
        order, train = np.argsort(x), {"x_train": x_train, "y_train": y_train}
        return cls(x=x[order], mean=mean[order], std=std[order], levels=levels, **train).plot(ax)

    def plot(self, ax: Any = None) -> "RegressionFanDisplay":
        """Draw the fan.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : RegressionFanDisplay

        Raises
        ------
        InvalidParameterError
            If a level is not between 0 and 1.
        """
        levels = sorted(self.levels, reverse=True)
        for level in levels:
            check_real("levels", level, 0, high=1, low_open=True, high_open=True)
        (ax,) = axes_of(ax, self)
        mean, std = np.asarray(self.mean), np.asarray(self.std)
        self.bands_ = {}
        for k, level in enumerate(levels):
            width = NormalDist().inv_cdf((1 + level) / 2) * std
            look = {"color": AVERAGE, "alpha": 0.18 + 0.1 * k, "linewidth": 0}
            label = f"{100 * level:g} % {self.band_name}"
            band = ax.fill_between(self.x, mean - width, mean + width, label=label, **look)
            self.bands_[level] = band
        (self.line_,) = ax.plot(self.x, mean, color=AVERAGE, linewidth=2, label="mean", zorder=3)
        self.points_ = None
        if self.y_train is not None:
            style = {"color": MEMBER, "marker": "o", "linestyle": "none", "markersize": 3}
            style |= {"label": "rows", "zorder": 2, "alpha": 0.8}
            (self.points_,) = ax.plot(self.x_train, self.y_train, **style)
        ax.set_xlabel("feature" if self.feature_name is None else self.feature_name)
        ax.set_ylabel("target" if self.target_name is None else self.target_name)
        ax.margins(x=0)
        put_legend(ax, n_columns=3)
        self.ax_, self.figure_ = ax, ax.get_figure(root=True)
        return self
