"""Whether probabilities keep what they promise."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skensemble.displays._fitted import name_of, proba_of
from skensemble.displays._style import axes_of, is_wide, next_style, put_legend
from skensemble.metrics import calibration_bins

__all__ = ["ReliabilityDisplay"]


class ReliabilityDisplay:
    """Accuracy against confidence, in bins, above how many rows there are in each.

    On the dotted diagonal a classifier is right as often as it claims; below it, it is too sure.
    scikit-learn's `CalibrationDisplay` shows one class of two; this one the most probable of many.

    Parameters
    ----------
    edges : array-like of shape (n_bins + 1,)
        From 0 to 1.
    confidence, accuracy : array-like of shape (n_bins,)
        Means of the rows of each bin, nan where there are none, as `metrics.calibration_bins` has
        them.
    weight : array-like of shape (n_bins,)
        Rows in each bin, or the sum of their weights.
    name : str, default=None
        What the classifier is called.

    Attributes
    ----------
    error : float
        Expected calibration error over these bins.
    ax_ : matplotlib Axes or ndarray of two
        The diagram, and the counts below it.
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D
        Accuracy against confidence.
    counts_ : matplotlib StepPatch or None
        The counts, where there are axes for them.

    See Also
    --------
    skensemble.metrics.expected_calibration_error : The diagram in one number.

    Examples
    --------
    Several classifiers are drawn on one pair of axes:

    >>> import matplotlib.pyplot as plt
    >>> from skensemble.displays import ReliabilityDisplay
    >>> labels = ["a", "b", "b", "a"]
    >>> sure, unsure = [0.1, 0.9, 0.9, 0.9], [0.3, 0.7, 0.7, 0.7]
    >>> display = ReliabilityDisplay.from_predictions(labels, sure, name="sure")
    >>> other = ReliabilityDisplay.from_predictions(labels, unsure, name="unsure", ax=display.ax_)
    >>> round(display.error, 2), round(other.error, 2)
    (0.15, 0.05)
    >>> plt.close(display.figure_)
    """

    def __init__(
        self, *, edges: Any, confidence: Any, accuracy: Any, weight: Any, name: str | None = None
    ) -> None:
        self.edges = edges
        self.confidence = confidence
        self.accuracy = accuracy
        self.weight = weight
        self.name = name

    @property
    def error(self) -> float:
        """Expected calibration error over these bins."""
        weight = np.asarray(self.weight)
        distances = abs(np.asarray(self.accuracy) - self.confidence)
        return float((weight * distances)[weight > 0].sum() / weight.sum())

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        n_bins: int = 15,
        strategy: str = "uniform",
        sample_weight: Any = None,
        name: str | None = None,
        ax: Any = None,
        **line_kw: Any,
    ) -> "ReliabilityDisplay":
        """Hold the probabilities of a fitted classifier, of any library, to held-out rows.

        Parameters
        ----------
        estimator : object
            Fitted classifier with `predict_proba`.
        X : array-like of shape (n_samples, ...)
            Rows that it has not seen.
        y : array-like of shape (n_samples,)
            Labels.
        n_bins : int, default=15
            Number of bins, as many as `metrics.expected_calibration_error` has.
        strategy : {"uniform", "quantile"}, default="uniform"
            Whether bins have equal widths or equal numbers of rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        name : str, default=None
            What the classifier is called; None takes its class.
        ax : matplotlib Axes, two of them, or None, default=None
            Where to draw; None makes a figure.
        **line_kw : object
            Keywords of matplotlib's `plot` for the line.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        InvalidParameterError
            If `estimator` has no probabilities, or an argument breaks its rule.
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(estimator)
        how = {"n_bins": n_bins, "strategy": strategy, "sample_weight": sample_weight}
        how |= {"labels": estimator.classes_} if hasattr(estimator, "classes_") else {}
        name = name_of(estimator) if name is None else name
        proba = proba_of(estimator, X)
        return cls.from_predictions(y, proba, **how, name=name, ax=ax, **line_kw)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        n_bins: int = 15,
        strategy: str = "uniform",
        sample_weight: Any = None,
        labels: Any = None,
        name: str | None = None,
        ax: Any = None,
        **line_kw: Any,
    ) -> "ReliabilityDisplay":
        """Hold probabilities to labels.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
            Probabilities, columns in the order of the sorted labels; of two, those of the second.
        n_bins : int, default=15
            Number of bins, as many as `metrics.expected_calibration_error` has.
        strategy : {"uniform", "quantile"}, default="uniform"
            Whether bins have equal widths or equal numbers of rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        labels : array-like of shape (n_classes,), default=None
            All labels; needed where some have no row.
        name : str, default=None
            What the classifier is called.
        ax : matplotlib Axes, two of them, or None, default=None
            Where to draw; None makes a figure.
        **line_kw : object
            Keywords of matplotlib's `plot` for the line.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        InvalidParameterError
            If an argument breaks its rule.
        """
        how = {"n_bins": n_bins, "strategy": strategy, "labels": labels}
        bins = calibration_bins(y_true, y_proba, sample_weight=sample_weight, **how)
        return cls(**bins._asdict(), name=name).plot(ax, **line_kw)

    def plot(self, ax: Any = None, **line_kw: Any) -> "ReliabilityDisplay":
        """Draw the diagram, and the counts below it.

        Parameters
        ----------
        ax : matplotlib Axes, two of them, or None, default=None
            Where to draw: on one the diagram alone, on two diagram and counts, such as `ax_` of
            another display. None makes a figure.
        **line_kw : object
            Keywords of matplotlib's `plot` for the line.

        Returns
        -------
        self : ReliabilityDisplay
        """
        has_counts = ax is None or not hasattr(ax, "plot")
        axes = axes_of(ax, self, n_rows=1 + has_counts, heights=[3.4, 1.4] if has_counts else None)
        top, filled = axes[0], np.asarray(self.weight) > 0
        if not any(line.get_gid() == "diagonal" for line in top.lines):
            style = {"color": "0.5", "linestyle": ":", "gid": "diagonal", "label": "calibrated"}
            top.plot([0, 1], [0, 1], **style)
        style = next_style(top, "reliability")
        name = "" if self.name is None else f"{self.name}: "
        style |= {"label": f"{name}ECE {self.error:.3f}", "markersize": 5} | line_kw
        x, y = (np.asarray(values)[filled] for values in (self.confidence, self.accuracy))
        (self.line_,) = top.plot(x, y, **style)
        top.set(ylabel="accuracy", xlim=(-0.02, 1.02), yticks=np.linspace(0, 1, 6))
        put_legend(top)
        self.counts_ = None
        if has_counts:
            self.counts_ = self._draw_counts(axes[1], self.line_)
        axes[-1].set_xlabel("confidence (largest probability)")
        self.ax_ = np.array(axes) if has_counts else top
        self.figure_ = top.get_figure(root=True)
        return self

    def _draw_counts(self, ax: Any, line: Any) -> Any:
        weight = np.asarray(self.weight, dtype=float)
        look = {"edgecolor": line.get_color(), "linestyle": line.get_linestyle(), "linewidth": 1.5}
        counts = ax.stairs(weight, self.edges, **look)
        drawn = [patch.get_data().values for patch in ax.patches if hasattr(patch, "get_data")]
        all_counts = np.concatenate(drawn)
        all_counts = all_counts[all_counts > 0]
        ax.set_ylabel("rows")
        if is_wide(all_counts):
            # Nearly all rows of a good classifier are in the last bin.
            ax.set_yscale("log")
            ax.set_ylim(0.5 * all_counts.min(), 2 * all_counts.max())
        else:
            ax.set_ylim(0, 1.1 * all_counts.max())
        return counts
