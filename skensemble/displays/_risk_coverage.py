"""What is gained by leaving out the rows that one is least sure of."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skensemble.displays._fitted import name_of, proba_of
from skensemble.displays._style import axes_of, next_style, put_legend
from skensemble.metrics import risk_coverage_area, risk_coverage_curve

__all__ = ["RiskCoverageDisplay"]


class RiskCoverageDisplay:
    """Error among the rows that a classifier is most sure of, against how many these are.

    The lower the curve, the better. It ends at the error of all rows.

    Parameters
    ----------
    coverage : array-like of shape (n_points,)
        Shares of the rows.
    risk : array-like of shape (n_points,)
        Error among them, as `metrics.risk_coverage_curve` has it.
    area : float, default=None
        Area under the curve.
    name : str, default=None
        What the classifier is called.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D
        The curve.

    See Also
    --------
    skensemble.metrics.risk_coverage_area : The curve in one number.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skensemble.displays import RiskCoverageDisplay
    >>> display = RiskCoverageDisplay.from_predictions([0, 1, 0, 1], [0.1, 0.9, 0.3, 0.4])
    >>> display.risk[-1]
    np.float64(0.25)
    >>> plt.close(display.figure_)
    """

    def __init__(
        self, *, coverage: Any, risk: Any, area: float | None = None, name: str | None = None
    ) -> None:
        self.coverage = coverage
        self.risk = risk
        self.area = area
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        name: str | None = None,
        ax: Any = None,
        **line_kw: Any,
    ) -> "RiskCoverageDisplay":
        """Rank held-out rows by the confidence of a fitted classifier, of any library.

        Parameters
        ----------
        estimator : object
            Fitted classifier with `predict_proba`.
        X : array-like of shape (n_samples, ...)
            Rows that it has not seen.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        name : str, default=None
            What the classifier is called; None takes its class.
        ax : matplotlib Axes, default=None
            Where to draw, also among other curves; None makes a figure.
        **line_kw : object
            Keywords of matplotlib's `plot`.

        Returns
        -------
        display : RiskCoverageDisplay

        Raises
        ------
        InvalidParameterError
            If `estimator` has no probabilities, or an argument breaks its rule.
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(estimator)
        how = {"labels": estimator.classes_} if hasattr(estimator, "classes_") else {}
        how |= {"sample_weight": sample_weight, "ax": ax}
        name = name_of(estimator) if name is None else name
        return cls.from_predictions(y, proba_of(estimator, X), name=name, **how, **line_kw)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        sample_weight: Any = None,
        labels: Any = None,
        name: str | None = None,
        ax: Any = None,
        **line_kw: Any,
    ) -> "RiskCoverageDisplay":
        """Rank rows by their confidence.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
            Probabilities, columns in the order of the sorted labels; of two, those of the second.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        labels : array-like of shape (n_classes,), default=None
            All labels; needed where some have no row.
        name : str, default=None
            What the classifier is called.
        ax : matplotlib Axes, default=None
            Where to draw, also among other curves; None makes a figure.
        **line_kw : object
            Keywords of matplotlib's `plot`.

        Returns
        -------
        display : RiskCoverageDisplay

        Raises
        ------
        InvalidParameterError
            If an argument breaks its rule.
        """
        how = {"sample_weight": sample_weight, "labels": labels}
        coverage, risk, _ = risk_coverage_curve(y_true, y_proba, **how)
        area = risk_coverage_area(y_true, y_proba, **how)
        return cls(coverage=coverage, risk=risk, area=area, name=name).plot(ax, **line_kw)

    def plot(self, ax: Any = None, **line_kw: Any) -> "RiskCoverageDisplay":
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw, also among other curves; None makes a figure.
        **line_kw : object
            Keywords of matplotlib's `plot`.

        Returns
        -------
        self : RiskCoverageDisplay
        """
        (ax,) = axes_of(ax, self)
        named = [] if self.name is None else [self.name]
        named += [] if self.area is None else [f"area {self.area:.3g}"]
        style = next_style(ax, "risk-coverage") | {"marker": None, "linewidth": 1.8}
        style |= {"label": ": ".join(named)} if named else {}
        (self.line_,) = ax.plot(self.coverage, self.risk, **(style | line_kw))
        ax.set(xlabel="coverage (surest rows first)", ylabel="error among these rows")
        ax.set_xlim(0, 1.01)
        put_legend(ax)
        ax.set_ylim(bottom=-0.03 * np.max(ax.get_ylim()))
        self.ax_, self.figure_ = ax, ax.get_figure(root=True)
        return self
